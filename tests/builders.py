"""Typed builders of rows and values."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from deployments.access.models.grants import Grant
from deployments.aws.cloudformation import StackEvent
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import TERMINAL, State
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Resource, Stack

_number = itertools.count(1)
START = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
REGION = "ap-northeast-1"
OPERATOR = (
    *("add_deployment", "change_environment", "delete_environment", "operate_environment"),
    *("require_approval", "lock_environment", "break_lock", "force_delete", "delete_remaining"),
    *("release_environment", "manage_template_sets"),
)
"""The permissions that the migration gave to users who could deploy."""


def make_user(name: str = "", **values: Any) -> User:
    """Return a saved user who may view everything."""
    user = User.objects.create_user(name or f"user{next(_number)}", password="a long password", **values)
    return user if user.is_superuser else make_grant(user, role="viewer")


def allow(user: User, *codenames: str) -> User:
    """Give a user these permissions, or those of an operator if there are none: every one except approval."""
    return allow_only(user, *(codenames or OPERATOR))


def allow_only(user: User, *codenames: str) -> User:
    """Give a user only these permissions."""
    return make_grant(user, role="custom", rights=sorted(f"deployments.{one}" for one in codenames))


def disallow(user: User, *codenames: str) -> User:
    """Remove permissions from a user, or all except for viewing everything if none are given."""
    lost = {f"deployments.{one}" for one in codenames}
    for grant in user.grants.filter(role="custom"):
        kept = sorted(set(grant.rights) - lost) if codenames else []
        grant.delete()
        if kept:
            make_grant(user, role="custom", rights=kept)
    return forget_access(user)


def make_grant(user: User, **values: Any) -> User:
    """Give a user a role for everything, unless `values` limit it."""
    grant = Grant(user=user, **values)
    grant.key = f"{grant.unique_key()} {next(_number)}"
    grant.save()
    return forget_access(user)


def forget_access(user: User) -> User:
    """Make the next check read the user's grants again, as in the next request."""
    vars(user).pop("_sanso_access", None)
    return user


def make_operator(name: str = "", **values: Any) -> User:
    """Return a saved user who may do everything except approve."""
    return allow(make_user(name, **values))


def make_account(name: str = "", **values: Any) -> Account:
    """Return a saved account."""
    return Account.objects.create(name=name or f"account-{next(_number)}", **({"region": REGION} | values))


def make_environment(name: str = "", **values: Any) -> Environment:
    """Return a saved environment without a stack."""
    name = name or f"env{next(_number)}"
    account = values.pop("account", None) or make_account()
    owner = values.pop("owner", None) or make_operator()
    defaults = {
        "stack_name": f"sanso-{name}",
        "live_key": None if values.get("deleted_at") else Environment.key_for(account, name),
    }
    return Environment.objects.create(account=account, name=name, owner=owner, **(defaults | values))


def make_deployment(environment: Environment | None = None, **values: Any) -> Deployment:
    """Return a saved deployment; an active one blocks its environment for others and is due."""
    environment = environment or make_environment()
    state = State(values.get("state", State.PREFLIGHT))
    active = state not in TERMINAL
    defaults: dict[str, Any] = {
        "kind": "create",
        "requested_by": environment.owner,
        "active_key": environment.pk if active else None,
        "due_at": timezone.now() if active else None,
        "ended_at": None if active else timezone.now(),
    }
    deployment = Deployment.objects.create(environment=environment, **(defaults | values))
    Environment.objects.filter(pk=environment.pk).update(latest=deployment)
    environment.latest = deployment
    return deployment


def make_stack(deployment: Deployment, path: str = "", parent: Stack | None = None, **values: Any) -> Stack:
    """Return a saved stack row at a path."""
    name = values.pop("name", f"{deployment.environment.stack_name}{'-' if path else ''}{path}")
    return Stack.objects.create(
        deployment=deployment,
        path=path,
        parent=parent,
        depth=parent.depth + 1 if parent else 0,
        name=name,
        **({"stack_id": stack_id(name)} | values),
    )


def make_resource(stack: Stack, logical_id: str, **values: Any) -> Resource:
    """Return a saved resource row."""
    defaults = {"type": "AWS::SNS::Topic", "status": "CREATE_COMPLETE"}
    return Resource.objects.create(stack=stack, logical_id=logical_id, **(defaults | values))


def make_event(deployment: Deployment, seq: int, **values: Any) -> Event:
    """Return a saved event with the given number."""
    defaults: dict[str, Any] = {
        "event_id": f"event-{next(_number)}",
        "source": "cloudformation",
        "at": START + timedelta(seconds=seq),
        "logical_id": f"Thing{seq}",
        "type": "AWS::SNS::Topic",
        "status": "CREATE_COMPLETE",
    }
    values = defaults | values
    values.setdefault("key", Event.key_for("", values["event_id"]))
    event = Event.objects.create(deployment=deployment, seq=seq, **values)
    Deployment.objects.filter(pk=deployment.pk, last_seq__lt=seq).update(last_seq=seq)
    return event


def stack_id(name: str) -> str:
    """Return a StackId in CloudFormation's form, the same for the same name."""
    return f"arn:aws:cloudformation:{REGION}:123456789012:stack/{name}/51af3dc0-da77-11e4-872e-1234567db123"


def make_stack_event(
    logical_id: str, status: str, *, second: float = 0, stack: str = "sanso-env", **values: Any
) -> StackEvent:
    """Return a stack event as the gateway returns it."""
    own = logical_id == stack
    defaults: dict[str, Any] = {
        "event_id": f"{logical_id}-{status}-{next(_number)}",
        "stack_id": stack_id(stack),
        "stack_name": stack,
        "logical_id": logical_id,
        "physical_id": stack_id(stack) if own else f"{logical_id.lower()}-1",
        "type": "AWS::CloudFormation::Stack" if own else "AWS::SNS::Topic",
        "status": status,
        "reason": "",
        "at": START + timedelta(seconds=second),
    }
    return StackEvent(**(defaults | values))
