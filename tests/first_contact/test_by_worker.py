"""A worker makes a run step by step, and continues what another process has begun and not ended."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone

from deployments.aws import session
from deployments.common import stopping
from deployments.common.errors import AwsAccessError
from deployments.environments.models.accounts import Account
from deployments.first_contact.commands import request_cancel, request_clean_up, request_run
from deployments.first_contact.display import report
from deployments.first_contact.models import FINISHED, QUEUED, ContactRun
from deployments.first_contact.shared import runs
from deployments.first_contact.steps import by_worker, reads
from deployments.first_contact.steps.contact import Contact, TakenOver
from tests.accounts.testing import production
from tests.builders import make_account, make_user
from tests.fakes import FakeAws
from tests.first_contact.working import states, take_all, take_step

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """The end of a process that handles nothing."""


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    found = FakeAws()
    monkeypatch.setattr(session, "connect", found)
    monkeypatch.setattr(session, "identify_anew", lambda ref, _external_id="": found.identify(ref))
    answered = {
        name: reads.READS[name] for name in ("sts.caller_identity", "ec2.zones", "ec2.running_instances")
    }
    monkeypatch.setattr(reads, "READS", answered)  # of the others, the fake has no missing case
    monkeypatch.setattr(Contact, "pause", lambda self, _seconds=0.0: self._keep_run())
    return found


@pytest.fixture
def account(aws: FakeAws) -> Account:
    return production()


@pytest.fixture
def stopped_worker() -> Iterator[None]:
    """This process is asked to end."""
    stopping.stop()
    yield
    stopping._stopping.clear()


def requested(account: Account, *steps: str) -> ContactRun:
    return request_run(user=make_user("ana", is_superuser=True), account=account, steps=steps)


def test_a_requested_run_is_taken_step_by_step_until_it_has_cleaned_up(account: Account) -> None:
    run = requested(account, "roles", "reads")
    assert (run.state, run.requested_by) == (QUEUED, "ana")

    after_one = take_step(run)

    assert states(after_one) == {"reads": "done", "roles": "waiting", "clean_up": "waiting"}
    assert after_one.due_at is not None
    assert after_one.due_at <= timezone.now()
    done = take_all(run)
    assert states(done) == {"reads": "done", "roles": "done", "clean_up": "done"}
    assert (done.left, done.active_key, done.due_at) == ([], None, None)


def test_a_step_whose_process_was_killed_has_failed_and_the_others_follow(
    account: Account, aws: FakeAws
) -> None:
    run = requested(account, "reads", "roles")
    aws.fail("ec2:DescribeAvailabilityZones", Killed())  # type: ignore[arg-type]
    with pytest.raises(Killed):
        take_step(run)
    assert ContactRun.objects.get(pk=run.pk).steps.get(name="reads").state == "active"

    done = take_all(run)

    assert states(done) == {"reads": "failed", "roles": "done", "clean_up": "done"}
    assert not report.is_fine(done)
    assert "the process of step reads: ended before the step did" in "\n".join(report.as_text(done))
    assert done.left == []


def test_a_clean_up_whose_process_was_killed_is_repeated(account: Account, aws: FakeAws) -> None:
    run = take_step(requested(account, "roles"))
    aws.fail("tag:GetResources", Killed())  # type: ignore[arg-type]
    with pytest.raises(Killed):
        take_step(run)

    done = take_all(run)

    assert states(done) == {"roles": "done", "clean_up": "done"}
    assert done.left == []


def test_a_process_that_was_taken_over_does_nothing_more(account: Account, aws: FakeAws) -> None:
    run = runs.begin(account, ["reads"])
    slow = Contact(run, lambda _line: None)
    slow.step = run.steps.get(name="reads")

    take_all(run)

    with pytest.raises(TakenOver):
        slow.check("ec2.zones", lambda clients: clients.ec2.zones())
    with pytest.raises(TakenOver):
        slow.note("the clock", "+1 s")


def test_a_message_that_comes_twice_does_nothing(account: Account) -> None:
    run = requested(account, "roles")

    assert by_worker.run_contact(run.pk, run.version)
    assert not by_worker.run_contact(run.pk, run.version)


@pytest.mark.usefixtures("stopped_worker")
def test_a_worker_that_stops_leaves_the_run_to_another_one(account: Account) -> None:
    run = requested(account, "reads")

    after = take_step(run)

    assert after.state != FINISHED
    assert after.due_at is not None
    assert after.due_at <= timezone.now()
    stopping._stopping.clear()
    assert states(take_all(run)) == {"reads": "failed", "clean_up": "done"}


def test_a_canceled_run_takes_no_further_step_and_cleans_up(account: Account) -> None:
    run = take_step(requested(account, "reads", "roles"))

    request_cancel(user=make_user("bo", is_superuser=True), run=run)
    done = take_all(run)

    assert states(done) == {"reads": "done", "roles": "not_run", "clean_up": "done"}
    assert "It was canceled before its end (cancel)." in list(report.as_text(done))
    assert not report.is_fine(done)


def test_a_step_in_progress_is_canceled_before_its_next_call(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, user = requested(account, "reads", "roles"), make_user("bo", is_superuser=True)
    zones = FakeAws.zones

    def canceled_meanwhile(aws: FakeAws) -> list[str]:
        request_cancel(user=user, run=run)
        return zones(aws)

    monkeypatch.setattr(FakeAws, "zones", canceled_meanwhile)

    done = take_all(run)

    assert states(done) == {"reads": "canceled", "roles": "not_run", "clean_up": "done"}
    assert done.steps.get(name="reads").answers[-1]["question"] == "ec2.zones"


def test_at_most_a_few_runs_keep_the_threads_of_the_workers_busy(aws: FakeAws) -> None:
    for number in range(by_worker.AT_ONCE):
        runs.begin(make_account(f"busy-{number}"), ["reads"])
    run = requested(production(), "reads")

    waiting = take_step(run)

    assert (waiting.state, states(waiting)["reads"]) == (QUEUED, "waiting")
    ContactRun.objects.exclude(pk=run.pk).update(due_at=timezone.now())  # they were killed
    assert states(take_step(waiting))["reads"] == "done"


def test_without_credentials_the_run_ends_with_a_report(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_arguments: object) -> None:
        raise AwsAccessError("NoCredentialsError", "Unable to locate credentials", "sts:AssumeRole")

    monkeypatch.setattr(session, "connect", refused)
    monkeypatch.setattr(session, "identify_anew", refused)

    done = take_all(requested(account, "reads"))

    assert states(done) == {"reads": "failed", "clean_up": "failed"}
    assert "Unable to locate credentials" in "\n".join(report.as_text(done))


def test_an_error_of_sanso_in_the_clean_up_is_reported_and_cleaned_up_again(
    account: Account, aws: FakeAws
) -> None:
    run = take_step(requested(account, "roles"))
    aws.fail("tag:GetResources", ValueError("a bug"))
    run = take_all(run)
    assert run.left is not None
    assert "ValueError: a bug" in run.left[0]["why"]
    assert run.active_key == account.pk

    request_clean_up(user=make_user("bo", is_superuser=True), run=run)
    done = take_all(run)

    assert (done.left, done.active_key) == ([], None)
