"""Filters, counts and the displayed state of environments agree, whatever their rows have."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environment_states import Urgency
from deployments.environments.models.environments import Environment
from deployments.environments.rules.environment_state import EnvironmentState
from deployments.environments.rules.phases import BEFORE_STACKS, Kind, State
from tests.builders import make_deployment, make_environment

pytestmark = pytest.mark.django_db
NOW = timezone.now()
SOMETIMES = st.sampled_from([None, NOW])
ENVIRONMENTS = st.fixed_dictionaries(
    {
        "deleted_at": SOMETIMES,
        "missing_since": SOMETIMES,
        "stack_id": st.sampled_from(["", "arn:stack"]),
        "drill_failed_at": SOMETIMES,
        "sandbox_run": st.sampled_from(["", "one", "two"]),
        "health_word": st.sampled_from(["healthy", "degraded", "unhealthy", "unknown", ""]),
        "stack_status": st.sampled_from(
            ["", "CREATE_COMPLETE", "CREATE_FAILED", "ROLLBACK_COMPLETE", "UPDATE_FAILED", "DELETE_FAILED"]
        ),
    }
)
DEPLOYMENTS = st.none() | st.fixed_dictionaries(
    {
        "kind": st.sampled_from([str(kind) for kind in Kind]),
        "state": st.sampled_from([str(state) for state in State]),
        "last_phase": st.sampled_from([*sorted(BEFORE_STACKS)[:2], "stacks", "traffic", "protect"]),
        "is_retry": st.booleans(),
        "protection": st.sampled_from(["", "wanted"]),
        "attention_code": st.sampled_from(["", "Throttling"]),
        "active_key": st.booleans(),
        "dismissed_at": SOMETIMES,
    }
)


BAD = (EnvironmentState.CREATION_FAILED, EnvironmentState.UNHEALTHY, EnvironmentState.DEGRADED)


class Agreement(TestCase):
    """Each example is in a transaction of its own."""

    @settings(max_examples=60, deadline=None)
    @given(
        environment=ENVIRONMENTS,
        deployment=DEPLOYMENTS,
        run=st.sampled_from(["", "one"]),
        is_sandbox=st.booleans(),
    )
    def test_the_filter_and_the_counts_have_what_is_displayed(
        self, environment: dict[str, Any], deployment: dict[str, Any] | None, run: str, is_sandbox: bool
    ) -> None:
        shop = make_environment("shop")
        facts = {"instance_id": run} if run else {}
        Account.objects.filter(pk=shop.account_id).update(is_sandbox=is_sandbox, sandbox_facts=facts)
        if deployment is not None:
            made = make_deployment(shop)
            active = shop.pk if deployment["active_key"] else None
            Deployment.objects.filter(pk=made.pk).update(**(deployment | {"active_key": active}))
        Environment.objects.filter(pk=shop.pk).update(**environment)

        row = Environment.objects.select_related("account", "latest").get(pk=shop.pk)
        rows = Environment.objects.filter(pk=shop.pk)
        counts = rows.state_counts()

        assert counts.by_state == {row.state: 1}
        assert [state for state in EnvironmentState if rows.in_state(state).exists()] == [row.state]
        (urgency,) = counts.by_urgency
        has_failed_drill = row.drill_failed_at is not None and row.active_deployment is None
        if row.state in BAD or (has_failed_drill and row.state is not EnvironmentState.DELETED):
            assert urgency is Urgency.PROBLEM
        assert (urgency is Urgency.DELETED) == (row.state is EnvironmentState.DELETED)
