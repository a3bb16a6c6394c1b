"""Output for programs and for people: one document, values before and after, filters, narrow terminals."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import yaml
from django.utils import timezone

from deployments.access.models.grants import Label
from deployments.access.texts.roles import RIGHTS
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from sanso_cli import output, texts
from tests.command_line.portal_in_process import PortalInProcess, Shell

pytestmark = [pytest.mark.core, pytest.mark.timeout(120)]


def test_json_is_one_document_also_if_the_command_waits_asks_or_changes_nothing(
    portal: PortalInProcess, shell: Shell, shop: Environment
) -> None:
    change = ("env", "change", "shop", "-p", "Database=other", "-o", "json")
    for command, typed in (
        ((*change, "--yes"), None),
        (change, "y\n"),
        ((*change, "--plan"), None),
        ((*change, "--yes", "--no-wait"), None),
        (("env", "delete", "shop", "--confirm", "shop", "--no-wait", "-o", "json"), None),
        (("wait", "shop", "-o", "json"), None),
        (("deployments", "-o", "json"), None),
    ):
        _, output, errors = shell.run(*command, typed=typed)
        assert json.loads(output), (command, output, errors)
    assert "succeeded" in shell.run(*change, "--yes")[2]  # the progress


def test_json_of_a_change_of_nothing_is_its_deployment(
    portal: PortalInProcess, shell: Shell, shop: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(_path: str) -> None:
        latest = Deployment.objects.latest("pk").pk
        Deployment.objects.filter(pk=latest).update(state="succeeded", last_phase="change_set")

    monkeypatch.setattr(portal, "_work", nothing)
    for more in ([], ["--plan"]):
        code, output, errors = shell.run("env", "change", "shop", "--yes", "-o", "json", *more)
        assert (code, json.loads(output)["state"]) == (0, "succeeded")
        assert "Nothing to change." in errors


def test_events_are_followed_as_lines_of_json(
    portal: PortalInProcess, shell: Shell, shop: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = {"seq": 1, "at": "2026-11-24T14:05:09Z", "source": "portal", "text": "Begun.", "code": "begun"}
    stream = f"event: event\nid: 1\ndata: {json.dumps(event)}\n\nevent: end\ndata: {{}}\n\n"
    answer = portal.answer
    monkeypatch.setattr(
        portal,
        "answer",
        lambda request: (
            httpx.Response(200, text=stream) if request.url.path.endswith("/stream") else answer(request)
        ),
    )

    _, output, errors = shell.run("follow", str(shop.latest_id), "--json")

    assert [json.loads(line) for line in output.splitlines()] == [event]
    assert "succeeded" in errors


def test_waiting_prints_events_from_now_on(portal: PortalInProcess, shell: Shell, shop: Environment) -> None:
    assert shop.latest
    Deployment.objects.filter(pk=shop.latest.pk).update(last_seq=57)
    asked: list[str] = []
    answer = portal.answer

    def watched(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("Last-Event-ID", ""))
        return answer(request)

    portal.answer = watched  # type: ignore[method-assign]
    assert shell.run("wait", "shop")[0] == 0
    assert asked[-2] == "57"


def test_a_plan_of_a_new_environment_is_checked_and_creates_nothing(
    portal: PortalInProcess, shell: Shell, shop: Environment, home: Path
) -> None:
    plan = ("deploy", "new", "--account", "production", "--plan", "-p", "Database=orders")
    for wrong, reason in (
        (("deploy", "1new", *plan[2:]), "starts with a letter"),
        ((*plan, "-p", "Password=long enough", "-p", "Nope=1"), "no parameter Nope"),
        (plan, "parameters.Password"),
        (("deploy", "new", "--plan"), "--account"),
        ((*plan, "--version", "x@9"), "No version x@9"),
        ((*plan, "-p", "Password=long enough", "--label", "Team=x"), "Team"),
    ):
        code, output, errors = shell.run(*wrong)
        assert (code, output) == (3, ""), wrong
        assert reason in errors, (wrong, errors)

    code, output, _ = shell.run(*plan, "-p", "Password=long enough", "-l", "team=payments", "-o", "json")
    assert (code, json.loads(output)["labels"]) == (2, {"team": "payments"})
    code, output, _ = shell.run(*plan, "-p", "Password=long enough")
    assert (code, "it would be created" in output, "Database=orders" in output) == (2, True, True)
    assert "long enough" not in output
    assert not Environment.objects.filter(name="new").exists()


def test_a_file_declares_labels_what_happens_on_failure_and_approval(
    portal: PortalInProcess, shell: Shell, shop: Environment, home: Path
) -> None:
    file = home / "new.yaml"
    declared = {
        "name": "new",
        "account": "production",
        "parameters": {"Database": "orders", "Password": "long enough"},
        "labels": {"team": "payments", "tier": 1},
        "on_failure": "keep",
        "requires_approval": False,
    }
    file.write_text(yaml.safe_dump(declared))
    assert shell.run("deploy", "-f", str(file), "--no-wait")[0] == 0
    body = portal.posted("/environments")
    assert (body["labels"], body["on_failure"]) == ({"team": "payments", "tier": "1"}, "keep")

    file.write_text(yaml.safe_dump(declared | {"labels": {"team": "other"}}))
    Deployment.objects.filter(environment__name="new").update(last_phase="stacks")
    Environment.objects.filter(name="new").update(stack_id="arn", stack_status="CREATE_COMPLETE")
    code, output, _ = shell.run("deploy", "-f", str(file), "--plan", "-o", "json")
    found = json.loads(output)
    assert (code, found["labels"]["after"]) == (2, {"team": "other"})
    assert shell.run("deploy", "-f", str(file), "--yes")[0] == 0
    assert portal.posted("/labels") == {"labels": {"team": "other"}}

    for wrong in ({"labels": ["a"]}, {"on_failure": "nothing"}, {"requires_approval": "maybe"}):
        file.write_text(yaml.safe_dump(declared | wrong))
        assert shell.run("deploy", "-f", str(file))[0] == 3


def test_lists_are_filtered(portal: PortalInProcess, shell: Shell, shop: Environment) -> None:
    Label.objects.create(environment=shop, key="team", value="payments")

    assert "shop" in shell.run("env", "list", "--label", "team=payments", "--account", "production")[1]
    assert "Nothing found." in shell.run("env", "list", "--label", "team=x")[1]
    assert "shop" in shell.run("env", "list", "--search", "SHO")[1]
    assert "Nothing found." in shell.run("env", "list", "--search", "shop", "--update")[1]
    output = shell.run("deployments", "--name", "shop", "--state", "succeeded", "--kind", "create")[1]
    assert "team=payments" in output
    assert "Nothing found." in shell.run("deployments", "--since", "2099-01-01 10:00")[1]


def test_a_preview_has_values_before_and_after(
    portal: PortalInProcess, shell: Shell, shop: Environment
) -> None:
    _, output, _ = shell.run("env", "change", "shop", "-p", "Database=other", "--plan")

    preview = json.loads(
        shell.run("env", "change", "shop", "-p", "Database=other", "--plan", "-o", "json")[1]
    )
    values = [one for resource in preview["resources"] for one in resource["values"]]
    shown = next(one for one in values if one["is_known"] and one["before"] and len(one["after"] or "") < 40)
    assert f"{shown['name']}: {' '.join(shown['before'].split())} → " in output
    assert "Database: " in output


def test_the_version_is_that_of_the_package(shell: Shell) -> None:
    project = tomllib.loads(Path("portal/command_line/pyproject.toml").read_text())["project"]
    assert shell.run("--version")[:2] == (0, f"sanso {project['version']}\n")


def test_a_time_may_have_a_space(portal: PortalInProcess, shell: Shell, shop: Environment) -> None:
    at = f"{timezone.localtime() + timedelta(days=2):%Y-%m-%d %H:%M}"
    values = ("-p", "Database=orders", "-p", "Password=long enough", "--account", "production")
    assert shell.run("deploy", "later", *values, "--at", at)[0] == 0


def test_words_are_not_broken_in_a_narrow_terminal(
    portal: PortalInProcess, shell: Shell, shop: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output.out, "_width", 40)
    for command in (("env", "list"), ("env", "show", "shop"), ("deployments",), ("whoami",)):
        wide = json.dumps(json.loads(shell.run(*command, "-o", "json")[1]))
        _, text, _ = shell.run(*command)
        for word in re.findall(r"[A-Za-z]{4,}", text):
            assert word.lower() in wide.lower() or word.lower() in HEADINGS_SHOWN, (command, word)


def test_rights_have_the_names_that_they_have_on_pages(portal: PortalInProcess, shell: Shell) -> None:
    printed = shell.run("whoami")[1]
    found = json.loads(shell.run("whoami", "-o", "json")[1])

    assert found["right_names"] == [RIGHTS[right] for right in found["rights"]]
    assert " ".join(found["right_names"]).replace(",", "") in " ".join(printed.replace(",", "").split())
    assert "Create environments" in printed
    assert "deployments." not in printed


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_sentences_about_commands_are_wrapped_and_not_shortened(language: str) -> None:
    command = [sys.executable, "-m", "sanso_cli", "env", "--help"]
    environment = os.environ | {"COLUMNS": "40", "SANSO_LANGUAGE": language}
    narrow = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    assert "..." not in narrow.partition("\n\n")[2]  # after the usage
    whole = {
        "en": "or roll back what was kept after a failure.",
        "ja": "失敗後に保持されたものをロールバックします。",
    }
    assert "".join(whole[language].split()) in "".join(narrow.split())


def test_help_is_not_cut_in_a_narrow_terminal() -> None:
    def help_in(columns: int) -> str:
        command = [sys.executable, "-m", "sanso_cli", "env", "change", "--help"]
        environment = os.environ | {"COLUMNS": str(columns), "SANSO_LANGUAGE": "en"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    narrow = help_in(40)

    assert max(map(len, narrow.splitlines())) <= 40
    assert "…" not in narrow
    assert {"--parameter", "environment's", "deployment", "--no-wait"} <= set(re.findall(r"[\w'-]+", narrow))


HEADINGS_SHOWN = " ".join(texts.HEADINGS) + " yes no none"
