"""The consequences of a change for each tier (servers, load balancers, databases), as sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.changes.rules.assessment import CHANGES_ADDRESS, REPLACED, AffectedTier, rolls, update_of
from deployments.cloudformation.changes import ChangedResource, Effect
from deployments.cloudformation.conditions import mapping
from deployments.cloudformation.nested_templates import TemplateStack
from deployments.cloudformation.observed_resources import GROUP
from deployments.cloudformation.resource_policies import Method, ServerUpdate

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
