"""What a person may do and see: the one function that decides, and the query sets that it filters."""

from __future__ import annotations

from collections.abc import Collection

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Exists, OuterRef, Q

from deployments.core.roles import About, Access, Right, Scope
from deployments.models import Account, Deployment, Environment, Grant, Label
from deployments.models.deployment_queries import DeploymentQuerySet
from deployments.models.environment import EnvironmentQuerySet

Person = User | AnonymousUser | AbstractBaseUser

NOBODY = Access(user=0)
_CACHED = "_sanso_access"


def can(user: Person, right: str, about: Environment | Account | None = None) -> bool:
    """Return whether a person has a right about an environment or an account, or (None) for everything.

    The grants are read once for each user object, as Django's permissions are: one query for a request.
    """
    access = access_of(user)
    return access.may(right, None if about is None else _about(access, about))


def can_create(user: User, account: Account, labels: Collection[tuple[str, str]] = ()) -> bool:
    """Return whether a person may create an environment with some labels in an account."""
    return access_of(user).may(Right.CREATE, About(account=account.pk, labels=frozenset(labels)))


def can_somewhere(user: Person, right: str) -> bool:
    """Return whether a person has a right about anything at all."""
    return access_of(user).may_somewhere(right)


def access_of(user: Person) -> Access:
    """Return everything that a person may do; nothing for one who is not active or not signed in."""
    if not isinstance(user, User) or not user.is_active:
        return NOBODY
    found: Access | None = getattr(user, _CACHED, None)
    if found is None:
        found = Access(
            user=user.pk,
            is_superuser=user.is_superuser,
            grants=tuple(grant.granted for grant in Grant.objects.of_user(user.pk)),
        )
        setattr(user, _CACHED, found)
    return found


def visible_environments(user: Person, right: str = Right.VIEW) -> EnvironmentQuerySet:
    """Return the environments that a person may view, or about which they have another right."""
    return Environment.objects.filter(environments_with(access_of(user), right))


def visible_deployments(user: Person, right: str = Right.VIEW) -> DeploymentQuerySet:
    """Return the deployments of the environments that a person may view, or have another right about."""
    access = access_of(user)
    if access.may_everywhere(right):
        return Deployment.objects.all()
    return Deployment.objects.filter(environment__in=visible_environments(user, right))


def visible_accounts(user: Person, right: str = Right.VIEW) -> Q:
    """Return the condition of the accounts that a person has a right about, or may view environments of.

    A right that a label gives is in any account: an environment with the label can be created there.
    """
    access = access_of(user)
    if access.may_everywhere(right):
        return Q()
    scoped = access.scoped(right)
    if right != Right.VIEW and any(one.scope is Scope.LABEL for one in scoped):
        return Q()
    found = Q(pk__in=[one.account for one in scoped if one.scope is Scope.ACCOUNT])
    if right == Right.VIEW:
        found |= Q(environments__in=visible_environments(user))
    return found


def environments_with(access: Access, right: str) -> Q:
    """Return the condition of the environments about which a person has a right."""
    if access.may_everywhere(right):
        return Q()
    scoped = access.scoped(right)
    found = Q(account__in=[one.account for one in scoped if one.scope is Scope.ACCOUNT])
    found |= Q(pk__in=[one.environment for one in scoped if one.scope is Scope.ENVIRONMENT])
    labels = Q()
    for one in scoped:
        if one.scope is Scope.LABEL:
            labels |= Q(key=one.label[0], value=one.label[1])
    if labels:
        found |= Q(Exists(Label.objects.filter(labels, environment=OuterRef("pk"))))
    return found


def _about(access: Access, about: Environment | Account) -> About:
    if isinstance(about, Account):
        return About(account=about.pk)
    labels = frozenset(about.labels.values_list("key", "value")) if access.has_labels else frozenset()
    return About(account=about.account_id, environment=about.pk, labels=labels)
