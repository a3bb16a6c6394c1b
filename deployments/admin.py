"""Django's admin: accounts can be edited; everything that happened is read only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.forms import Media
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from deployments.models import Account, Deployment, Environment, Event, Resource, Stack
from deployments.views import badges, wording

if TYPE_CHECKING:
    Rows = admin.ModelAdmin[Model]
    AccountRows = admin.ModelAdmin[Account]
    Pages = Paginator[Any]
else:  # generic for type checkers only
    Pages = Paginator
    Rows = AccountRows = admin.ModelAdmin

STYLE = Media(css={"all": ["portal/palette.css", "portal/admin.css"]})
admin.site.site_header = admin.site.site_title = "Sanso"
admin.site.index_title = _("What Sanso knows")


class CappedPaginator(Pages):
    """Counts up to a limit: a table of millions is never walked just to say how many pages there are."""

    limit = 5000

    @cached_property
    def count(self) -> int:
        """Return how many rows there are, `limit` for more."""
        rows: Any = self.object_list
        return len(rows.values_list("pk")[: self.limit])


class StatusFilter(admin.SimpleListFilter):
    """Narrows by how a CloudFormation word ends; Django's own filter would read the whole column."""

    title = _("status")
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choices."""
        return [("_FAILED", _("Failed")), ("_IN_PROGRESS", _("In progress")), ("_COMPLETE", _("Complete"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the choice."""
        ending = self.value()
        return queryset.filter(status__endswith=ending) if ending else queryset


class ReadOnly(Rows):
    """Rows that the portal writes: to be read, never added, changed or deleted by hand.

    No list counts its table, so that it opens as fast with millions of events.
    """

    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 50
    actions = None

    @property
    def media(self) -> Media:
        """Return Django's files with the colours of the badges."""
        return super().media + STYLE

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


@admin.register(Account)
class AccountAdmin(AccountRows):
    """Where the portal may act. The external id is made by the portal and only shown."""

    list_display = ("name", "region", "role_arn", "is_sandbox")
    list_filter = ("region", "is_sandbox")
    search_fields = ("name", "role_arn")
    readonly_fields = ("external_id", "trust_policy", "is_sandbox", "created_at")
    fieldsets = (
        (None, {"fields": ("name", "region")}),
        (_("Access"), {"fields": ("role_arn", "external_id", "trust_policy", "service_role_arn")}),
        (_("Artifacts"), {"fields": ("artifact_bucket",)}),
        (_("More"), {"fields": ("is_sandbox", "created_at")}),
    )

    @property
    def media(self) -> Media:
        """Return Django's files with the portal's."""
        return super().media + STYLE

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


@admin.register(Environment)
class EnvironmentAdmin(ReadOnly):
    """Environments, the deleted ones too."""

    list_display = ("name", "account", "shown_status", "stack_word", "owner", "created_at", "deleted_at")
    list_filter = ("account", "stack_status", ("deleted_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "stack_name", "stack_id")
    list_select_related = ("account", "owner", "latest")
    date_hierarchy = "created_at"

    @admin.display(description=_("status"))
    def shown_status(self, environment: Environment) -> SafeString:
        """Return how the environment stands."""
        return badges.environment_status(environment)

    @admin.display(description=_("stack"), ordering="stack_status")
    def stack_word(self, environment: Environment) -> SafeString | str:
        """Return how its root stack stands, as it was seen last."""
        return badges.status(environment.stack_status, raw=True) if environment.stack_status else "–"


@admin.register(Deployment)
class DeploymentAdmin(ReadOnly):
    """Deployments, newest first."""

    list_display = ("pk", "kind", "environment", "account", "shown_state", "requested_by", "created_at")
    list_display_links = ("pk", "kind")
    list_filter = ("state", "kind", "environment__account", ("environment", admin.RelatedOnlyFieldListFilter))
    search_fields = ("environment__name", "reason", "stack_id", "error_code")
    list_select_related = ("environment__account", "requested_by")
    date_hierarchy = "created_at"
    ordering = ("-pk",)

    @admin.display(description=_("account"), ordering="environment__account__name")
    def account(self, deployment: Deployment) -> str:
        """Return the account's name."""
        return deployment.environment.account.name

    @admin.display(description=_("state"), ordering="state")
    def shown_state(self, deployment: Deployment) -> SafeString:
        """Return how the deployment stands."""
        return badges.deployment_status(deployment)


@admin.register(Stack)
class StackAdmin(ReadOnly):
    """Root and nested stacks as deployments saw them."""

    list_display = ("name", "path", "deployment", "shown_status", "started_at", "ended_at")
    list_filter = (StatusFilter, "deployment__environment__account")
    search_fields = ("name", "path", "stack_id")
    list_select_related = ("deployment__environment",)
    ordering = ("-pk",)

    @admin.display(description=_("status"), ordering="status")
    def shown_status(self, stack: Stack) -> SafeString:
        """Return how the stack stands."""
        return badges.status(stack.status, stack.reason, raw=True)


@admin.register(Resource)
class ResourceAdmin(ReadOnly):
    """Resources of stacks as deployments saw them."""

    list_display = ("logical_id", "type", "stack", "deployment", "shown_status", "physical_id")
    list_filter = (StatusFilter, "stack__deployment__environment__account")
    search_fields = ("logical_id", "physical_id", "type")
    list_select_related = ("stack__deployment__environment",)
    ordering = ("-pk",)

    @admin.display(description=_("deployment"))
    def deployment(self, resource: Resource) -> str:
        """Return what made or deleted it."""
        return str(resource.stack.deployment)

    @admin.display(description=_("status"), ordering="status")
    def shown_status(self, resource: Resource) -> SafeString:
        """Return how the resource stands."""
        return badges.status(resource.status, resource.reason, raw=True)


@admin.register(Event)
class EventAdmin(ReadOnly):
    """The logs of all deployments, newest first."""

    list_display = ("seq", "deployment", "at", "source", "logical_id", "shown_status", "said")
    list_filter = ("source", StatusFilter, "deployment__environment__account")
    search_fields = ("logical_id", "physical_id", "=event_id")
    list_select_related = ("deployment__environment",)
    ordering = ("-pk",)

    @admin.display(description=_("status"), ordering="status")
    def shown_status(self, event: Event) -> SafeString | str:
        """Return the status that a stack event tells of."""
        return badges.status(event.status, event.reason, raw=True) if event.status else ""

    @admin.display(description=_("reason"))
    def said(self, event: Event) -> str:
        """Return CloudFormation's reason, or the sentence of the portal's own event."""
        return event.reason if event.source == "cloudformation" else wording.event(event)
