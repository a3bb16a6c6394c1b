"""The texts of a preview: effects, counts, data, policies and chains of causes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.changes.rules.assessment import Impact
from deployments.cloudformation.changes import Action, CauseLink, ChangedResource, Effect, LinkKind
from deployments.cloudformation.data_bearing import Data

MARKS: Mapping[Effect | Impact, str] = {
    Impact.REPLACES_SERVERS: "±",
    Impact.INTERRUPTS: "!",
    Effect.DELETES_DATA: "±",
    Effect.MAY_DELETE_DATA: "±",
    Effect.REPLACED: "±",
    Effect.MAY_BE_REPLACED: "±",
    Effect.REMOVED: "−",
    Effect.ADDED: "+",
    Effect.IMPORTED: "+",
}
"""The sign of each effect; an update in place that interrupts nothing has ~."""


def counted(effect: Effect, number: int) -> str:
    """Return the number of resources with an effect as text: 2 replaced."""
    texts = {
        Effect.DELETES_DATA: ngettext("%(n)d deletes data", "%(n)d delete data", number),
        Effect.MAY_DELETE_DATA: ngettext("%(n)d may delete data", "%(n)d may delete data", number),
        Effect.REPLACED: ngettext("%(n)d replaced", "%(n)d replaced", number),
        Effect.REMOVED: ngettext("%(n)d removed", "%(n)d removed", number),
        Effect.MAY_BE_REPLACED: ngettext("%(n)d possibly replaced", "%(n)d possibly replaced", number),
        Effect.UPDATED: ngettext("%(n)d updated", "%(n)d updated", number),
        Effect.ADDED: ngettext("%(n)d added", "%(n)d added", number),
        Effect.IMPORTED: ngettext("%(n)d imported", "%(n)d imported", number),
        Effect.UNCHANGED: ngettext("%(n)d probably unchanged", "%(n)d probably unchanged", number),
    }
    return texts[effect] % {"n": number}


def counts_by_effect(counts: Mapping[Effect, int]) -> list[tuple[str, str]]:
    """Return the numbers of resources as texts, each with the effect that determines its color."""
    return [(str(effect), counted(effect, number)) for effect, number in counts.items()]


def effect_label(effect: Effect) -> str:
    """Return the label of an effect on a resource, in one or two words."""
    return {
        Effect.DELETES_DATA: _("Deletes data"),
        Effect.MAY_DELETE_DATA: _("May delete data"),
        Effect.REPLACED: _("Replace"),
        Effect.REMOVED: _("Remove"),
        Effect.MAY_BE_REPLACED: _("Possibly replace"),
        Effect.UPDATED: _("In place"),
        Effect.ADDED: _("Add"),
        Effect.IMPORTED: _("Import"),
    }[effect]


def data_label(data: str) -> str:
    """Return the label of the data that a resource holds."""
    labels = {
        Data.DATABASE: _("database"),
        Data.SECRET: _("secret"),
        Data.VOLUME: _("volume"),
        Data.LOG_GROUP: _("log group"),
        Data.BUCKET: _("bucket"),
        Data.FILE_SYSTEM: _("file system"),
        Data.QUEUE: _("queue"),
        Data.KEY: _("encryption key"),
        Data.USERS: _("users"),
        Data.IMAGES: _("images"),
    }
    return {str(name): label for name, label in labels.items()}.get(data, data)


def impact_label(impact: Impact) -> str:
    """Return what an update in place does to what runs in a resource, in one or two words."""
    return {
        Impact.REPLACES_SERVERS: _("Replaces servers"),
        Impact.INTERRUPTS: _("Interrupts"),
    }[impact]


def consequence(resource: ChangedResource) -> str:
    """Return what the label of the effect does not say about a resource; "" if it says everything."""
    effect = Effect(resource.effect)
    if effect in (Effect.DELETES_DATA, Effect.MAY_DELETE_DATA):
        return policy(resource)
    if resource.stays_probably:
        return _("Probably unchanged; listed because it holds data")
    if resource.is_probably_in_place:
        return _("Probably in place; CloudFormation decides during the update whether to replace it.")
    return {
        Effect.REPLACED: _("A new one is created, then the old one is deleted."),
        Effect.REMOVED: _("Deleted at the end of the update."),
        Effect.MAY_BE_REPLACED: _("CloudFormation decides during the update whether to replace it."),
    }.get(effect, "")


def afterwards(replaced: bool | None) -> str:
    """Return whether an uncertain replacement happened; "" if that is not known."""
    if replaced is None:
        return ""
    return _("It was replaced.") if replaced else _("It was not replaced.")


def policy(resource: ChangedResource) -> str:
    """Return the fate of the data of a resource, by CloudFormation's PolicyAction."""
    if resource.policy_action in ("Snapshot", "ReplaceAndSnapshot"):
        return _("A final snapshot is taken, then it is deleted. Nothing is copied.")
    if resource.policy_action in ("Retain", "ReplaceAndRetain"):
        return _("The old one stays in the account, outside of the stack. Nothing is copied.")
    if resource.policy_action in ("Delete", "ReplaceAndDelete"):
        return _("It is deleted with its data. Nothing is copied.")
    return _("CloudFormation does not say what becomes of its data. Assume that it is deleted.")


def hazard_title(resource: ChangedResource) -> str:
    """Return the danger to data, in one sentence."""
    values = {"name": resource.name, "data": data_label(resource.data)}
    if resource.action == Action.REMOVE:
        return _("%(name)s (%(data)s) is removed") % values
    if resource.effect == Effect.MAY_DELETE_DATA:
        return _("%(name)s (%(data)s) may be replaced by an empty one") % values
    return _("%(name)s (%(data)s) is replaced by an empty one") % values


def chain(links: Iterable[CauseLink]) -> list[str]:
    """Return the texts of a chain of causes, the first cause first."""
    return [_link(link) for link in links]


def _link(link: CauseLink) -> str:
    if link.kind == LinkKind.TEMPLATE:
        return _("template %(file)s") % {"file": link.name}
    if link.kind == LinkKind.DEFAULT:
        return _("%(parameter)s (template set)") % {"parameter": link.name}
    if link.kind == LinkKind.OUTSIDE:
        return _("%(parameter)s (changed outside of Sanso)") % {"parameter": link.name}
    if link.kind == LinkKind.RESOURCE and link.effect in (Effect.REPLACED, Effect.DELETES_DATA):
        return _("%(resource)s replaced") % {"resource": link.label}
    return link.label or link.name
