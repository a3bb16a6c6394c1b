"""Take each action away in turn: the step that needs it fails, and a page names the action.

`make check-permissions` runs this and writes docs/permissions.md; `make test` takes a sample (test_roles.py).
With ACTIONS=REGEX in the environment, only actions are taken away for which "ROLE ACTION" matches, such as
"sanso-portal rds:"; the page keeps the rows of others.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass

import pytest
from django.db import connection
from django.utils import timezone

from deployments.environments.models.environments import Environment
from tests.builders import make_operator
from tests.permissions import check_roles, granted_actions
from tests.permissions.lifecycle import PHASES, Life
from tests.permissions.unused import ENVIRONMENT, READ, SILENT, UNUSED
from tests.running import Portal, client, new_account
from tests.services import REPOSITORY

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(0)]

AT_ONCE = 4
SUCCEEDED = "succeeded without it"
UNNAMED = (SUCCEEDED, "failed without its name", "did not end")
REPORT = REPOSITORY / "docs" / "permissions.md"
HEAD = """# Permissions

Written by `make check-permissions`: it deploys an environment, observes it, changes it, runs an association
again and deletes it in the sandbox, with the roles of [account.yaml](../infra_templates/account.yaml). Then
it takes each action that was used away in turn, in an account of its own, and goes on to the step that used
it first. *Named* means that this step failed, or the protection or a poll after it, and that a page of the
environment names the action; *used* that the action is used and was never taken away. A run of some actions
leaves the other rows as they are. The roles of environments lose an action by their boundary.
"""


@dataclass(frozen=True, slots=True)
class Job:
    """An action that is taken away before the phase that used it first."""

    role: str
    policy: str
    action: str
    phase: str


def test_each_action_is_missed_by_the_step_that_needs_it(portal: Portal) -> None:
    make_operator("operator")
    wanted = re.compile(os.environ.get("ACTIONS", ""))
    jobs = [job for job in jobs_of(*first_uses(portal)) if wanted.search(f"{job.role} {job.action}")]
    results: dict[Job, str] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = {pool.submit(outcome, portal, job): job for job in jobs}
        for done in as_completed(waiting):
            job = waiting[done]
            results[job] = done.result()
            print(  # noqa: T201
                f"{len(results)}/{len(jobs)} {job.role} {job.action} ({job.phase}): {results[job]}",
                flush=True,
            )

    new = {(job.role, job.action): result for job, result in results.items()}
    REPORT.write_text(report(earlier(REPORT.read_text()) | new))
    assert {key: result for key, result in new.items() if worded(*key, result) in UNNAMED} == {}


def first_uses(portal: Portal) -> tuple[dict[tuple[str, str], str], set[str]]:
    """Return the phase in which each action of a role is used first, and the roles of the environment."""
    life = Life(portal, new_account())
    found: dict[tuple[str, str], str] = {}
    own: set[str] = set()
    for phase in PHASES:
        assert life.go(phase), f"{phase}: {life.texts()}"
        for one in granted_actions.decisions(portal.sandbox, life.account.sandbox_account_id):
            kind, _slash, name = one["principal"].partition("/")
            if kind == "role":
                found.setdefault((name, one["action"]), phase)
                own |= {name} - set(granted_actions.ROLES.values())
    forget(life)
    return found, own


def jobs_of(uses: dict[tuple[str, str], str], own: set[str]) -> Iterator[Job]:
    """Yield the actions to take away: those used by the two roles, and by the environment's roles."""
    for role, actions in granted_actions.actions().items():
        for action, policy in sorted(actions.items()):
            used_in = [
                phase
                for (name, used), phase in uses.items()
                if name == role and granted_actions.matches(used, action)
            ]
            if used_in:
                yield Job(role, policy, action, min(used_in, key=PHASES.index))
    phases: dict[str, list[str]] = {}
    for (name, action), phase in uses.items():
        if name in own:
            phases.setdefault(action, []).append(phase)
    for action, used in sorted(phases.items()):
        yield Job(ENVIRONMENT, granted_actions.BOUNDARY, action, min(used, key=PHASES.index))


