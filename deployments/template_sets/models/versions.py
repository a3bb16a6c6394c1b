"""The versions of template sets, the branches and tags that point at them, and the offers of channels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Count, OuterRef, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from deployments.common.models.fields import IdField
from deployments.environments.models.environments import Environment
from deployments.template_sets.models.sources import TemplateSource
from deployments.template_sets.rules.channels import SetVersion, Updates, updates

ACTIVE, DEPRECATED, WITHDRAWN = "active", "deprecated", "withdrawn"
STATUSES = [
    (ACTIVE, pgettext_lazy("version", "Active")),
    (DEPRECATED, _("Deprecated")),
    (WITHDRAWN, pgettext_lazy("version", "Withdrawn")),
]
TAGS, BRANCHES = "refs/tags/", "refs/heads/"
SHORT = 10
"""Number of characters of a commit on pages."""


class TemplateVersionQuerySet(models.QuerySet["TemplateVersion"]):
    """Named queries over versions."""

    def of(self, source: TemplateSource) -> Self:
        """Keep those of one template set, newest first."""
        return self.filter(source=source).order_by("-number")

    def before_number(self, number: int) -> Self:
        """Keep those with lower numbers; all of them for 0."""
        return self.filter(number__lt=number) if number else self

    def active(self) -> Self:
        """Keep those from which new environments can be created."""
        return self.filter(status=ACTIVE)

    def to_choose(self) -> Self:
        """Keep those from which environments can be created: active ones of sets that were not removed."""
        rows = self.active().filter(source__removed_at=None).select_related("source")
        return rows.order_by("-source__is_bundled", "source__name", "-number")

    def newest_of_each(self) -> Self:
        """Keep the newest one of each template set."""
        later = self.filter(source=OuterRef("source"), number__gt=OuterRef("number"))
        return self.filter(~models.Exists(later))

    def for_page(self) -> Self:
        """Select everything that the version's page shows."""
        return self.select_related("source", "fetched_by", "status_by")

    def offered_in(self, sources: Collection[int]) -> Self:
        """Keep those of these template sets that a channel can offer: those that branches and tags point at.

        For folders and archives, which have neither, keep all.
        """
        pointed_at = TemplateRef.objects.filter(source__in=sources).values("version")
        return self.filter(source__in=sources).filter(Q(pk__in=pointed_at) | ~Q(source__kind="git"))

    def of_other_sets(self, source_pk: int) -> Self:
        """Keep those of all existing sets except one, the newest of each first."""
        rows = self.filter(source__removed_at=None).exclude(source=source_pk).select_related("source")
        return rows.order_by("source__name", "source", "-number")

    def matching(self, text: str) -> Self:
        """Keep those of sets whose name a search contains, or whose tag or commit begins with it."""
        tagged = TemplateRef.objects.filter(is_tag=True, name__startswith=f"{TAGS}{text}").values("version")
        found = Q(source__name__icontains=text) | Q(pk__in=tagged)
        return self.filter(found | Q(commit__istartswith=text) if text else found)

    def between(self, source: int, first: int, last: int) -> Self:
        """Keep those of one template set with these numbers."""
        return self.filter(source=source, number__range=(first, last))

    def with_digest(self, digest: str) -> TemplateVersion | None:
        """Return the version whose files have this digest; of several, the one that was fetched first."""
        if not digest:
            return None
        return self.filter(digest=digest).select_related("source").order_by("pk").first()


class TemplateVersion(models.Model):
    """A template set at one time: only the status and the refs that point at it change.

    `number` counts the versions of the set. `commit` is "" for folders and archives. The files are those of
    the DeployedSet with this `digest`, and cfn-lint's findings are in the TemplateCheck with it.
    """

    source = models.ForeignKey(TemplateSource, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("number"))
    commit = models.CharField(_("commit"), max_length=64, blank=True, default="")
    digest = models.CharField(_("digest"), max_length=64, db_index=True)
    # Of the fetched files; `digest` is that of the objects to upload to AWS.
    tree_digest = models.CharField(max_length=64, blank=True, default="")
    # "refs/tags/v1.2" and "refs/heads/main" that pointed at it at the last fetch.
    ref_names = models.JSONField(default=list, blank=True)
    author = models.CharField(_("author"), max_length=200, blank=True, default="")
    authored_at = models.DateTimeField(_("date"), null=True, blank=True)
    message = models.CharField(_("message"), max_length=2000, blank=True, default="")
    fetched_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("fetched by"),
    )
    fetched_at = models.DateTimeField(_("fetched"), auto_now_add=True)
    status = models.CharField(_("status"), max_length=10, choices=STATUSES, default="active")
    status_reason = models.CharField(_("reason"), max_length=200, blank=True, default="")
    status_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("status set by"),
    )
    status_at = models.DateTimeField(_("status set"), null=True, blank=True)

    objects = models.Manager.from_queryset(TemplateVersionQuerySet)()

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("version of a template set")
        verbose_name_plural = _("versions of template sets")
        constraints = (
            models.UniqueConstraint(fields=("source", "number"), name="one_version_per_number"),
            models.UniqueConstraint(fields=("source", "commit", "digest"), name="one_version_per_commit"),
        )

    def __str__(self) -> str:
        return self.label

    def get_absolute_url(self) -> str:
        """Return the page of the version."""
        return reverse("template_version", args=[self.pk])

    def is_withdrawn_for(self, deployed_digest: str = "") -> bool:
        """Return whether it was withdrawn and the environment does not already run its files."""
        return self.status == WITHDRAWN and self.digest != deployed_digest

    @property
    def label(self) -> str:
        """Return its name on pages: its newest tag, else its short commit, else its number."""
        tags = [name.removeprefix(TAGS) for name in self.ref_names if name.startswith(TAGS)]
        if tags:
            return str(tags[-1])
        return self.short_commit or f"#{self.number}"

    @property
    def name_in_text(self) -> str:
        """Return its name after the word “version”: v1.2, a short commit, or 2."""
        return self.label.removeprefix("#")

    @property
    def title(self) -> str:
        """Return the first line of the message; "" for a folder or an archive."""
        return self.message.partition("\n")[0]

    @property
    def has_earlier(self) -> bool:
        """Return whether the set has an earlier version: the first one has the number 1."""
        return self.number > 1

    @property
    def short_commit(self) -> str:
        """Return the first characters of the commit; "" for a folder or an archive."""
        return self.commit[:SHORT]

    @property
    def facts(self) -> SetVersion:
        """Return it as a plain value for decisions about versions."""
        return SetVersion(
            pk=self.pk, number=self.number, is_active=self.status == "active", refs=tuple(self.ref_names)
        )

    @property
    def names(self) -> list[str]:
        """Return the branches and tags that pointed at it at the last fetch, without Git's prefixes."""
        return [str(name).removeprefix(TAGS).removeprefix(BRANCHES) for name in self.ref_names]


