"""The texts of a preview: effects, counts, data, policies, causes, and what happens in each tier."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.changes.rules.assessment import (
    CHANGES_ADDRESS,
    REPLACED,
    AffectedTier,
    Impact,
    rolls,
    update_of,
)
from deployments.cloudformation.changes import Action, CauseLink, ChangedResource, Effect, LinkKind
from deployments.cloudformation.conditions import mapping
from deployments.cloudformation.data_bearing import Data
from deployments.cloudformation.nested_templates import TemplateStack
from deployments.cloudformation.observed_resources import GROUP
from deployments.cloudformation.resource_policies import Method, ServerUpdate

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


_ASSOCIATION = "AWS::SSM::Association"


def sentences(tier: AffectedTier, stacks: Mapping[str, TemplateStack]) -> list[str]:
    """Return what happens in a tier. `stacks` are those of the template set, none if it is unknown."""
    released = [_("Running servers get the new version one at a time.")] if tier.is_released else []
    return [*released, *_sentences(tier.resources, stacks)]


def _sentences(resources: Sequence[ChangedResource], stacks: Mapping[str, TemplateStack]) -> Iterator[str]:
    others: list[ChangedResource] = []
    for one in resources:
        own = list(_of(one, stacks))
        yield from own
        if not own:
            others.append(one)
    yield from _counted(others)


def _of(one: ChangedResource, stacks: Mapping[str, TemplateStack]) -> Iterator[str]:
    """Yield the sentences about a single resource."""
    if one.type == GROUP:
        yield from _of_group(one, stacks)
    elif one.stays_probably:
        yield _("%(name)s is probably unchanged.") % {"name": one.name}
    elif one.effect == Effect.DELETES_DATA:
        yield _("The data of %(name)s is lost.") % {"name": one.name}
    elif one.effect == Effect.MAY_DELETE_DATA:
        yield _("The data of %(name)s may be lost.") % {"name": one.name}
    elif one.type in CHANGES_ADDRESS and one.effect in REPLACED:
        yield _("%(name)s is replaced: its address changes.") % {"name": one.name}
    elif one.type == _ASSOCIATION and one.effect == Effect.UPDATED:
        share = _written(one, "MaxConcurrency", stacks)
        if share:
            text = _("%(name)s runs again on its servers, on at most %(share)s of them at a time.")
        else:
            text = _("%(name)s runs again on its servers.")
        yield text % {"name": one.name, "share": share}


def _counted(others: Sequence[ChangedResource]) -> Iterator[str]:
    """Yield the number of resources with each effect, for those without their own sentence."""
    number = {effect: sum(one.effect == effect for one in others) for effect in Effect}
    texts = {
        Effect.REPLACED: ngettext(
            "%(n)d resource is replaced.", "%(n)d resources are replaced.", number[Effect.REPLACED]
        ),
        Effect.MAY_BE_REPLACED: ngettext(
            "%(n)d resource may be replaced.",
            "%(n)d resources may be replaced.",
            number[Effect.MAY_BE_REPLACED],
        ),
        Effect.UPDATED: ngettext(
            "%(n)d resource is updated in place.",
            "%(n)d resources are updated in place.",
            number[Effect.UPDATED],
        ),
        Effect.ADDED: ngettext(
            "%(n)d resource is created.", "%(n)d resources are created.", number[Effect.ADDED]
        ),
        Effect.REMOVED: ngettext(
            "%(n)d resource is deleted.", "%(n)d resources are deleted.", number[Effect.REMOVED]
        ),
    }
    for effect, text in texts.items():
        if number[effect]:
            yield text % {"n": number[effect]}


def _of_group(group: ChangedResource, stacks: Mapping[str, TemplateStack]) -> Iterator[str]:
    if group.effect in (Effect.ADDED, Effect.REMOVED):
        return
    if group.effect in REPLACED:
        yield _("All servers are replaced by those of a new group.")
        return
    if group.effect == Effect.MAY_BE_REPLACED:
        yield _("The group may be replaced, and with it all servers.")
        return
    yield from _scaled(group)
    if rolls(group):
        yield from _replaced_servers(update_of(group, stacks))
    else:
        yield _("Running servers stay.")


def _scaled(group: ChangedResource) -> Iterator[str]:
    values = {one.name: (one.before, one.after) for one in group.properties if not one.likely_same}
    before, after = values.get("DesiredCapacity") or values.get("MaxSize") or (None, None)
    if not (before and after and before.isdigit() and after.isdigit()):
        return
    more = int(after) - int(before)
    if more > 0:
        yield ngettext("%(n)d server is added.", "%(n)d servers are added.", more) % {"n": more}
    elif more < 0:
        text = ngettext("%(n)d server is terminated.", "%(n)d servers are terminated.", -more)
        yield text % {"n": -more}


def _replaced_servers(update: ServerUpdate) -> Iterator[str]:
    if update.method is Method.NONE:
        yield _("Running servers stay: the group has no update policy. New servers follow the new template.")
    elif update.method is Method.GROUP:
        yield _("A new group with new servers is created, then the old one is deleted.")
    elif update.method is Method.UNKNOWN or update.batch is None:
        yield _("Servers are replaced as the group's update policy says.")
    else:
        yield _at_a_time(update)
        if update.in_service:
            text = ngettext(
                "At least %(n)d stays in service.", "At least %(n)d stay in service.", update.in_service
            )
            yield text % {"n": update.in_service}
        elif update.interrupts:
            yield _("None is in service meanwhile.")
        if update.waits:
            yield _("If a new one does not signal success, the update is rolled back.")


def _at_a_time(update: ServerUpdate) -> str:
    if update.capacity == 1:
        return _("The server is replaced.")
    if update.batch == 1 and update.capacity is None:
        return _("Servers are replaced one at a time.")
    if update.batch == 1:
        return _("%(n)d servers are replaced one at a time.") % {"n": update.capacity}
    return _("Servers are replaced at most %(n)d at a time.") % {"n": update.batch}


def _written(one: ChangedResource, name: str, stacks: Mapping[str, TemplateStack]) -> str:
    """Return the value of a property in the template; "" if there is none or it is not known beforehand."""
    stack = stacks.get(one.stack)
    body = mapping(stack.resources.get(one.name)) if stack else {}
    text = mapping(body.get("Properties")).get(name)
    return (stack.scope.literal(text) or "") if stack else ""
