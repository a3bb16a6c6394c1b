"""The offers of environments' channels: the newer versions of their template sets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from deployments.environments.models.environments import Environment
from deployments.template_sets.models.versions import TemplateRef, TemplateVersion
from deployments.template_sets.rules.channels import SetVersion, Updates, updates


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
