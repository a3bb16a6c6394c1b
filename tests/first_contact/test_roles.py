"""The step of the roles notes what Access Analyzer finds in their policies, where it may be asked."""

from __future__ import annotations

from typing import Any

import pytest

from deployments.aws import session
from deployments.aws.access_analyzer import PolicyFinding
from deployments.common.errors import AwsAccessError, AwsRetryable
from deployments.first_contact.models import ContactRun
from deployments.first_contact.shared import runs
from deployments.first_contact.steps import contact as contacts
from deployments.first_contact.steps.contact import Contact
from deployments.first_contact.steps.run import take_steps
from tests.accounts.testing import production
from tests.fakes import FakeAws

pytestmark = pytest.mark.django_db
VALIDATE = "access-analyzer:ValidatePolicy"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    found = FakeAws()
    monkeypatch.setattr(session, "connect", found)
    monkeypatch.setattr(session, "identify_anew", lambda ref, _external_id="": found.identify(ref))
    monkeypatch.setattr(contacts, "REPEATED_FOR", 0.0)
    return found


def validated() -> list[dict[str, Any]]:
    """Run the step, and return the answers about policies."""
    take_steps(Contact(runs.begin(production(), ["roles"]), lambda _line: None))
    step = ContactRun.objects.get().steps.get(name="roles")
    assert step.state == "done"
    return [one for one in step.answers if one["question"].startswith("policy ")]


def test_every_policy_of_both_roles_is_validated(aws: FakeAws) -> None:
    found = validated()

    assert {one["outcome"] for one in found} == {"expected"}
    assert {one["question"].split(" of role ")[1].split(",")[0] for one in found} == {"portal", "service"}
    assert len(found) == aws.calls.count(VALIDATE) > 10


@pytest.mark.parametrize(("kind", "outcome"), [("SUGGESTION", "expected"), ("ERROR", "different")])
def test_an_error_in_a_policy_is_different_and_a_suggestion_is_not(
    aws: FakeAws, kind: str, outcome: str
) -> None:
    aws.in_policies = [PolicyFinding(kind=kind, code="INVALID_ACTION", text="It does not exist.")]

    (first, *_others) = validated()

    assert first["outcome"] == outcome
    assert f"{kind} INVALID_ACTION: It does not exist." in first["text"]


def test_where_it_is_denied_the_answer_says_so_once(aws: FakeAws) -> None:
    aws.fail(VALIDATE, AwsAccessError("AccessDeniedException", "not authorized", VALIDATE))

    (only,) = validated()

    assert only["outcome"] == "note"
    assert "not authorized (AccessDeniedException)" in only["text"]
    assert "allow the portal's role access-analyzer:ValidatePolicy" in only["text"]


def test_where_aws_does_not_answer_the_rest_is_not_asked(aws: FakeAws) -> None:
    aws.fail(VALIDATE, AwsRetryable("ServiceUnavailable", "later", VALIDATE))

    (only,) = validated()

    assert only["outcome"] == "no_answer"
