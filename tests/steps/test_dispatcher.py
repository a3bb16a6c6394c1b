"""The dispatcher publishes due rows, whatever happens to Redis."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

import pytest
from django.utils import timezone
from kombu.exceptions import OperationalError
from pytest_django import DjangoAssertNumQueries

from deployments import dispatcher, tasks
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.observers import OBSERVED
from deployments.health.models.observing import Observer
from deployments.health.steps import observe
from deployments.stacks.models.action_requests import ActionRequest
from tests.builders import make_deployment, make_environment

pytestmark = [pytest.mark.core, pytest.mark.django_db]


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    sent: list[tuple[int, int]] = []
    for task in (tasks.step_deployment, tasks.step_environment):
        monkeypatch.setattr(task, "apply_async", lambda args, **_: sent.append(args))
    return sent


def test_a_due_row_is_published_once_per_lease(published: list[tuple[int, int]]) -> None:
    deployment = make_deployment()

    assert dispatcher.one_pass() == 1
    assert dispatcher.one_pass() == 0
    assert published == [(deployment.pk, 0)]


def test_a_row_is_published_again_when_its_lease_ends(published: list[tuple[int, int]]) -> None:
    make_deployment()
    dispatcher.one_pass()
    Deployment.objects.update(due_at=timezone.now() - timedelta(seconds=1))

    dispatcher.one_pass()

    assert len(published) == 2


def test_rows_that_are_not_due_or_have_ended_are_not_published(published: list[tuple[int, int]]) -> None:
    make_deployment(due_at=timezone.now() + timedelta(hours=1))
    make_deployment(state="failed")

    assert dispatcher.one_pass() == 0


def test_without_a_broker_the_row_is_due_again_soon() -> None:
    deployment = make_deployment()
    with patch.object(tasks.step_deployment, "apply_async", side_effect=OperationalError("refused")):
        dispatcher.one_pass()

    again = Deployment.objects.get(pk=deployment.pk)
    assert again.due_at is not None
    assert again.due_at <= timezone.now() + timedelta(seconds=3)


def test_a_pass_without_due_rows_is_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    make_deployment(due_at=timezone.now() + timedelta(hours=1))
    dispatcher.one_pass()

    with django_assert_num_queries(1):
        dispatcher.one_pass()


def test_environments_between_deployments_are_published_too(published: list[tuple[int, int]]) -> None:
    environment = make_environment(due_at=timezone.now(), stack_id="arn:x")

    dispatcher.one_pass()

    assert published == [(environment.pk, 0)]


def test_due_observers_and_action_requests_are_published_too(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, int]] = []
    for task in (tasks.step_observer, tasks.step_action_request):
        monkeypatch.setattr(
            task, "apply_async", lambda args, name=task.name, **_: sent.append((name, args[0]))
        )
    environment = make_environment(stack_id="arn:x")
    action_request = ActionRequest.objects.create(
        environment=environment, kind="save_time", asked_by=environment.owner, due_at=timezone.now()
    )
    ActionRequest.objects.create(
        environment=environment, kind="save_time", asked_by=environment.owner, state="done"
    )
    observe.ensure_observers()
    observe.ensure_observers()

    dispatcher.one_pass()
    dispatcher.one_pass()

    observers = sorted(Observer.objects.values_list("pk", flat=True))
    assert len(observers) == len(OBSERVED)
    assert sorted(sent) == [
        *(("deployments.tick_observer", pk) for pk in observers),
        ("deployments.tick_operation", action_request.pk),
    ]


def test_accounts_without_an_environment_are_not_observed() -> None:
    make_environment()
    make_environment(stack_id="arn:x", deleted_at=timezone.now())

    observe.ensure_observers()

    assert not Observer.objects.exists()
