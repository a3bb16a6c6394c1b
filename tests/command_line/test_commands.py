"""Commands and their exit codes, against the portal's own code."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml
from django.contrib.auth.models import User
from django.utils import timezone
from rich.console import Console

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.locks.models import EnvironmentLock
from sanso_cli import completion, session
from sanso_cli.tree import Tree
from tests.api.clients import Program
from tests.builders import allow, make_deployment, make_environment, make_event, make_user
from tests.command_line.portal_in_process import PortalInProcess, Shell
from tests.health_builders import server_id
from tests.live import scenes
from tests.previews import make_preview
from tests.template_versions import make_source, make_version

pytestmark = [pytest.mark.core, pytest.mark.timeout(120)]


def test_lists_are_tables_json_or_yaml(portal: PortalInProcess, shell: Shell, shop: Environment) -> None:
    code, table, _ = shell.run("env", "list")
    assert code == 0
    head, row = table.splitlines()
    assert head.split()[:3] == ["NAME", "STATUS", "NOTE"]
    assert row.split()[:3] == ["shop", "healthy", "production"]
    found = json.loads(shell.run("env", "list", "-o", "json")[1])
    assert [one["account"]["name"] for one in found] == ["production"]
    assert yaml.safe_load(shell.run("env", "list", "-o", "yaml")[1]) == found
    assert yaml.safe_load(shell.run("env", "show", "shop", "-o", "yaml")[1])["name"] == "shop"
    assert "healthy" in shell.run("env", "health", "shop")[1]
    assert "Nothing found." in shell.run("env", "list", "--state", "deleted")[1]


def test_logs_are_lines_or_json(portal: PortalInProcess, shell: Shell, shop: Environment) -> None:
    assert shop.latest
    make_event(shop.latest, 1, logical_id="Topic", status="CREATE_FAILED", reason="No room.")

    assert "CREATE_FAILED Topic AWS::SNS::Topic No room." in shell.run("env", "logs", "shop")[1]
    assert json.loads(shell.run("env", "logs", "shop", "-o", "json")[1])[0]["seq"] == 1


def test_reasons_of_aws_are_printed_without_their_wrapping(
    portal: PortalInProcess, shell: Shell, shop: Environment
) -> None:
    reason = (
        'Resource handler returned message: "No room (Service: Sns, Status Code: 400, Request ID: 1f)" '
        "(RequestToken: 2a, HandlerErrorCode: ServiceLimitExceeded)"
    )
    assert shop.latest
    make_event(shop.latest, 1, logical_id="Topic", status="CREATE_FAILED", reason=reason)
    message = Message(Code.RESOURCE_FAILED, {"where": "Topic", "type": "AWS::SNS::Topic", "reason": reason})
    Deployment.objects.filter(pk=shop.latest.pk).update(
        state="failed", error_code="ResourceFailed", error_sentence=message.as_json()
    )

    assert shell.run("env", "logs", "shop")[1].endswith("CREATE_FAILED Topic AWS::SNS::Topic No room\n")
    assert shell.run("wait", "shop")[2].strip().endswith("shop: failed. Topic (AWS::SNS::Topic): No room")
    found = json.loads(shell.run("env", "logs", "shop", "-o", "json")[1])
    assert [one["reason"] for one in found if one["logical_id"]] == [reason]


def test_the_tree_shows_the_phase_that_failed(portal: PortalInProcess, operator: User) -> None:
    deployment = scenes.make_deployment(name="shop", user=operator)
    scenes.complete_everything(deployment, scenes.add_stacks(deployment, {"Network": 2}))
    for phase in (State.CONFIGURATION, State.TRAFFIC):
        scenes.enter_phase(scenes.reload(deployment), phase)
    scenes.finish(scenes.reload(deployment), State.FAILED, code="NotReady", message="The site is away.")

    api = session.client()
    rows = api.get(f"/deployments/{deployment.pk}/rows")
    console = Console(width=100)
    with console.capture() as captured:
        console.print(Tree(api.get(f"/deployments/{deployment.pk}"), rows, is_final=True))

    lines = captured.get().splitlines()
    assert [line.split() for line in lines if "traffic" in line] == [["✕", "traffic"]]
    assert not [line for line in lines if "configuration" in line or "ready" in line]


def test_a_change_is_applied_after_a_yes(portal: PortalInProcess, shell: Shell, shop: Environment) -> None:
    code, output, errors = shell.run("env", "change", "shop", "-p", "Database=other", typed="y\n")

    assert code == 0, output + errors
    assert portal.posted("/previews")["parameters"] == {"Database": "other"}
    assert portal.posted("/apply")["digest"]
    assert "succeeded" in errors


def test_who_says_no_discards_the_change(portal: PortalInProcess, shell: Shell, shop: Environment) -> None:
    code, _, errors = shell.run("env", "change", "shop", "-p", "Database=other", typed="n\n")

    assert (code, "discarded" in errors) == (3, True)
    assert portal.posted("/discard") == {}


def test_a_plan_ends_with_2_and_changes_nothing(
    portal: PortalInProcess, shell: Shell, shop: Environment
) -> None:
    code, output, _ = shell.run("env", "change", "shop", "-p", "Database=other", "--plan")

    assert (code, "EFFECT" in output) == (2, True)
    assert portal.posted("/discard") == {}


def test_what_may_lose_data_needs_the_typed_name(
    portal: PortalInProcess, shell: Shell, shop: Environment
) -> None:
    portal.scene = "database"

    code, output, errors = shell.run("env", "change", "shop", "-p", "Database=other", "--yes")
    assert code == 3, output + errors
    assert "Data may be lost" in output
    assert portal.posted("/apply")["typed_name"] == ""
    Deployment.objects.filter(state="preview").update(state="canceled")

    portal.sent.clear()
    code, output, errors = shell.run("env", "change", "shop", "-p", "Database=new", typed="shop\ny\n")
    assert code == 0, output + errors
    assert "Take a snapshot of" in output + errors
    applied = portal.posted("/apply")
    assert (applied["typed_name"], applied["snapshot_first"]) == ("shop", True)


@pytest.mark.parametrize(("ends", "expected"), [("failed", 1), ("rolled_back", 1), ("approval", 4)])
def test_the_exit_code_is_that_of_the_result(
    portal: PortalInProcess, shell: Shell, shop: Environment, ends: str, expected: int
) -> None:
    portal.ends = ends

    code, _, errors = shell.run("env", "change", "shop", "-p", "Database=other", "--yes")

    assert code == expected
    assert ends.replace("_", " ") in errors
    latest = Deployment.objects.latest("pk")
    assert shell.run("follow", str(latest.pk))[0] == expected
    Environment.objects.filter(pk=shop.pk).update(latest=latest)
    assert shell.run("wait", "shop")[0] == expected


def test_an_environment_is_created_from_a_file_and_deleted(
    portal: PortalInProcess, shell: Shell, shop: Environment, tmp_path: Path
) -> None:
    file = tmp_path / "env.yaml"
    values = {"name": "fresh", "account": "production"}
    values |= {"parameters": {"Database": "orders", "Password": "long enough"}}  # type: ignore[dict-item]
    file.write_text(yaml.safe_dump(values))

    code, output, _ = shell.run("deploy", "-f", str(file), "--plan")
    assert (code, "would be created" in output) == (2, True)
    code, output, errors = shell.run("deploy", "-f", str(file))
    assert code == 0, output + errors
    assert Environment.objects.get(name="fresh").account == Account.objects.get(name="production")

    code, _, errors = shell.run("env", "delete", "fresh")
    assert (code, "--confirm" in errors) == (3, True)
    Environment.objects.filter(name="fresh").update(stack_id="arn:fresh", stack_status="CREATE_COMPLETE")
    code, output, errors = shell.run("env", "delete", "fresh", "--unprotect", typed="fresh\n")
    assert code == 0, output + errors


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("name: [", "cannot be read"),
        ("name: a\nparameters: []", "must declare"),
        ("name: a\nacount: b", "acount"),
        ("parameters: {}", "must declare"),
    ],
)
def test_a_file_that_is_wrong_says_what(
    portal: PortalInProcess, shell: Shell, tmp_path: Path, text: str, named: str
) -> None:
    file = tmp_path / "env.yaml"
    file.write_text(text)

    code, _, errors = shell.run("deploy", "-f", str(file))

    assert (code, named in errors) == (3, True), errors


def test_a_change_of_somebody_else_is_approved_or_denied(
    portal: PortalInProcess, shell: Shell, shop: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANSO_TOKEN", Program(allow(make_user("ben"), "approve_deployment")).value)
    change = make_preview(shop, "traffic")

    code, _, errors = shell.run("approve", str(change.pk), typed="n\n")
    assert (code, "Canceled." in errors) == (130, True)
    code, _, errors = shell.run("approve", str(change.pk), "--deny", "Not now")
    assert (code, "✕" in errors) == (3, True)  # nobody requested approval


def test_an_environment_is_locked_and_unlocked(
    portal: PortalInProcess, shell: Shell, shop: Environment
) -> None:
    assert shell.run("env", "lock", "shop", "--reason", "load test")[0] == 0
    assert EnvironmentLock.objects.get().reason == "load test"
    code, _, errors = shell.run("env", "change", "shop", "-p", "Database=other", "--yes")
    assert (code, "load test" in errors) == (3, True), errors
    assert shell.run("env", "unlock", "shop")[0] == 0


def test_the_failure_of_the_last_change_is_shown_and_dismissed(
    portal: PortalInProcess, shell: Shell, shop: Environment
) -> None:
    portal.ends = "failed"
    refused = shell.run("env", "dismiss", "shop")
    assert (refused[0], "The last change of shop did not fail." in refused[2]) == (3, True)
    failed = make_deployment(
        shop, kind="update", state="failed", last_phase="preflight", error_message="No role."
    )

    assert f"Update {failed.pk}: No role." in shell.run("env", "show", "shop")[1]
    assert shell.run("env", "dismiss", "shop")[0] == 0

    assert "No role. Dismissed by" in " ".join(shell.run("env", "show", "shop")[1].split())
    assert Deployment.objects.get(pk=failed.pk).dismissed_by


def test_names_are_completed_in_the_shell(
    portal: PortalInProcess, shop: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_environment("shop-2", account=shop.account)
    make_environment("other", account=shop.account)
    source = make_source(name="sets")
    make_version(source, tmp_path / "version", "v2")

    assert completion.environments("sho") == ["shop", "shop-2"]
    assert completion.accounts("") == ["production"]
    assert "sets" in completion.sets("s")
    assert completion.versions("se") == ["sets@"]
    assert completion.versions("sets@v") == ["sets@v2"]
    monkeypatch.setenv("SANSO_TOKEN", "sanso_wrong")
    assert completion.environments("sho") == []
    monkeypatch.delenv("SANSO_TOKEN")
    assert completion.environments("sho") == []


def test_the_shell_asks_for_completions(
    portal: PortalInProcess, shell: Shell, shop: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_SANSO_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "sanso env show sh")
    monkeypatch.setenv("COMP_CWORD", "3")

    assert shell.run()[1].split() == ["shop"]


def test_an_environment_is_scheduled(portal: PortalInProcess, shell: Shell, shop: Environment) -> None:
    at = f"{timezone.now() + timedelta(days=1):%Y-%m-%dT%H:%M}+09:00"

    code, _, errors = shell.run(
        *("deploy", "later", "--account", "production", "-p", "Password=long enough"),
        *("-p", "Database=orders", "--at", at),  # does not wait for the time
    )

    assert code == 0, errors
    found = Deployment.objects.get(environment__name="later")
    assert found.scheduled_for == datetime.fromisoformat(at)
    assert shell.run("deploy", "shop", "--account", "production", "--at", at)[0] == 3


def test_a_scheduled_creation_gets_another_time_or_begins_now(
    portal: PortalInProcess, shell: Shell, shop: Environment
) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    values = {"state": "scheduled", "active_key": None, "scheduled_for": tomorrow, "due_at": tomorrow}
    first = str(make_deployment(make_environment("one"), **values).pk)
    at = f"{timezone.now() + timedelta(days=2):%Y-%m-%dT%H:%M}+09:00"

    code, _, errors = shell.run("schedule", first, "--at", at)
    assert code == 0, errors
    assert Deployment.objects.get(pk=first).scheduled_for == datetime.fromisoformat(at)
    second = str(make_deployment(make_environment("two"), **values).pk)
    assert shell.run("schedule", second)[0] == 3
    code, _, errors = shell.run("schedule", second, "--now")
    assert code == 0, errors
    begins = Deployment.objects.get(pk=second).scheduled_for
    assert begins is not None
    assert begins <= timezone.now()


def test_a_time_that_the_clock_skips_is_refused(
    portal: PortalInProcess, shell: Shell, shop: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        code, _, errors = shell.run("deploy", "x", "--account", "production", "--at", "2027-03-28T02:30")
    finally:
        monkeypatch.undo()
        time.tzset()

    assert code == 3
    assert "Give it with an offset" in " ".join(errors.split())


@pytest.mark.parametrize(("is_slower", "shown"), [(False, "92 %"), (True, "slower than forecast")])
def test_the_tree_shows_no_percentage_that_contradicts_the_time_left(is_slower: bool, shown: str) -> None:
    deployment = {"state": "stacks", "progress": 92, "is_slower_than_forecast": is_slower}

    console = Console(width=100)
    with console.capture() as captured:
        console.print(Tree(deployment, {"items": [], "expected_end": None}))

    assert shown in captured.get()
    assert ("%" in captured.get()) is not is_slower


def test_health_is_a_table_of_tiers_and_components(
    portal: PortalInProcess, shell: Shell, shop: Environment
) -> None:
    head, whole, *rows = shell.run("env", "health", "shop")[1].splitlines()

    assert head.split() == ["TIER", "STATUS", "NAME", "ZONE", "TEXT"]
    assert whole.split()[0] == "healthy"
    assert ["web", "healthy", "2/2"] in [row.split() for row in rows]
    assert any(row.split()[:2] == ["healthy", server_id("web", 0)] for row in rows), rows


def test_an_environment_is_shown_without_json(
    portal: PortalInProcess, shell: Shell, shop: Environment
) -> None:
    lines = [line.strip().split(maxsplit=2) for line in shell.run("env", "show", "shop")[1].splitlines()]

    assert shop.latest
    assert ["latest", "deployment", f"{shop.latest.pk} create: succeeded"] in lines
    assert ["parameters", "Database=orders"] in lines
    assert ["Size=small"] in lines
    assert not any("{" in word for line in lines for word in line)


def test_what_does_not_wait_for_approval_is_not_approved(
    portal: PortalInProcess, shell: Shell, shop: Environment
) -> None:
    assert shop.latest
    code, _, error = shell.run("approve", str(shop.latest.pk))

    assert (code, error.strip()) == (
        3,
        f"✕ Deployment {shop.latest.pk} does not wait for approval: succeeded.",
    )


def test_a_table_in_a_pipe_has_long_cells_on_one_line(
    portal: PortalInProcess, shell: Shell, shop: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    address = f"https://git.example.com/{'long/' * 20}sets"
    make_source(name="sets", url=address)

    code, output, errors = shell.run("sets", "list")

    assert code == 0, errors
    assert address in output
