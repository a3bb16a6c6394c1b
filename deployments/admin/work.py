"""Accounts, which can be edited, and environments, deployments, stacks, resources and events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from deployments.accounts.commands.accounts import delete_account, save_account
from deployments.accounts.pages.account_roles import roles_text
from deployments.admin.rows import (
    AccountFilter,
    EnvironmentFilter,
    ManagedAccounts,
    ReadOnly,
    StateFilter,
    StatusFilter,
)
from deployments.environments.display import badges
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.stacks.display import event_texts
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Resource, Stack

if TYPE_CHECKING:
    AccountRows = admin.ModelAdmin[Account]
else:  # generic for type checkers only
    AccountRows = admin.ModelAdmin


@admin.register(Account)
class AccountAdmin(ManagedAccounts, AccountRows):
    """Accounts that the portal deploys to. The portal generates the external id."""

    list_display = ("name", "region", "role_arn", "is_sandbox")
    list_filter = ("region", "is_sandbox")
    search_fields = ("name", "role_arn")
    readonly_fields = ("external_id", "trust_policy", "roles", "is_sandbox", "created_at")
    fieldsets = (
        (None, {"fields": ("name", "region")}),
        (
            _("Access"),
            {
                "fields": (
                    *("role_arn", "external_id", "trust_policy", "service_role_arn", "boundary_arn"),
                    "roles",
                )
            },
        ),
        (_("Artifacts"), {"fields": ("artifact_bucket",)}),
        (_("More"), {"fields": ("is_sandbox", "created_at")}),
    )

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        """Save an account with its audit record."""
        save_account(user=cast("User", request.user), account=obj, changed=form.changed_data)

    def delete_model(self, request: HttpRequest, obj: Account) -> None:
        """Delete an account with its audit record."""
        delete_account(user=cast("User", request.user), account=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> None:
        """Delete the selected accounts, each with its audit record."""
        for account in queryset:
            delete_account(user=cast("User", request.user), account=account)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        """Return the accounts in AWS and of the sandbox. That of recordings cannot be edited."""
        return super().get_queryset(request).filter(is_recording=False)

    @admin.display(description=_("trust policy of the role"))
    def trust_policy(self, account: Account) -> SafeString:
        """Return the policy that lets the portal assume the role, with this account's external id.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html
        """
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::<account of Sanso>:role/<role of Sanso>"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": account.external_id}},
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        return format_html('<pre class="snippet">{}</pre>', json.dumps(policy, indent=2))

    @admin.display(description=_("revision of the roles"))
    def roles(self, account: Account) -> SafeString | str:
        """Return whether the deployed account.yaml is as new as this version needs, and what to do."""
        if account.is_sandbox:
            return str(_("The sandbox creates them from account.yaml of this version."))
        return roles_text(account) if account.pk else "–"


@admin.register(Environment)
class EnvironmentAdmin(ReadOnly):
    """Environments, including deleted ones."""

    list_display = (
        "name",
        "account",
        "displayed_status",
        "displayed_stack_status",
        "owner",
        "created_at",
    )
    list_filter = (
        StateFilter,
        ("account", AccountFilter),
        "stack_status",
        ("deleted_at", admin.EmptyFieldListFilter),
    )
    search_fields = ("name", "stack_name", "stack_id")
    list_select_related = ("account", "owner", "latest")
    date_hierarchy = "created_at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Return the environments without those of recordings."""
        return super().get_queryset(request).filter(account__is_recording=False)

    @admin.display(description=_("status"))
    def displayed_status(self, environment: Environment) -> SafeString:
        """Return the environment's status."""
        return badges.environment_status(environment)

    @admin.display(description=_("stack"), ordering="stack_status")
    def displayed_stack_status(self, environment: Environment) -> SafeString | str:
        """Return the status of its root stack as last observed."""
        return badges.status(environment.stack_status, raw=True) if environment.stack_status else "–"


