"""The filters of lists, and the refusal of parameters that an operation does not have."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Annotated, Any

from django.utils.translation import gettext as _
from ninja import Query, Schema
from pydantic import AwareDatetime, Field

from deployments.access.api.keyset import MAX_KEY
from deployments.access.api.problems import FieldProblem, RequestRefused
from deployments.access.api.schema_parts import MAX_ETAG
from deployments.environments.models.deployment_queries import DeploymentQuerySet
from deployments.environments.models.environment_states import Urgency
from deployments.environments.models.environments import Environment, EnvironmentQuerySet
from deployments.environments.rules.environment_state import EnvironmentState
from deployments.environments.rules.phases import Kind, State


class StateName(StrEnum):
    """What `state` has of an environment, the most urgent first: see `status`, which is more precise."""

    PROBLEM = "problem"
    CHANGING = "changing"
    DEPLOYED = "deployed"
    DELETED = "deleted"


class StatusName(StrEnum):
    """The statuses by which pages filter deployments."""

    ACTIVE = "active"
    WAITING = "waiting"
    PROBLEMS = "problems"


Name = Annotated[str | None, Query(None, max_length=60, description="Only those with this name.")]
Account = Annotated[int | None, Field(ge=1, le=MAX_KEY, description="Only those in this account.")]
Set = Annotated[
    int | None, Field(ge=1, le=MAX_KEY, description="Only those with a version of this template set.")
]
Label = Annotated[
    str | None,
    Field(
        max_length=110,
        pattern=r"^[^=]+=.+$",
        description="Only those of environments with this label, as key=value.",
        examples=["team=payments"],
    ),
]
Since = Annotated[AwareDatetime | None, Field(description="Only those created at this time or later.")]
Until = Annotated[AwareDatetime | None, Field(description="Only those created before this time.")]


class EnvironmentListFilter(Schema):
    """Which environments are listed."""

    name: str | None = Field(None, max_length=60, description="Only those with this name.")
    account: Account = None
    status: EnvironmentState | None = Field(None, description="Only those with this status.")
    state: StateName | None = Field(
        None,
        json_schema_extra={"deprecated": True},
        description="Use `status`. Only those with this value of `state`.",
    )
    set: Set = None
    label: Label = None
    since: Since = None
    until: Until = None
    deleted: bool = Field(False, description="Also those that were deleted.")

    def rows(self, rows: EnvironmentQuerySet) -> EnvironmentQuerySet:
        """Keep the environments that match."""
        wants_deleted = self.state is StateName.DELETED or self.status is EnvironmentState.DELETED
        rows = rows if self.deleted or wants_deleted else rows.live()
        rows = rows.in_state(self.status) if self.status else rows
        rows = rows.of_urgency(Urgency[self.state.name]) if self.state else rows
        rows = rows.in_account(self.account) if self.account else rows
        rows = rows.of_source(self.set) if self.set else rows
        rows = rows.called(self.name) if self.name else rows
        rows = rows.with_label(*self.label.partition("=")[::2]) if self.label else rows
        return rows.created_within(self.since, self.until)


class DeploymentFilter(Schema):
    """Which deployments are listed."""

    status: StatusName | None = Field(None, description="Only those with this status.")
    state: State | None = Field(None, description="Only those in this state.")
    kind: Kind | None = Field(None, description="Only those of this kind.")
    environment: int | None = Field(
        None, ge=1, le=MAX_KEY, description="Only those of the environment with this key."
    )
    name: str | None = Field(None, max_length=60, description="Only those of environments with this name.")
    account: Account = None
    set: Set = None
    label: Label = None
    since: Since = None
    until: Until = None

    def rows(self, rows: DeploymentQuerySet) -> DeploymentQuerySet:
        """Keep the deployments that match."""
        if self.status:
            by_status = {StatusName.ACTIVE: rows.active, StatusName.WAITING: rows.waiting}
            rows = by_status.get(self.status, rows.failed_or_rolled_back)()
        rows = rows.in_state(self.state) if self.state else rows
        rows = rows.of_kind(self.kind) if self.kind else rows
        rows = rows.in_environment(self.environment) if self.environment else rows
        rows = rows.in_environments(Environment.objects.called(self.name)) if self.name else rows
        rows = rows.in_account(self.account) if self.account else rows
        rows = rows.of_source(self.set) if self.set else rows
        rows = rows.with_label(*self.label.partition("=")[::2]) if self.label else rows
        return rows.created_within(self.since, self.until)


def known_parameters(run: Any) -> Any:
    """Let an operation refuse parameters of the address that it does not have, as unknown fields of a body.

    It is a decorator of django-ninja (`add_decorator`), which gets the method `run` of each operation. The
    parameters are compared after the authentication, and before anything is done.
    """
    operation = run.__self__
    names = {
        name
        for model in operation.models
        if model.__ninja_param_source__ == "query"
        for name in model.__ninja_flatten_map__
    }
    operation.view_func = _refusing_others(operation.view_func, names)
    return run


def _refusing_others(view: Callable[..., Any], names: set[str]) -> Callable[..., Any]:
    @wraps(view)
    def checked(request: Any, *args: Any, **values: Any) -> Any:
        if len(request.headers.get("If-None-Match", "")) > MAX_ETAG:
            raise RequestRefused(422, "InvalidRequest", _("The header If-None-Match is too long."))
        if unknown := [name for name in request.GET if name not in names]:
            text = _("The parameter is unknown.")
            raise RequestRefused(
                422,
                "InvalidRequest",
                _("The request is not valid."),
                [FieldProblem(field=name[:100], code="extra_forbidden", detail=text) for name in unknown],
            )
        return view(request, *args, **values)

    return checked