def outcome(portal: Portal, job: Job) -> str:
    """Take an action away before its phase; return whether the phase failed and named the action."""
    life = Life(portal, new_account())
    try:
        life.prepare()
        for phase in PHASES[: PHASES.index(job.phase)]:
            assert life.go(phase), f"{phase}: {life.texts()}"
        iam = client(life.account, "iam", portal.sandbox)
        if job.role == ENVIRONMENT:
            granted_actions.take_from_boundary(iam, life.account.sandbox_account_id, job.action)
            # The rollback takes its time, as on AWS, so that the output of the servers is read before it.
            portal.sandbox.control("POST", "pace", {"pace": 0.1}, account=life.account.sandbox_account_id)
        else:
            account = life.account.sandbox_account_id
            granted_actions.take_away(iam, account, job.role, job.policy, job.action)
        return result_of(life, job)
    finally:
        forget(life)
        connection.close()


def result_of(life: Life, job: Job) -> str:
    """Run the phase of a job; return whether a page names the missing action, or else how the phase ended.

    Protection and the polls of a new environment fail without failing its deployment. A deployment may also
    wait for as long as its servers may take; the environment's page then names the action.
    """
    how = "did not end"
    with suppress(TimeoutError):
        how = SUCCEEDED if life.go(job.phase) else "failed without its name"
        if how == SUCCEEDED and job.phase == "deploy" and not is_named(job.action, life.texts()):
            life.go("observe")
    return "named" if is_named(job.action, life.texts()) else how


def is_named(action: str, texts: str) -> bool:
    """Return whether the texts name an action, or one of a pattern, as IAM does or as Lambda does."""
    service, _colon, name = action.partition(":")
    if name.endswith("*"):
        return re.search(re.escape(action).replace(r"\*", r"\w+"), texts) is not None
    return action in texts or f"call {name} on {service.upper()}" in texts


def forget(life: Life) -> None:
    """End the observation of an environment, and drop its account's state in the sandbox."""
    Environment.objects.filter(account=life.account).update(deleted_at=timezone.now())
    life.portal.sandbox.control("POST", "reset", account=life.account.sandbox_account_id)


def earlier(page: str) -> dict[tuple[str, str], str]:
    """Return the results on the page, by role and action, without the actions that nothing uses."""
    found: dict[tuple[str, str], str] = {}
    role = ""
    for line in page.splitlines():
        if line.startswith("## "):
            role = line.removeprefix("## ")
        elif row := re.fullmatch(r"\| `(.+)` \| (?!never used)(.+) \|", line):
            found[role if role in granted_actions.ROLES.values() else ENVIRONMENT, row[1]] = row[2]
    return found


def report(results: dict[tuple[str, str], str]) -> str:
    """Return the page: every action with the result of the step that needs it, or why no step does."""
    data = check_roles.section(*check_roles.checked())
    lines = [HEAD, data.rstrip("\n"), ""]
    for role, actions in granted_actions.actions().items():
        lines += [f"## {role}", "", "| action | without it |", "|---|---|"]
        for action in sorted(actions):
            why = UNUSED[role].get(action)
            plain = READ if actions[action] == granted_actions.READS else "used"
            default = f"never used: {why}" if why else plain
            lines.append(f"| `{action}` | {worded(role, action, results.get((role, action), default))} |")
        lines.append("")
    lines += [f"## {ENVIRONMENT[:1].upper()}{ENVIRONMENT[1:]}", "", "| action | without it |", "|---|---|"]
    for role, action in sorted(results):
        if role == ENVIRONMENT:
            lines.append(f"| `{action}` | {worded(role, action, results[role, action])} |")
    return "\n".join([*lines, ""])


def worded(role: str, action: str, found: str) -> str:
    """Return the result of a step without an action, or why no page names it if that is the known result."""
    silent = SILENT.get(role, {}).get(action)
    if silent is None or found not in UNNAMED or silent.succeeds != (found == SUCCEEDED):
        return found
    return silent.why