@admin.register(Deployment)
class DeploymentAdmin(ReadOnly):
    """Deployments, newest first."""

    deployment_path = "pk"
    list_display = ("id", "kind", "environment", "account", "displayed_state", "requested_by", "created_at")
    list_display_links = ("id", "kind")
    list_filter = (
        *("state", "kind", "created_at"),
        ("environment__account", AccountFilter),
        ("environment", EnvironmentFilter),
    )
    search_fields = ("environment__name", "reason", "stack_id", "error_code")
    list_select_related = ("environment__account", "requested_by")
    readonly_fields = ("rows",)
    ordering = ("-pk",)

    @admin.display(description=_("account"), ordering="environment__account__name")
    def account(self, deployment: Deployment) -> str:
        """Return the account's name."""
        return deployment.environment.account.name

    @admin.display(description=_("state"), ordering="state")
    def displayed_state(self, deployment: Deployment) -> SafeString:
        """Return the deployment's state."""
        return badges.deployment_status(deployment)

    @admin.display(description=_("rows"))
    def rows(self, deployment: Deployment) -> SafeString:
        """Return links to all its stacks, resources and events."""
        links = (
            (one._meta.verbose_name_plural, _list_of(one, deployment)) for one in (Stack, Resource, Event)
        )
        return format_html_join(" · ", '<a href="{1}">{0}</a>', links)


@admin.register(Stack)
class StackAdmin(ReadOnly):
    """Root and nested stacks of deployments."""

    deployment_path = "deployment"
    indexed_lookup = "deployment__id__exact"
    list_display = ("name", "path", "deployment", "displayed_status", "started_at", "ended_at")
    list_filter = (
        StatusFilter,
        ("deployment__environment", EnvironmentFilter),
        ("deployment__environment__account", AccountFilter),
    )
    search_fields = ("name", "path", "stack_id")
    list_select_related = ("deployment__environment",)
    ordering = ("-pk",)

    @admin.display(description=_("status"), ordering="status")
    def displayed_status(self, stack: Stack) -> SafeString:
        """Return the stack's status."""
        return badges.status(stack.status, stack.reason, raw=True)


@admin.register(Resource)
class ResourceAdmin(ReadOnly):
    """Resources of the stacks of deployments."""

    stack_path = "stack"
    indexed_lookup = "stack__deployment__id__exact"
    list_display = ("logical_id", "type", "stack", "deployment", "displayed_status", "physical_id")
    list_filter = (StatusFilter, ("stack__deployment__environment__account", AccountFilter))
    search_fields = ("logical_id", "physical_id", "type")
    list_select_related = ("stack__deployment__environment",)
    ordering = ("-pk",)

    @admin.display(description=_("deployment"))
    def deployment(self, resource: Resource) -> str:
        """Return the deployment that created or deleted it."""
        return str(resource.stack.deployment)

    @admin.display(description=_("status"), ordering="status")
    def displayed_status(self, resource: Resource) -> SafeString:
        """Return the resource's status."""
        return badges.status(resource.status, resource.reason, raw=True)


@admin.register(Event)
class EventAdmin(ReadOnly):
    """The events of all deployments, newest first."""

    deployment_path = "deployment"
    indexed_lookup = "deployment__id__exact"
    list_display = ("seq", "deployment", "at", "source", "logical_id", "displayed_status", "displayed_reason")
    list_filter = ("source", StatusFilter, ("deployment__environment__account", AccountFilter))
    search_fields = ("logical_id", "physical_id", "=event_id")
    list_select_related = ("deployment__environment",)
    ordering = ("-pk",)

    @admin.display(description=_("status"), ordering="status")
    def displayed_status(self, event: Event) -> SafeString | str:
        """Return the status in a stack event."""
        return badges.status(event.status, event.reason, raw=True) if event.status else ""

    @admin.display(description=_("reason"))
    def displayed_reason(self, event: Event) -> str:
        """Return CloudFormation's reason, or the text of the portal's own event."""
        return event.reason if event.source == "cloudformation" else event_texts.event(event)


def _list_of(model: type[Model], deployment: Deployment) -> str:
    """Return the address of the list of a deployment's rows."""
    address = reverse(f"admin:deployments_{model._meta.model_name}_changelist")
    return f"{address}?{admin.site._registry[model].indexed_lookup}={deployment.pk}"  # type: ignore[attr-defined]
