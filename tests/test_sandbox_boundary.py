"""The portal treats the sandbox like AWS: only the modules that are listed here may mention it."""

from __future__ import annotations

import re

import pytest

from tests.services import REPOSITORY

MAY_MENTION_IT = {
    # the sandbox's endpoint and keys, and accounts of the sandbox
    "aws/account_ref.py",
    "aws/quota.py",
    "aws/sandbox.py",
    "aws/session.py",
    "aws/site_address.py",
    "management/commands/ensure_sandbox_account.py",
    "environments/models/accounts.py",
    # restarts of the sandbox, which delete all stacks: stored codes and their texts
    "changes/commands/create.py",
    "environments/rules/outcome.py",
    "common/message_codes.py",
    "environments/models/environments.py",
    "environments/models/environment_states.py",
    "environments/rules/environment_state.py",
    "environment_pages/display/notes.py",
    "health/models/reads.py",
    "stacks/models/remaining.py",
    "stacks/shared/incarnation.py",
    "steps/step.py",
    "common/texts/message_texts.py",
    # the audit record of requests of the sandbox console, and its label
    "access/commands/sandbox.py",
    "access/texts/commands.py",
    # texts on pages: a notice, and no links to AWS's console
    "admin/work.py",
    # its roles are created by itself, and it is tested on request only
    "accounts/api/schemas/account.py",
    "accounts/display/what_stays.py",
    "accounts/pages/views.py",
    "accounts/rules/connection.py",
    "accounts/rules/facts.py",
    "accounts/steps/connection_test.py",
    "accounts/steps/daily_tests.py",
    "accounts/shared/reads.py",
    "accounts/texts.py",
    # a log of the sandbox's answers is marked, since it proves nothing about AWS
    "call_logs/rules/log_file.py",
    "call_logs/shared/keep.py",
    "first_contact/shared/call_log.py",
    "first_contact/steps/environment.py",  # without servers it has no site
    "deployment_pages/display/failure_sentences.py",
    "stacks/display/eta.py",
    "environments/display/headlines.py",
    "deployment_pages/pages/waterfall/inspector.py",
    "deployment_pages/display/recovery_options.py",
    "deployment_pages/pages/recordings.py",
}
KNOW_THE_KIND_OF_AN_ACCOUNT = {
    "admin/work.py",
    "call_logs/shared/keep.py",
    "first_contact/shared/call_log.py",
    # its roles are created by itself, and it is tested on request only
    "accounts/api/schemas/account.py",
    "accounts/display/what_stays.py",
    "accounts/pages/views.py",
    "accounts/rules/connection.py",
    "accounts/rules/facts.py",
    "accounts/steps/connection_test.py",
    "accounts/steps/daily_tests.py",
    "accounts/shared/reads.py",
    "management/commands/ensure_sandbox_account.py",
    "environments/models/accounts.py",
    "stacks/display/eta.py",
    "deployment_pages/pages/waterfall/inspector.py",
    "deployment_pages/display/recovery_options.py",
    "stacks/shared/incarnation.py",
    # a stack of another run of the sandbox is gone, as `endpoint_run` says
    "environments/models/environment_states.py",
}


def mentioning(pattern: str) -> set[str]:
    folder = REPOSITORY / "deployments"
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if "migrations" not in path.parts and re.search(pattern, path.read_text(), re.IGNORECASE)
    }


@pytest.mark.parametrize(
    ("pattern", "listed"),
    [
        pytest.param("sandbox", MAY_MENTION_IT, id="mentions of the sandbox"),
        pytest.param("is_sandbox", KNOW_THE_KIND_OF_AN_ACCOUNT, id="decisions by the kind of account"),
    ],
)
def test_only_the_listed_modules_know_the_sandbox(pattern: str, listed: set[str]) -> None:
    found = mentioning(pattern)

    assert found - listed == set(), "use the timings and properties of the account"
    assert listed - found == set(), "remove them from the list"
