"""The state and the urgency of environments as database expressions, for filters, counts and orders."""

from __future__ import annotations

from functools import cache

from django.apps import apps
from django.db import models
from django.db.models import BooleanField, Case, CharField, F, OuterRef, Q, Subquery, TextField, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from deployments.cloudformation.status import PROBLEMS
from deployments.environments.rules.environment_state import NOT_CREATED, EnvironmentState
from deployments.environments.rules.phases import BEFORE_STACKS, PAST_STACKS, WAITS


class Urgency(models.IntegerChoices):
    """The order of the list of environments: those that need somebody, those that change, the others."""

    PROBLEM = 0, _("Problems")
    CHANGING = 1, _("In progress")
    DEPLOYED = 2, _("Deployed")
    DELETED = 3, _("Deleted")


_IS_CHANGING = Q(latest__active_key__isnull=False) | Q(latest__kind="create", latest__state__in=sorted(WAITS))
_RUN = KeyTextTransform("instance_id", F("account__sandbox_facts"))
_IS_OF_ANOTHER_RUN = (
    Q(account__is_sandbox=True)
    & ~Q(stack_id="")
    & ~Q(sandbox_run="")
    & ~Q(Exact(Coalesce(_RUN, Value(""), output_field=TextField()), Value("")))
    & ~Q(Exact(_RUN, F("sandbox_run")))
)
_IS_GONE = Q(missing_since__isnull=False) | _IS_OF_ANOTHER_RUN
_NOT_CREATED = (
    Q(stack_status__in=sorted(NOT_CREATED))
    | Q(latest__state__in=("failed", "rolled_back"))
    & (Q(latest__kind="create") | Q(latest__is_retry=True) & ~Q(latest__protection=""))
    & ~Q(latest__last_phase__in=sorted(PAST_STACKS))
    | Q(latest__kind="rollback_creation", latest__state="succeeded")
)
_STATE = Case(
    When(deleted_at__isnull=False, then=Value(str(EnvironmentState.DELETED))),
    When(_IS_CHANGING, then=Value(str(EnvironmentState.IN_PROGRESS))),
    When(_NOT_CREATED, then=Value(str(EnvironmentState.CREATION_FAILED))),
    When(_IS_GONE, then=Value(str(EnvironmentState.UNHEALTHY))),
    When(health_word="", then=Value(str(EnvironmentState.UNKNOWN))),
    default=F("health_word"),
    output_field=CharField(),
)
"""`state_of` of deployments/environments/rules/environment_state.py."""

_CANCELED = Q(latest__state="rolled_back", latest__cancel_accepted_at__isnull=False)
"""The update was rolled back on request: the stack is unchanged, and nothing has failed."""
_CHANGED_NOTHING = (
    Q(latest__last_phase__in=sorted(BEFORE_STACKS)) & ~Q(latest__kind="create") & ~Q(stack_id="")
)
"""It failed before its stacks, such as in the preflight: the environment is as it was; its stack decides."""
_NOT_DISMISSED = Q(latest__dismissed_at=None)
"""Nobody has dismissed the failure. What it left, such as a stack in UPDATE_FAILED, stays a problem."""
_STACK_PROBLEM = (
    Q(stack_status__in=sorted(PROBLEMS))
    & ~_CANCELED
    & ~(~_NOT_DISMISSED & Q(stack_status="UPDATE_ROLLBACK_COMPLETE"))
    # After a rollback requested by an operator, this is the status of a stack without problems.
    & ~Q(latest__kind="rollback_update", latest__state="succeeded", stack_status="UPDATE_ROLLBACK_COMPLETE")
)
_PROBLEM = (
    _IS_GONE
    | Q(latest__state="failed") & ~_CHANGED_NOTHING & _NOT_DISMISSED
    | Q(latest__state="rolled_back", latest__cancel_accepted_at=None) & _NOT_DISMISSED
    | ~Q(latest__attention_code="") & Q(latest__active_key__isnull=False)
    | Q(latest__active_key=None)
    & (Q(health_word__in=("degraded", "unhealthy")) | _NOT_CREATED | Q(drill_failed_at__isnull=False))
)


def state_expression() -> Case:
    """Return the state of an environment."""
    return _STATE


@cache
def urgency_expression() -> Case:
    """Return the urgency of an environment, by the deployment before if the latest one changed nothing."""
    deployments = apps.get_model("deployments", "Deployment")._default_manager
    deciding = deployments.filter(environment=OuterRef("pk")).exclude(last_phase__in=sorted(BEFORE_STACKS))
    undone = Case(
        When(state="rolled_back", cancel_accepted_at__isnull=False, then=True),
        When(kind="rollback_update", state="succeeded", then=True),
        When(dismissed_at__isnull=False, then=True),
        default=False,
        output_field=BooleanField(),
    )
    was_undone = Subquery(deciding.order_by("-ended_at", "-pk").annotate(undone=undone).values("undone")[:1])
    as_before = Q(latest__state="failed") & _CHANGED_NOTHING & Q(Coalesce(was_undone, False))
    return Case(
        When(deleted_at__isnull=False, then=Urgency.DELETED.value),
        When(
            _PROBLEM | Q(latest__active_key=None) & _STACK_PROBLEM & ~as_before,
            then=Urgency.PROBLEM.value,
        ),
        # A scheduled creation is one of them: nothing is deployed.
        When(_IS_CHANGING, then=Urgency.CHANGING.value),
        default=Urgency.DEPLOYED.value,
        output_field=models.IntegerField(),
    )
