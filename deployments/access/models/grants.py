"""Permissions: teams, service accounts and grants of roles; and the labels that grants may refer to."""

from __future__ import annotations

from collections.abc import Collection
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from deployments.access.rules.roles import Granted, Role, Scope, rights_of
from deployments.common.models.fields import IdField
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment

ROLE_NAMES = [
    (Role.VIEWER.value, _("Viewer")),
    (Role.OPERATOR.value, _("Operator")),
    (Role.DEPLOYER.value, _("Deployer")),
    (Role.APPROVER.value, _("Approver")),
    (Role.ADMIN.value, _("Admin")),
    (Role.CUSTOM.value, _("Individual rights")),
]
SCOPES = [
    (Scope.EVERYTHING.value, _("Everything")),
    (Scope.ACCOUNT.value, _("Account")),
    (Scope.LABEL.value, _("Label")),
    (Scope.ENVIRONMENT.value, _("Environment")),
]
SOURCES = [("", _("Given by hand")), ("oidc", _("From the identity provider")), ("upgrade", _("Upgrade"))]


class TeamQuerySet(models.QuerySet["Team"]):
    """Named queries over teams."""

    def of_groups(self, name: str, named: Collection[str]) -> Team | None:
        """Return the team of a name in the mapping of groups: the one that first had it, else a new one.

        Return None if the name is that of a team which another name of the mapping (`named`) is about.
        """
        key, keys = Team.key_for(name), {Team.key_for(one) for one in named}
        if found := self.filter(mapped_key=key).first():
            return found
        team, _is_new = self.get_or_create(key=key, defaults={"name": name, "mapped_key": key})
        if team.mapped_key != key:
            if team.mapped_key in keys:
                return None
            team.mapped_key = key
            team.save(update_fields=["mapped_key"])
        return team


class Team(models.Model):
    """People who share grants."""

    MAX_NAME = 60

    name = models.CharField(_("name"), max_length=MAX_NAME)
    key = IdField(max_length=MAX_NAME, unique=True, editable=False)
    # The name by which groups of an identity provider know it, from its first use on: renaming it moves no
    # group, and another team with that name gets none.
    mapped_key = IdField(
        max_length=MAX_NAME, blank=True, default="", db_default="", db_index=True, editable=False
    )
    description = models.CharField(_("description"), max_length=200, blank=True, default="")
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="TeamMember", related_name="teams", verbose_name=_("members")
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = models.Manager.from_queryset(TeamQuerySet)()

    class Meta:
        ordering = ("name",)
        verbose_name = _("team")
        verbose_name_plural = _("teams")

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def key_for(name: str) -> str:
        """Return the unique key of a name."""
        return name.lower()


class TeamMember(models.Model):
    """A person in a team. `source`: who manages the membership; an identity provider removes only its own."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    source = models.CharField(max_length=10, choices=SOURCES, blank=True, default="")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("team", "user"), name="one_membership"),)
        verbose_name = _("team member")
        verbose_name_plural = _("team members")

    def __str__(self) -> str:
        return f"{self.user_id} in {self.team_id}"


class ServiceAccount(models.Model):
    """A program that calls the API: a user who cannot sign in, with its own grants and tokens."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="service_account"
    )
    description = models.CharField(_("description"), max_length=200, blank=True, default="")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("user__username",)
        verbose_name = _("service account")
        verbose_name_plural = _("service accounts")

    def __str__(self) -> str:
        return self.user.get_username()


class LabelQuerySet(models.QuerySet["Label"]):
    """Named queries over labels."""

    def in_use(self, environments: models.QuerySet[Environment], most: int) -> list[Label]:
        """Return one of each label that these environments have, by key and value, up to a maximum number."""
        rows = self.filter(environment__in=environments.order_by().values("pk")).order_by("key", "value")
        pairs = rows.values_list("key", "value").distinct()[:most]
        return [Label(key=key, value=value) for key, value in pairs]


