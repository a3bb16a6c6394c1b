"""The command line on a portal whose web process dies meanwhile: create, plan, change, roll back, delete."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from deployments.access.rules.token_scopes import SCOPES
from deployments.administration.commands.tokens import create_token
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from tests.builders import allow_only, make_operator, make_user
from tests.flows.deployed import PACE
from tests.flows.small_set import portal, portal_web, shared_portal, template_folder
from tests.flows.web import Web, start_web
from tests.running import Portal, new_account
from tests.services import LIMIT, REPOSITORY, Sandbox, free_port, wait_until

pytestmark = [pytest.mark.usefixtures("transactional_db"), pytest.mark.timeout(900)]
TEMPLATE = """
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
  Title: {Type: String, Default: first, AllowedPattern: "[a-z]+"}
Resources:
  Shown: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Title}}
Outputs:
  Shown: {Value: !Ref Shown}
"""


@dataclass
class Shell:
    """A shell in which `sanso` is logged in to a portal."""

    environment: dict[str, str]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "sanso_cli", *arguments]
        return subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=self.environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command, and return its exit code, standard output and standard error."""
        process = self.start(*arguments)
        output, errors = process.communicate(timeout=4 * LIMIT)
        return process.returncode, output, errors


TEMPLATES = {"root.yaml": TEMPLATE}
__all__ = ["portal", "portal_web", "shared_portal", "template_folder"]


@pytest.fixture
def web(portal: Portal, tmp_path: Path) -> Iterator[Web]:
    running = start_web(tmp_path, portal.environment, port=free_port())
    yield running
    running.kill()


@pytest.fixture
def account(sandbox: Sandbox) -> Account:
    found = new_account()
    sandbox.control("POST", "pace", {"pace": PACE}, account=found.sandbox_account_id)
    return found


@pytest.fixture
def shell(web: Web, tmp_path: Path) -> Shell:
    _token, value = create_token(user=make_operator("ana"), name="CI", scopes=SCOPES, lifetime_days=30)
    return Shell(
        {
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "SANSO_URL": web.url,
            "SANSO_TOKEN": value,
            "COLUMNS": "200",
        }
    )


def declare(folder: Path, account: Account, title: str) -> str:
    file = folder / "env.yaml"
    file.write_text(f"name: shop\naccount: {account.name}\nparameters:\n  Title: {title}\n")
    return str(file)


def test_an_environment_is_created_planned_changed_followed_and_deleted(
    shell: Shell, web: Web, portal: Portal, account: Account, tmp_path: Path
) -> None:
    file = declare(tmp_path, account, "first")
    code, output, errors = shell.run("env", "deploy", "-f", file, "--plan")
    assert (code, "would be created" in output) == (2, True), errors

    code, output, errors = shell.run("env", "deploy", "-f", file)
    assert code == 0, output + errors
    assert "AWS::SNS::Topic" in output
    assert "succeeded" in errors
    assert Environment.objects.get(name="shop").parameters["Title"] == "first"

    assert shell.run("env", "deploy", "-f", file, "--plan") == (0, "", "Nothing to change.\n")
    file = declare(tmp_path, account, "second")
    code, output, errors = shell.run("env", "deploy", "-f", file, "--plan")
    assert (code, "Shown" in output) == (2, True), output + errors
    assert Environment.objects.get(name="shop").parameters["Title"] == "first"
    code, output, errors = shell.run("env", "deploy", "-f", file)  # no terminal to confirm on
    assert (code, "--yes" in errors) == (3, True)

    its_change_is_followed_while_the_web_process_is_killed(shell, web, file)
    assert Environment.objects.get(name="shop").parameters["Title"] == "second"
    it_goes_back_once_a_second_person_has_approved(shell)
    assert Environment.objects.get(name="shop").parameters["Title"] == "first"

    code, output, errors = shell.run("env", "change", "shop", "-p", "Title=NOT lower", "--yes")
    assert (code, "Title" in errors) == (3, True), output + errors
    code, output, _ = shell.run("env", "list", "-o", "json")
    assert [one["name"] for one in json.loads(output)] == ["shop"]
    assert "shop" in shell.run("env", "show", "shop")[1]
    code, output, errors = shell.run("env", "delete", "shop", "--confirm", "shop", "--unprotect")
    assert code == 0, output + errors
    assert Environment.objects.get(name="shop").deleted_at
    assert shell.run("env", "show", "other")[0] == 3


def its_change_is_followed_while_the_web_process_is_killed(shell: Shell, web: Web, file: str) -> None:
    """Every event is printed once and in order, and the exit code reflects the result."""
    code, output, errors = shell.run("env", "deploy", "-f", file, "--yes", "--no-wait", "-o", "json")
    assert code == 0, errors
    pk = json.loads(output)["id"]
    following = shell.start("follow", str(pk), "--plain")
    wait_until(lambda: Deployment.objects.get(pk=pk).last_seq > 3, what="events")
    web.kill()
    web.start()
    output, errors = following.communicate(timeout=4 * LIMIT)

    assert following.returncode == 0, output + errors
    numbers = [int(line.split()[0]) for line in output.splitlines()]
    assert numbers == list(range(1, Deployment.objects.get(pk=pk).last_seq + 1))


def it_goes_back_once_a_second_person_has_approved(shell: Shell) -> None:
    """The roll-back waits with exit code 4, its requester cannot approve it, and it succeeds then."""
    Environment.objects.update(requires_approval=True)
    created = Deployment.objects.get(kind="create")
    code, output, errors = shell.run("env", "rollback", "shop", "--to", str(created.pk), "--yes")
    assert (code, "approval" in errors) == (4, True), output + errors
    pk = str(Deployment.objects.latest("pk").pk)
    assert shell.run("approve", pk, "--yes")[0] == 3

    code, output, errors = logged_in(shell, allow_only(make_user("ben"), "approve_change")).run(
        "approve", pk, "--yes"
    )
    assert (code, "Shown" in output, "is approved" in output) == (0, True, True), output + errors
    code, output, errors = shell.run("wait", "shop")
    assert (code, "succeeded" in errors) == (0, True), output + errors
    Environment.objects.update(requires_approval=False)


def logged_in(shell: Shell, user: User) -> Shell:
    """Return a shell in which somebody else is logged in."""
    _token, value = create_token(user=user, name="shell", scopes=SCOPES, lifetime_days=30)
    return Shell(shell.environment | {"SANSO_TOKEN": value})


def test_what_is_refused_is_one_line_with_what_to_do(shell: Shell, account: Account) -> None:
    code, output, errors = shell.run("env", "deploy", "9x", "--account", account.name)
    assert (code, output) == (3, "")
    assert "name" in errors
    assert "Traceback" not in errors
    alone = Shell(shell.environment | {"SANSO_TOKEN": ""})
    assert "sanso login" in alone.run("env", "list")[2]
    wrong = Shell(shell.environment | {"SANSO_TOKEN": "sanso_wrong"})
    code, _, errors = wrong.run("env", "list")
    assert code == 3
    assert "sanso_wrong" not in errors
