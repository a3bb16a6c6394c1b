"""What a person may do and see: the one function that decides, and the query sets that it filters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Exists, OuterRef, Q, prefetch_related_objects

from deployments.access.models.grants import Grant, Label
from deployments.access.rules.roles import FOR_EVERYTHING, About, Access, Right, Scope
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployment_queries import DeploymentQuerySet
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment, EnvironmentQuerySet

Person = User | AnonymousUser | AbstractBaseUser

NOBODY = Access(user=0)
_CACHED = "_sanso_access"


def can(user: Person, right: str, about: Environment | Account | None = None) -> bool:
    """Return whether a person has a right about an environment or an account, or (None) for everything.

    The grants are read once for each user object, as Django's permissions are: one query for a request.
    """
    access = access_of(user)
    return access.may(right, None if about is None else _about(access, about))


def can_create(user: User, account: Account, labels: Iterable[tuple[str, str]] = ()) -> bool:
    """Return whether a person may create an environment with some labels in an account."""
    return access_of(user).may(Right.CREATE, About(account=account.pk, labels=frozenset(labels)))


def can_somewhere(user: Person, right: str) -> bool:
    """Return whether a person has a right about anything at all; some rights are for everything only."""
    access = access_of(user)
    return access.may_everywhere(right) if right in FOR_EVERYTHING else access.may_somewhere(right)


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


def limit(user: User, rights: frozenset[str]) -> None:
    """Limit what a user object may do to some rights: those that the token of a request covers."""
    setattr(user, _CACHED, access_of(user).within(rights))


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
        found |= Q(pk__in=visible_environments(user).values("account"))
    return found


def known_accounts(user: Person) -> Q:
    """Return the condition of the accounts that a person may view, or create environments in."""
    view, create = visible_accounts(user), visible_accounts(user, Right.CREATE)
    return view | create if view and create else Q()  # one without a condition is all of them


def whole_accounts(user: Person, right: str) -> Q:
    """Return the condition of the accounts about which, as a whole, a person has a right."""
    access = access_of(user)
    if access.may_everywhere(right):
        return Q()
    return Q(pk__in=[one.account for one in access.scoped(right) if one.scope is Scope.ACCOUNT])


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
    labels = frozenset(_labels(about)) if access.has_labels else frozenset()
    return About(account=about.account_id, environment=about.pk, labels=labels)


def _labels(environment: Environment) -> Iterator[tuple[str, str]]:
    """Yield the labels of an environment; they are read once for each object."""
    prefetch_related_objects([environment], "labels")
    return ((label.key, label.value) for label in environment.labels.all())
