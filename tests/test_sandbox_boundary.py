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
    "models/account.py",
    # restarts of the sandbox, which delete all stacks: stored codes and their texts
    "actions/deploy.py",
    "core/legacy_messages.py",
    "core/outcome.py",
    "message_codes.py",
    "models/environment.py",
    "models/health/reads.py",
    "models/remaining.py",
    "runner/endpoint_run.py",
    "runner/step.py",
    "wording/messages.py",
    # the audit record of requests of the sandbox console, and its label
    "actions/sandbox.py",
    "wording/requests.py",
    # texts on pages: a notice, and no links to AWS's console
    "admin/work.py",
    "api/schemas/accounts.py",
    "api/schemas/records.py",
    "presentation/badges.py",
    "presentation/failure_sentences.py",
    "presentation/text/duration_estimate.py",
    "presentation/text/headlines.py",
    "presentation/waterfall/inspector.py",
    "presentation/recovery_options.py",
    "views/recordings.py",
}
KNOW_THE_KIND_OF_AN_ACCOUNT = {
    "admin/work.py",
    "api/schemas/accounts.py",
    "api/schemas/records.py",
    "management/commands/ensure_sandbox_account.py",
    "models/account.py",
    "presentation/text/duration_estimate.py",
    "presentation/waterfall/inspector.py",
    "presentation/recovery_options.py",
    "runner/endpoint_run.py",
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
