"""The events after the first failure of a deployment in the order of time: the list in its details."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.cloudformation.root_cause import Failure, is_echo
from deployments.cloudformation.status import is_cancelled
from deployments.cloudformation.timeline import at_ms
from deployments.deployment_pages.pages.waterfall.view_model import DeploymentView
from deployments.stacks.display.paths import and_above, name_of, parent_of
from deployments.stacks.rules.row_results import is_of_rollback

GROUPS = ("around", "canceled", "others", "echoes", "back")
"""The relation of a failure to the first one; an echo is that of a nested stack with a failure inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAfterFailure:
    """One step that followed. `is_back`: it belongs to the rollback."""

    at: datetime
    text: str
    is_back: bool = False


def steps_after_failure(view: DeploymentView) -> list[StepAfterFailure]:
    """Return the steps after the first failure; [] if nothing failed."""
    first = view.first_failure
    if view.summary.failure is None or first is None:
        return []
    return sorted(_steps(view, first, view.summary.failure), key=lambda step: step.at)


def _steps(view: DeploymentView, first: str, failure: Failure) -> Iterator[StepAfterFailure]:
    own = "/".join(part for part in (failure.path, failure.logical_id) if part)
    around = set(and_above(parent_of(first))) - ({own} if own == first else set())
    course = view.timeline.course
    canceled = view.other_failures().canceled
    groups = _grouped(view, own, around)
    if groups["around"]:
        yield _around(groups["around"])
    if canceled:
        text = ngettext(
            "%(count)d resource was canceled as a result",
            "%(count)d resources were canceled as a result",
            len(canceled),
        )
        at = min((one.at for one in groups["canceled"].values()), default=failure.at)
        yield StepAfterFailure(at=at, text=text % {"count": len(canceled)})
    if others := groups["others"]:
        text = ngettext("%(count)d more resource failed", "%(count)d more resources failed", len(others))
        yield StepAfterFailure(at=min(one.at for one in others.values()), text=text % {"count": len(others)})
    if course.turn is not None:
        yield from _rollback(view, course.turn, list(groups["back"].values()))


def _grouped(view: DeploymentView, own: str, around: set[str]) -> dict[str, dict[str, Failure]]:
    groups: dict[str, dict[str, Failure]] = {name: {} for name in GROUPS}
    for path, failures in view.failures.items():
        for one in failures:
            is_back = _is_back(view, path, one)
            if path != own or path in around or is_back:
                groups[_group(path, one, around, is_back=is_back)].setdefault(path, one)
    return groups


def _group(path: str, failure: Failure, around: set[str], *, is_back: bool) -> str:
    if is_back:
        return "back"
    if is_cancelled(failure.status, failure.reason):
        return "canceled"
    if path in around:
        return "around"
    return "echoes" if is_echo(failure.reason) else "others"


def _is_back(view: DeploymentView, path: str, failure: Failure) -> bool:
    """Return whether the rollback failed there."""
    line = view.timeline.line(path)
    return is_of_rollback(failure, line.runs if line else (), view.timeline.course.of(path))


def _around(failures: dict[str, Failure]) -> StepAfterFailure:
    """Return the step of the stacks that failed because they contain the first failure, innermost first."""
    ordered = sorted(failures, key=lambda path: -path.count("/"))
    names = [name_of(path) or failures[path].logical_id for path in ordered]
    text = names[0]
    for name in names[1:]:
        text = _("%(names)s, then %(name)s") % {"names": text, "name": name}
    at = min(one.at for one in failures.values())
    return StepAfterFailure(at=at, text=_("%(names)s failed") % {"names": text})


def _rollback(view: DeploymentView, turn: int, failed: list[Failure]) -> Iterator[StepAfterFailure]:
    stack = {"stack": view.deployment.environment.stack_name}
    yield StepAfterFailure(
        at=at_ms(turn), text=_("CloudFormation began to roll %(stack)s back") % stack, is_back=True
    )
    if failed := [one for one in failed if not is_echo(one.reason)] or failed:
        text = ngettext(
            "Rollback failed for %(count)d resource", "Rollback failed for %(count)d resources", len(failed)
        )
        yield StepAfterFailure(
            at=min(one.at for one in failed), text=text % {"count": len(failed)}, is_back=True
        )
    elif view.deployment.ended_at:
        yield StepAfterFailure(at=view.deployment.ended_at, text=_("The rollback was complete"), is_back=True)
