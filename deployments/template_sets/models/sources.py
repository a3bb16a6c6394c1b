"""Template sets and their sources, and the fetches of new versions."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from deployments.common.models.fields import IdField

if TYPE_CHECKING:
    from deployments.environments.models.environments import EnvironmentQuerySet

KINDS = [("folder", _("Folder")), ("git", _("Git repository")), ("archive", _("Archive"))]
TRIGGERS = [
    ("button", _("By hand")),
    ("schedule", _("By schedule")),
    ("webhook", _("By webhook")),
    ("upload", _("Upload")),
    ("start", _("At the start")),
]
FETCH_STATES = [
    ("queued", _("Queued")),
    ("running", _("In progress")),
    ("succeeded", _("Succeeded")),
    ("failed", _("Failed")),
]
OPEN = ("queued", "running")


def _versions() -> Any:
    return apps.get_model("deployments", "TemplateVersion")._default_manager


class TemplateSourceQuerySet(models.QuerySet["TemplateSource"]):
    """Named queries over template sets."""

    def live(self) -> Self:
        """Keep those that have not been removed."""
        return self.filter(removed_at=None)

    def to_fetch(self, now: datetime) -> Self:
        """Keep those whose next fetch (scheduled or after a push) is due."""
        return self.live().filter(due_at__lte=now).order_by("due_at")

    def due_after(self, moment: datetime) -> Self:
        """Keep those whose next fetch is later than a time, or not planned."""
        return self.filter(models.Q(due_at=None) | models.Q(due_at__gt=moment))

    def editable(self) -> Self:
        """Keep those that people added and have not removed."""
        return self.live().filter(is_bundled=False)

    def for_list(self, environments: EnvironmentQuerySet) -> Self:
        """Add the key of each one's newest version, and the number of these environments with a version."""
        source = OuterRef("pk")
        newest = _versions().filter(source=source).order_by("-number").values("pk")[:1]
        own = environments.filter(template_version__source=source).order_by()
        runs = own.values("template_version__source").annotate(number=Count("pk")).values("number")
        return self.annotate(
            newest_version=Coalesce(Subquery(newest), 0), environment_count=Coalesce(Subquery(runs), 0)
        )

    def matching(self, text: str) -> Self:
        """Keep those that a search finds by name, address, or the tag or commit of a version."""
        found = Q(name__icontains=text) | Q(url__icontains=text)
        return self.filter(found | Q(pk__in=_versions().matching(text).values("source")))

    def called(self, name: str) -> Self:
        """Keep those with this name, ignoring case."""
        return self.filter(name__iexact=name)

    def before(self, pk: int) -> Self:
        """Keep those added before the one with this key, newest first; all of them for 0."""
        return (self.filter(pk__lt=pk) if pk else self).order_by("-pk")

    def for_page(self) -> Self:
        """Select everything that the page of the set shows."""
        return self.select_related("created_by")

    def bundled(self) -> TemplateSource | None:
        """Return the set of `SANSO_TEMPLATE_SET`; None if no process has recorded it yet."""
        return self.filter(live_key=TemplateSource.BUNDLED_KEY).first()


class TemplateSource(models.Model):
    """A template set: a folder, a Git repository or uploaded archives, and the refs to fetch.

    `live_key` is the lower-case name until the set is removed and NULL afterwards, so that a name can be used
    again; that of the bundled set is `BUNDLED_KEY`, which is not a valid name. `refs` has patterns of
    branches and tags, separated by spaces. The credentials are encrypted, and never displayed.
    """

    BUNDLED_KEY = "*bundled"

    name = models.CharField(_("name"), max_length=60)
    live_key = IdField(max_length=60, unique=True, null=True, editable=False)  # type: ignore[misc]
    kind = models.CharField(_("kind"), max_length=10, choices=KINDS)
    url = models.CharField(_("address"), max_length=500, blank=True, default="")
    path = models.CharField(_("folder"), max_length=255, blank=True, default="")
    refs = models.CharField(_("branches and tags"), max_length=255, blank=True, default="")
    is_bundled = models.BooleanField(_("bundled"), default=False, editable=False)
    # {"username", "token"} or {"ssh_key"} as JSON.
    sealed_credentials = models.TextField(blank=True, default="", editable=False)
    host_key = models.TextField(_("host key"), blank=True, default="")
    # Minutes between scheduled fetches; 0: only manually and by webhook.
    fetch_minutes = models.PositiveIntegerField(_("fetched every (minutes)"), default=0)
    # The secret of the webhook, encrypted: a signature can only be computed with the secret itself.
    sealed_webhook_secret = models.TextField(blank=True, default="", editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("added by"),
    )
    created_at = models.DateTimeField(_("added"), auto_now_add=True)
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True)
    # The last fetch that ended: its time, and the reason of a failure (a message as JSON, {} without one).
    fetched_at = models.DateTimeField(_("last fetch"), null=True, blank=True)
    error_sentence = models.JSONField(default=dict, blank=True, editable=False)
    due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    version = models.PositiveIntegerField(default=0)

    objects = models.Manager.from_queryset(TemplateSourceQuerySet)()

    class Meta:
        ordering = ("name",)
        verbose_name = _("template set")
        verbose_name_plural = _("template sets")
        permissions = (("manage_template_sets", "Can manage template sets"),)

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the page of the template set."""
        return reverse("template_set", args=[self.pk])

    @staticmethod
    def key_for(name: str) -> str:
        """Return the live key of a name."""
        return name.lower()


class TemplateFetchQuerySet(models.QuerySet["TemplateFetch"]):
    """Named queries over fetches."""

    def active(self) -> Self:
        """Keep those that have not ended."""
        return self.filter(state__in=OPEN)

    def of(self, source: TemplateSource) -> Self:
        """Keep those of one template set, newest first."""
        return self.filter(source=source).select_related("requested_by").order_by("-pk")


class TemplateFetch(models.Model):
    """One fetch of new versions from a source; it deploys nothing.

    `active_key` is the source's key until the fetch ended and NULL afterwards: the database allows one per
    source. `added` is the number of new versions.
    """

    source = models.ForeignKey(TemplateSource, on_delete=models.CASCADE, related_name="fetches")
    active_key = models.PositiveBigIntegerField(unique=True, null=True, editable=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("requested by"),
    )
    trigger = models.CharField(_("trigger"), max_length=10, choices=TRIGGERS)
    state = models.CharField(_("state"), max_length=10, choices=FETCH_STATES, default="queued")
    # An uploaded archive until it was read.
    archive = models.BinaryField(null=True, editable=False)
    created_at = models.DateTimeField(_("requested"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    error_sentence = models.JSONField(default=dict, blank=True, editable=False)
    added = models.PositiveIntegerField(_("new versions"), default=0)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    version = models.PositiveIntegerField(default=0)

    objects = models.Manager.from_queryset(TemplateFetchQuerySet)()

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("fetch of a template set")
        verbose_name_plural = _("fetches of template sets")

    def __str__(self) -> str:
        return f"{self.source_id} {self.state}"