class TemplateRefQuerySet(models.QuerySet["TemplateRef"]):
    """Named queries over branches and tags."""

    def in_sources(self, sources: Collection[int]) -> Self:
        """Keep those of these template sets."""
        return self.filter(source__in=sources)

    def moved_tags(self) -> Self:
        """Keep the tags that point at another version than before and are not confirmed."""
        return self.filter(is_tag=True, confirmed_at=None).exclude(moved_at=None)

    def of(self, source: TemplateSource) -> Self:
        """Keep those of one template set, with the versions that they point at."""
        return self.filter(source=source).select_related("version", "moved_from").order_by("name")

    def count_by_source(self) -> dict[int, int]:
        """Return the number for each template set."""
        return dict(self.order_by().values_list("source").annotate(Count("pk")))


class TemplateRef(models.Model):
    """A branch or tag of a set, `refs/tags/v1.2`, and the version that it points at.

    A tag that points at another version than before is a warning (`moved_from`) until a person confirms it.
    """

    source = models.ForeignKey(TemplateSource, on_delete=models.CASCADE, related_name="ref_rows")
    name = IdField(_("name"), max_length=255)
    version = models.ForeignKey(TemplateVersion, on_delete=models.CASCADE, related_name="ref_rows")
    is_tag = models.BooleanField(_("tag"), default=False)
    moved_from = models.ForeignKey(
        TemplateVersion,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("pointed before at"),
    )
    moved_at = models.DateTimeField(_("moved"), null=True, blank=True)
    confirmed_at = models.DateTimeField(_("confirmed"), null=True, blank=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("confirmed by"),
    )

    objects = models.Manager.from_queryset(TemplateRefQuerySet)()

    class Meta:
        ordering = ("name",)
        verbose_name = _("branch or tag of a template set")
        verbose_name_plural = _("branches and tags of template sets")
        constraints = (models.UniqueConstraint(fields=("source", "name"), name="one_row_per_ref"),)

    def __str__(self) -> str:
        return self.name

    @property
    def short_name(self) -> str:
        """Return the name without Git's prefix."""
        return self.name.removeprefix(TAGS).removeprefix(BRANCHES)


def updates_by_environment(environments: Iterable[Environment]) -> dict[int, Updates]:
    """Return the offer of each environment's channel, by key (2 queries, none without channels).

    Their versions are already selected.
    """
    rows = list(environments)
    followed = {
        one.template_version.source_id
        for one in rows
        if one.template_version and one.channel and not one.template_version.source.removed_at
    }
    known, unconfirmed = _offered_in(followed) if followed else ({}, {})
    found = {}
    for one in rows:
        own = one.template_version
        source = own.source_id if own else 0
        offered = known.get(source, {})
        if own and own.pk not in offered:
            offered = {**offered, own.pk: own.facts}
        found[one.pk] = updates(
            offered.values(),
            pinned=own.pk if own else None,
            channel=one.channel,
            went_back_from=one.went_back_from.facts if one.went_back_from else None,
            unconfirmed=unconfirmed.get(source, ()),
        )
    return found


def _offered_in(sources: set[int]) -> tuple[dict[int, dict[int, SetVersion]], dict[int, list[str]]]:
    """Return the versions that channels can offer, by set and key, and the tags that moved, by set."""
    refs: dict[int, list[str]] = defaultdict(list)
    unconfirmed: dict[int, list[str]] = defaultdict(list)
    for ref in TemplateRef.objects.in_sources(sources):
        refs[ref.version_id].append(ref.name)
        if ref.is_tag and ref.moved_at and not ref.confirmed_at:
            unconfirmed[ref.source_id].append(ref.name)
    known: dict[int, dict[int, SetVersion]] = defaultdict(dict)
    for version in TemplateVersion.objects.offered_in(sources).only(
        "pk", "number", "status", "ref_names", "source"
    ):
        known[version.source_id][version.pk] = replace(version.facts, refs=tuple(refs[version.pk]))
    return known, unconfirmed
