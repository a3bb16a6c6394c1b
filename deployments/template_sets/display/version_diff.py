"""What a version of a template set changes, compared with another one of the set, on pages.

The lines of files are rendered here, not in a template: there can be thousands. Every text is escaped.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.template_sets.commands.versions import set_of_version
from deployments.template_sets.models.versions import TemplateVersion
from deployments.template_sets.rules.local_diff import FileChange
from deployments.template_sets.rules.version_diff import (
    ArtifactDiff,
    Aspect,
    AspectDifference,
    DiffLine,
    FileDiff,
    LineKind,
    NotShown,
    ParameterDiff,
    SetDiff,
    set_diff,
)
from deployments.template_sets.template_files import TemplateSet, content_of

OPEN = 120
"""Files with fewer lines of difference than this are open at first …"""
OPEN_FILES = 3
"""… up to this number of them."""
CHANGES: dict[FileChange, Promise] = {
    FileChange.ADDED: pgettext_lazy("file or parameter", "Added"),
    FileChange.REMOVED: pgettext_lazy("file or parameter", "Removed"),
    FileChange.CHANGED: pgettext_lazy("file or parameter", "Changed"),
}
SIGNS = {FileChange.ADDED: "+", FileChange.REMOVED: "−", FileChange.CHANGED: "~"}
ASPECTS: dict[Aspect, Promise] = {
    Aspect.DEFAULT: gettext_lazy("Default"),
    Aspect.NEW_ENVIRONMENT: gettext_lazy("Default of new environments"),
    Aspect.TYPE: gettext_lazy("Type"),
    Aspect.ALLOWED_VALUES: gettext_lazy("Allowed values"),
    Aspect.PATTERN: gettext_lazy("Pattern"),
    Aspect.LENGTH: gettext_lazy("Length"),
    Aspect.RANGE: gettext_lazy("Range"),
    Aspect.NO_ECHO: gettext_lazy("Secret"),
    Aspect.CHOOSE_ONCE: gettext_lazy("Keeps the value that an environment is created with"),
}
NOT_SHOWN: dict[NotShown, Promise] = {
    NotShown.BINARY: gettext_lazy("This is a binary file; its content is not shown."),
    NotShown.TOO_LARGE: gettext_lazy("The file has too many changed lines to compare them."),
    NotShown.CUT: gettext_lazy("Only the first lines of the difference are shown."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileView:
    """A file that differs. `table` has its lines, "" if none are shown; `note` is the reason."""

    name: str
    sign: str
    change: str
    added: int
    removed: int
    table: SafeString
    note: str
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupView:
    """The templates, or the files in one artifact."""

    id: str
    title: str
    files: tuple[FileView, ...]
    change: str = ""
    packages: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """One difference of a parameter. A value is None if its side has none."""

    label: str
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterView:
    """A parameter that differs."""

    name: str
    sign: str
    change: str
    lines: tuple[LineView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDiff:
    """All differences between two versions."""

    diff: SetDiff

    @property
    def is_empty(self) -> bool:
        """Return whether nothing differs."""
        return self.diff.is_empty

    @property
    def file_count(self) -> int:
        """Return the number of files that differ, including those in artifacts."""
        return self.diff.file_count

    @property
    def parameter_count(self) -> int:
        """Return the number of parameters that differ."""
        return len(self.diff.parameters)

    @property
    def needed(self) -> list[str]:
        """Return the parameters that it adds without a default: the form of a change requires them."""
        return [one.name for one in self.diff.parameters if one.needs_value]

    @property
    def groups(self) -> list[GroupView]:
        """Return the files that differ, grouped by artifact."""
        return groups(self.diff)

    @property
    def parameters(self) -> list[ParameterView]:
        """Return the parameters that differ."""
        return parameters(self.diff)


def version_diff(before: TemplateSet, after: TemplateSet) -> VersionDiff:
    """Return the differences between two sets."""
    return VersionDiff(diff=set_diff(content_of(before), content_of(after)))


def groups(diff: SetDiff) -> list[GroupView]:
    """Return the files that differ: the templates with the manifest, then those of each artifact."""
    found = []
    if diff.files:
        found.append(
            GroupView(
                id="files",
                title=_("Templates"),
                files=tuple(
                    _file(one, may_open=number < OPEN_FILES) for number, one in enumerate(diff.files)
                ),
            )
        )
    return found + [_artifact(number, one) for number, one in enumerate(diff.artifacts)]


def _artifact(number: int, one: ArtifactDiff) -> GroupView:
    packages = [f"+ {name}" for name in one.packages_added] + [f"− {name}" for name in one.packages_removed]
    return GroupView(
        id=f"artifact-{number}",
        title=_("Artifact %(key)s") % {"key": one.key},
        files=tuple(_file(file, may_open=False) for file in one.files),
        change="" if one.change is FileChange.CHANGED else str(CHANGES[one.change]),
        packages=_("Packages: %(names)s") % {"names": ", ".join(packages)} if packages else "",
    )


def _file(one: FileDiff, *, may_open: bool) -> FileView:
    note = str(NOT_SHOWN[one.not_shown]) if one.not_shown else ""
    if not one.lines and not note:
        note = (
            _("Only the end of the last line differs.")
            if one.change is FileChange.CHANGED
            else _("The file is empty.")
        )
    return FileView(
        name=one.name,
        sign=SIGNS[one.change],
        change=str(CHANGES[one.change]),
        added=one.added,
        removed=one.removed,
        table=_table(one) if one.lines else SafeString(""),
        note=note,
        is_open=may_open and len(one.lines) < OPEN,
    )


def _table(one: FileDiff) -> SafeString:
    words = {LineKind.ADDED: ("+", _("Added line")), LineKind.REMOVED: ("−", _("Removed line"))}
    left_out = escape(_("Unchanged lines are left out."))
    caption = escape(_("Lines of %(name)s that differ") % {"name": one.name})
    rows = "".join(_row(line, words.get(line.kind), left_out) for line in one.lines)
    head = "".join(
        f'<th scope="col">{escape(text)}</th>' for text in (_("Old line"), _("New line"), _("Text"))
    )
    return SafeString(
        f'<table class="lines"><caption class="unseen">{caption}</caption>'
        '<colgroup><col class="no"><col class="no"><col></colgroup>'
        f'<thead class="unseen"><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    )


def _row(line: DiffLine, words: tuple[str, str] | None, left_out: str) -> str:
    if line.kind is LineKind.GAP:
        gap = f'<span aria-hidden="true">⋯</span><span class="unseen">{left_out}</span>'
        return f'<tr class="gap"><td colspan="3">{gap}</td></tr>'
    sign = f'<span class="of" aria-hidden="true">{words[0]}</span>' if words else ""
    unseen = f'<span class="unseen">{escape(words[1])}: </span>' if words else ""
    numbers = "".join(f'<td class="no">{number or ""}</td>' for number in (line.old, line.new))
    return (
        f'<tr class="{line.kind.value}">{numbers}<td>{sign}{unseen}<code>{escape(line.text)}</code></td></tr>'
    )


def parameters(diff: SetDiff) -> list[ParameterView]:
    """Return the parameters that differ."""
    return [
        ParameterView(
            name=one.name,
            sign=SIGNS[one.change],
            change=str(CHANGES[one.change]),
            lines=tuple(map(_difference, one.differences)) or (_only(one),),
        )
        for one in diff.parameters
    ]


def _difference(one: AspectDifference) -> LineView:
    label = str(ASPECTS[one.aspect])
    if one.aspect in (Aspect.NO_ECHO, Aspect.CHOOSE_ONCE):
        no, yes = _("No"), _("Yes")
        return LineView(label=label, before=yes if one.before else no, after=yes if one.after else no)
    return LineView(label=label, before=one.before, after=one.after)


def _only(one: ParameterDiff) -> LineView:
    if one.needs_value:
        return LineView(label=_("It has no default and needs a value"))
    if one.default is None:
        return LineView(label=_("Secret, or without a default"))
    if one.change is FileChange.ADDED:
        return LineView(label=str(ASPECTS[Aspect.DEFAULT]), after=one.default)
    return LineView(label=str(ASPECTS[Aspect.DEFAULT]), before=one.default)


MAX_CHOICES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionChanges:
    """What a version changes. `against` is the version that it is compared with, None if there is no other.

    `why_not` is why the two cannot be compared.
    """

    against: TemplateVersion | None = None
    choices: tuple[TemplateVersion, ...] = ()
    diff: VersionDiff | None = None
    why_not: str = ""


def changes_of(version: TemplateVersion, wanted: int) -> VersionChanges:
    """Return the changes since the version with the key `wanted` of the same set, or since the one before."""
    others = TemplateVersion.objects.of(version.source).exclude(pk=version.pk)
    against = others.filter(pk=wanted).first() or others.before_number(version.number).first()
    if against is None:
        return VersionChanges()
    choices = tuple(others[:MAX_CHOICES])
    try:
        diff = version_diff(set_of_version(against), set_of_version(version))
    except UserFixable as missing:
        return VersionChanges(against=against, choices=choices, why_not=error_text(missing))
    return VersionChanges(against=against, choices=choices, diff=diff)
