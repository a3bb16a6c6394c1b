"""The tree of a preview: stacks, their resources, and the properties before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from deployments.changes.pages.preview import texts
from deployments.cloudformation.change_summary import changed_values
from deployments.cloudformation.changes import ChangedProperty, ChangedResource, Changes, Effect

OPEN_UP_TO = 60
"""Number of changes up to which all stacks are open; with more, a stack's rows load when it is opened."""
LONGEST = 400
"""Maximum number of displayed characters of a value."""
_HIDDEN = (Effect.UNCHANGED, Effect.STACK)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewValue:
    """A displayed value before or after: `kind` is known, later, secret or absent."""

    text: str
    kind: str = "known"


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyRow:
    """One property of a resource."""

    name: str
    needs: str
    before: PreviewValue | None
    after: PreviewValue | None
    because: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRow:
    """One resource with its properties. `more` is the number of further values that probably stay.

    `afterwards` says whether an uncertain replacement happened, "" if it is not known.
    """

    resource: ChangedResource
    mark: str
    word: str
    consequence: str
    afterwards: str
    level: int
    properties: Sequence[PropertyRow]
    more: int

    @property
    def short_type(self) -> str:
        """Return the type without the prefix that all types share."""
        return self.resource.type.removeprefix("AWS::")


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRow:
    """One stack with its changed resources; `rows` is empty while it is closed."""

    path: str
    name: str
    level: int
    number: int
    is_open: bool
    rows: Sequence[ResourceRow]


def shown(changes: Changes, effect: str = "", query: str = "") -> list[ChangedResource]:
    """Return the changed resources with this effect and with a text in their name, type or properties."""
    found = [one for one in changes.resources if one.effect not in _HIDDEN]
    if effect:
        found = [one for one in found if one.effect == effect]
    text = query.strip().lower()
    return [one for one in found if text in _searched(one)] if text else found


def _searched(resource: ChangedResource) -> str:
    names = [one.name for one in resource.properties]
    return " ".join([resource.path, resource.type, *names]).lower()


def tree(
    changes: Changes,
    root: str,
    *,
    effect: str = "",
    query: str = "",
    opened: str = "",
    all_open: bool = False,
    replaced: Mapping[str, bool] | None = None,
) -> list[StackRow]:
    """Return the stacks with changes, each with its rows if it is open: `opened` is the path of one of them.

    `root` is the name of the root stack; with few changes, all are open. `replaced` says of uncertain
    replacements, by path, whether they happened.
    """
    found = shown(changes, effect, query)
    by_stack: dict[str, list[ChangedResource]] = {}
    for one in found:
        by_stack.setdefault(one.stack, []).append(one)
    every = all_open or len(found) <= OPEN_UP_TO
    return [
        StackRow(
            path=path,
            name=path.rpartition("/")[2] or root,
            level=path.count("/") + 2 if path else 1,
            number=len(resources),
            is_open=every or path == opened,
            rows=[_row(one, (replaced or {}).get(one.path)) for one in resources]
            if every or path == opened
            else (),
        )
        for path, resources in sorted(by_stack.items())
    ]


def _row(resource: ChangedResource, replaced: bool | None) -> ResourceRow:
    effect = Effect(resource.effect)
    return ResourceRow(
        resource=resource,
        mark=texts.MARKS.get(effect, "~"),
        word=texts.effect_label(effect),
        consequence=texts.consequence(resource),
        afterwards=texts.afterwards(replaced),
        level=resource.path.count("/") + 2,
        properties=[_property(one) for one in changed_values(resource)],
        more=len({one.label for one in resource.properties if one.likely_same}),
    )


def _property(detail: ChangedProperty) -> PropertyRow:
    needs = {"Always": _("replaces"), "Conditionally": _("may replace")}.get(detail.recreation, _("in place"))
    return PropertyRow(
        name=detail.label,
        needs=needs,
        before=_value(detail.before, is_secret=detail.is_secret),
        after=_value(detail.after, is_secret=detail.is_secret, is_known=detail.is_known),
        because=texts.chain(detail.because),
    )


def _value(value: str | None, *, is_secret: bool, is_known: bool = True) -> PreviewValue | None:
    if value is None:
        return None
    if is_secret:
        return PreviewValue(text=_("not shown (NoEcho)"), kind="secret")
    if not is_known:
        return PreviewValue(text=_("known after apply"), kind="later")
    return PreviewValue(text=value if len(value) <= LONGEST else f"{value[:LONGEST]}…")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnchangedGroup:
    """The resources of one stack that are probably unchanged."""

    stack: str
    names: Sequence[str]
    why: Sequence[str]


def unchanged(changes: Changes, root: str) -> list[UnchangedGroup]:
    """Return the probably unchanged resources by stack, with the unchanged resources that they use."""
    groups: dict[str, list[ChangedResource]] = {}
    for one in changes.resources:
        if one.effect == Effect.UNCHANGED:
            groups.setdefault(one.stack, []).append(one)
    return [
        UnchangedGroup(
            stack=path or root,
            names=[one.name for one in resources],
            why=list(dict.fromkeys(link.label for one in resources for link in one.unchanged))[:4],
        )
        for path, resources in sorted(groups.items())
    ]


def effect_choices(changes: Changes) -> Mapping[str, str]:
    """Return the effects to filter by, with their counts."""
    return {effect: text for effect, text in texts.sentence(changes) if effect != Effect.UNCHANGED}