class Label(models.Model):
    """A key and a value of an environment, such as `team` and `payments`; one value for each key."""

    MAX_KEY, MAX_VALUE = 40, 60

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="labels")
    # Compared by bytes, like in the function that decides.
    key = IdField(_("key"), max_length=MAX_KEY)
    value = IdField(_("value"), max_length=MAX_VALUE)

    objects = models.Manager.from_queryset(LabelQuerySet)()

    class Meta:
        ordering = ("key",)
        constraints = (models.UniqueConstraint(fields=("environment", "key"), name="one_value_per_label"),)
        indexes = (models.Index(fields=("key", "value"), name="environments_by_label"),)
        verbose_name = _("label")
        verbose_name_plural = _("labels")

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class GrantQuerySet(models.QuerySet["Grant"]):
    """Named queries over grants."""

    def of_user(self, user_pk: int) -> Self:
        """Keep those of a person, directly or through teams."""
        return self.filter(Q(user=user_pk) | Q(team__memberships__user=user_pk)).distinct()

    def roles_of(self, users: Collection[int]) -> dict[int, set[str]]:
        """Return the roles that each of these users has for any object, directly or through teams."""
        found: dict[int, set[str]] = {one: set() for one in users}
        rows = self.order_by()
        directly = rows.filter(user__in=users).values_list("user", "role").distinct()
        through = "team__memberships__user"
        by_team = rows.filter(**{f"{through}__in": users}).values_list(through, "role").distinct()
        for user, role in [*directly, *by_team]:
            found[user].add(role)
        return found

    def pks_of(self, users: Collection[int]) -> dict[int, set[int]]:
        """Return the keys of the grants of each of these users, directly or through teams. Two queries."""
        found: dict[int, set[int]] = {one: set() for one in users}
        through = "team__memberships__user"
        directly = self.filter(user__in=users).order_by().values_list("user", "pk")
        by_team = self.filter(**{f"{through}__in": users}).order_by().values_list(through, "pk")
        for user, pk in [*directly, *by_team]:
            found[user].add(pk)
        return found

    def naming(self, labels: Collection[tuple[str, str]]) -> Self:
        """Keep those for one of some labels: adding or removing it on an environment changes permissions."""
        named = Q(pk__in=[])
        for key, value in labels:
            named |= Q(label_key=key, label_value=value)
        return self.filter(named, scope=Scope.LABEL.value)

    def for_page(self) -> Self:
        """Select what pages show of each grant: its holder, its object, and who gave it."""
        return self.select_related("user", "team", "account", "environment__account", "granted_by")

    def given_to(self, *, person: int | None, team: int | None) -> Self:
        """Keep those given directly to a person or to a team; None keeps all."""
        rows = self.filter(user=person) if person else self
        return rows.filter(team=team) if team else rows

    def about_account(self, account_pk: int) -> Self:
        """Keep those for an entire account."""
        return self.filter(Q(scope=Scope.EVERYTHING.value) | Q(scope=Scope.ACCOUNT.value, account=account_pk))

    def that_manage_access(self) -> Self:
        """Keep those for everything that may contain the right to manage access."""
        return self.filter(scope=Scope.EVERYTHING.value, role__in=(Role.ADMIN.value, Role.CUSTOM.value))

    def about(self, environment: Environment) -> Self:
        """Keep those that cover an environment, with their subjects."""
        labels = Q()
        for label in environment.labels.all():
            labels |= Q(scope=Scope.LABEL, label_key=label.key, label_value=label.value)
        matching = (
            Q(scope=Scope.EVERYTHING)
            | Q(scope=Scope.ACCOUNT, account=environment.account_id)
            | Q(scope=Scope.ENVIRONMENT, environment=environment.pk)
        )
        rows = self.filter(matching | labels) if labels else self.filter(matching)
        return rows.select_related("user", "team")

    def that_manage_access_to(self, about: Environment | Account | None) -> Self:
        """Keep those of people and teams that may contain the right to manage access to an object."""
        if isinstance(about, Environment):
            rows = self.about(about)
        else:
            matching = Q(scope=Scope.EVERYTHING)
            if about is not None:
                matching |= Q(scope=Scope.ACCOUNT, account=about.pk)
            rows = self.filter(matching).select_related("user", "team")
        return rows.filter(role__in=(Role.ADMIN, Role.CUSTOM), user__service_account=None).order_by(
            "role", "pk"
        )


class Grant(models.Model):
    """A role of a person or a team, for everything, an account, a label or one environment.

    `key` is unique: a role is given once to the same holder for the same object. `rights` are those of the
    role CUSTOM.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="grants",
        verbose_name=_("user"),
    )
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.CASCADE, related_name="grants", verbose_name=_("team")
    )
    role = models.CharField(_("role"), max_length=20, choices=ROLE_NAMES)
    rights = models.JSONField(default=list, blank=True)
    scope = models.CharField(_("scope"), max_length=20, choices=SCOPES, default=Scope.EVERYTHING.value)
    account = models.ForeignKey(
        Account, null=True, blank=True, on_delete=models.CASCADE, related_name="grants"
    )
    environment = models.ForeignKey(
        Environment, null=True, blank=True, on_delete=models.CASCADE, related_name="grants"
    )
    label_key = IdField(max_length=Label.MAX_KEY, blank=True, default="")
    label_value = IdField(max_length=Label.MAX_VALUE, blank=True, default="")
    key = IdField(max_length=200, unique=True, editable=False)
    source = models.CharField(max_length=10, choices=SOURCES, blank=True, default="")
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = models.Manager.from_queryset(GrantQuerySet)()

    class Meta:
        ordering = ("pk",)
        verbose_name = _("grant")
        verbose_name_plural = _("grants")

    def __str__(self) -> str:
        return self.key

    @property
    def granted(self) -> Granted:
        """Return the grant as a plain value."""
        return Granted(
            pk=self.pk,
            rights=rights_of(self.role, self.rights),
            scope=Scope(self.scope),
            account=self.account_id,
            environment=self.environment_id,
            label=(self.label_key, self.label_value),
        )

    def unique_key(self) -> str:
        """Return the value of `key`: the holder, the role, and the object."""
        whose = f"team:{self.team_id}" if self.team_id else f"user:{self.user_id}"
        what = {
            Scope.ACCOUNT.value: f":{self.account_id}",
            Scope.ENVIRONMENT.value: f":{self.environment_id}",
            Scope.LABEL.value: f":{self.label_key}={self.label_value}",
        }.get(self.scope, "")
        return f"{whose} {self.role} {self.scope}{what} {self.source}".strip()
