"""The tree of a preview: stacks, their resources, and the properties before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from deployments.changes.pages.preview import texts
from deployments.changes.pages.preview.texts import sentences
from deployments.changes.rules.assessment import ChangeAssessment, Impact
from deployments.cloudformation.change_summary import changed_values
from deployments.cloudformation.changes import ChangedProperty, ChangedResource, Changes, Effect
from deployments.cloudformation.nested_templates import TemplateStack

OPEN_UP_TO = 60
"""Number of rows up to which all stacks are open; with more, a stack's rows load when it is opened."""
FOLD_FROM = 3
"""Number of resources of a stack with the same change from which they are one row."""
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

    @property
    def path(self) -> str:
        """Return what stands before the last part of the name, which is shortened first."""
        return self.name.rpartition("/")[0]

    @property
    def last(self) -> str:
        """Return the last part of the name, with the slash before it."""
        return self.name.removeprefix(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRow:
    """One resource with its properties, or several with the same change: `resource` is then the first one.

    `names` are those of several, empty for one. `more` is the number of further values that probably stay.
    `color` is an effect or an impact. `afterwards` says whether an uncertain replacement happened, "" if it
    is not known.
    """

    resource: ChangedResource
    names: Sequence[str]
    mark: str
    word: str
    color: str
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
    """One stack with its changed resources; `rows` is empty while it is closed.

    The first stack of a tier says what happens in the tier, and its usual duration in minutes (0 if it is
    unknown).
    """

    path: str
    name: str
    level: int
    number: int
    sentences: Sequence[str]
    minutes: int
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


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeQuery:
    """Which rows of the tree are shown. `opened` is the path of an open stack; with few rows all are open."""

    effect: str = ""
    text: str = ""
    opened: str = ""
    all_open: bool = False


def tree(
    changes: Changes,
    root: str,
    found: ChangeAssessment,
    stacks: Mapping[str, TemplateStack],
    query: TreeQuery,
    replaced: Mapping[str, bool],
) -> list[StackRow]:
    """Return the stacks with changes, each with its rows if it is open.

    `root` is the name of the root stack. `replaced` says of uncertain replacements, by path, whether they
    happened.
    """
    by_stack: dict[str, list[ChangedResource]] = {}
    for one in shown(changes, query.effect, query.text):
        by_stack.setdefault(one.stack, []).append(one)
    folded = {path: _folded(by_stack[path], replaced) for path in sorted(by_stack)}
    every = query.all_open or sum(map(len, folded.values())) <= OPEN_UP_TO
    tiers = {tier.name: tier for tier in found.tiers}
    rows = []
    for path, groups in folded.items():
        tier = tiers.pop(path.partition("/")[0], None)
        is_open = every or path == query.opened
        rows.append(
            StackRow(
                path=path,
                name=path.rpartition("/")[2] or root,
                level=path.count("/") + 2 if path else 1,
                number=len(by_stack[path]),
                sentences=sentences(tier, stacks) if tier else (),
                minutes=tier.minutes if tier else 0,
                is_open=is_open,
                rows=[_row(group, found.impacts, replaced) for group in groups] if is_open else (),
            )
        )
    return rows


def _folded(
    resources: Sequence[ChangedResource], replaced: Mapping[str, bool]
) -> list[list[ChangedResource]]:
    """Return the resources of a stack, many with the same change together."""
    groups: dict[tuple[ChangedResource, bool | None], list[ChangedResource]] = {}
    for one in resources:
        change = replace(one, path="", physical_id="", unchanged=())
        groups.setdefault((change, replaced.get(one.path)), []).append(one)
    found: list[list[ChangedResource]] = []
    for group in groups.values():
        found += [group] if len(group) >= FOLD_FROM else [[one] for one in group]
    return found


def _row(
    group: Sequence[ChangedResource], impacts: Mapping[str, Impact], replaced: Mapping[str, bool]
) -> ResourceRow:
    resource = group[0]
    effect, impact = Effect(resource.effect), impacts.get(resource.path)
    return ResourceRow(
        resource=resource,
        names=[one.name for one in group] if len(group) > 1 else (),
        mark=texts.MARKS.get(impact or effect, "~"),
        word=texts.impact_label(impact) if impact else texts.effect_label(effect),
        color=str(impact or effect),
        consequence=texts.consequence(resource),
        afterwards=texts.afterwards(replaced.get(resource.path)),
        level=resource.path.count("/") + 2,
        properties=[_property(one) for one in changed_values(resource)],
        more=len({one.label for one in resource.properties if one.likely_same}),
    )


def _property(detail: ChangedProperty) -> PropertyRow:
    needs = {"Always": _("replaces"), "Conditionally": _("may replace")}.get(detail.recreation, "")
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


def effect_choices(counts: Mapping[Effect, int]) -> Mapping[str, str]:
    """Return the effects to filter by, with their counts."""
    return {effect: text for effect, text in texts.counts_by_effect(counts) if effect != Effect.UNCHANGED}
