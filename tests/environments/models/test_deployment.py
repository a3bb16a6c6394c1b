"""A deployment's state changes by compare-and-set, and an environment has one active deployment."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from deployments.common.errors import LostClaim
from deployments.common.models import leases
from deployments.common.models.encryption import encrypt_values
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from tests.builders import make_account, make_deployment, make_environment


@pytest.mark.django_db
def test_a_phase_is_recorded_with_its_time() -> None:
    deployment = make_deployment()
    before = deployment.phase_at

    deployment.move_to(State.ARTIFACTS, artifact_bucket="shop")

    stored = Deployment.objects.get()
    assert (stored.state, stored.last_phase, stored.artifact_bucket) == ("artifacts", "artifacts", "shop")
    assert stored.phase_at > before
    assert stored.is_active


@pytest.mark.django_db
def test_a_final_state_releases_the_environment_and_clears_what_is_not_needed_any_more() -> None:
    deployment = make_deployment(
        state="stacks",
        last_phase="stacks",
        failures=3,
        sealed_parameters=encrypt_values({"Password": "hunter22"}),
    )

    deployment.move_to(State.FAILED, error_code="StackGone")

    stored = Deployment.objects.get()
    assert (stored.state, stored.last_phase, stored.error_code) == ("failed", "stacks", "StackGone")
    assert (stored.failures, stored.sealed_parameters, stored.due_at) == (0, "", None)
    assert stored.ended_at is not None
    make_deployment(deployment.environment, kind="delete")  # the environment is free


@pytest.mark.django_db
def test_a_transition_that_does_not_exist_is_an_error() -> None:
    deployment = make_deployment()

    with pytest.raises(ValueError, match="from preflight to ready"):
        deployment.move_to(State.READY)

    assert Deployment.objects.get().state == State.PREFLIGHT


@pytest.mark.django_db
def test_a_step_that_has_lost_its_claim_changes_nothing() -> None:
    mine = make_deployment()
    leases.begin_step(Deployment.objects.all(), mine.pk, mine.version)  # another worker's step

    with pytest.raises(LostClaim):
        mine.move_to(State.ARTIFACTS)
    with pytest.raises(LostClaim):
        mine.record(artifact_bucket="shop")
    with pytest.raises(LostClaim):
        mine.confirm_claim()

    stored = Deployment.objects.get()
    assert (stored.state, stored.artifact_bucket) == ("preflight", "")


@pytest.mark.django_db(transaction=True)
def test_one_of_two_concurrent_transitions_wins() -> None:
    deployment = make_deployment()
    copies = [Deployment.objects.get(pk=deployment.pk) for _ in range(2)]
    barrier, results = threading.Barrier(2), []

    def move(copy: Deployment, new: State) -> None:
        barrier.wait()
        try:
            copy.move_to(new)
            results.append(new)
        except LostClaim:
            pass
        connection.close()

    threads = [
        threading.Thread(target=move, args=pair)
        for pair in zip(copies, (State.ARTIFACTS, State.FAILED), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == [Deployment.objects.get().state]


@pytest.mark.django_db
def test_an_environment_has_one_active_deployment() -> None:
    environment = make_deployment().environment

    with pytest.raises(IntegrityError), transaction.atomic():
        make_deployment(environment, kind="delete")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("first", "second", "allowed"),
    [
        ({}, {"name": "Staging"}, False),
        ({}, {"name": "staging", "account": "another"}, True),
        ({"deleted_at": "2026-11-24T00:00:00Z"}, {"name": "staging"}, True),
    ],
    ids=["another case", "another account", "after a deletion"],
)
def test_a_name_belongs_to_one_live_environment_of_an_account(
    first: dict[str, Any], second: dict[str, Any], allowed: bool
) -> None:
    account = make_account()
    make_environment("staging", account=account, **first)

    def create_second() -> None:
        make_environment(second["name"], account=make_account() if "account" in second else account)

    if allowed:
        create_second()
        assert Environment.objects.count() == 2
    else:
        with pytest.raises(IntegrityError), transaction.atomic():
            create_second()
