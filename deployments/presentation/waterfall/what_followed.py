"""What followed the first failure of a deployment, in the order of time: the list in its details."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.core.root_cause import Failure
from deployments.core.status import is_cancelled
from deployments.core.timeline import at_ms, in_ms
from deployments.presentation.waterfall.tree import and_above, name_of, parent_of
from deployments.presentation.waterfall.view_model import DeploymentView


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedStep:
    """One thing that followed. `is_back` if it belongs to the rollback."""

    at: datetime
    text: str
    is_back: bool = False


def what_followed(view: DeploymentView) -> list[FollowedStep]:
    """Return what followed the first failure, [] when nothing failed."""
    first = view.first_failure
    if view.summary.failure is None or first is None:
        return []
    return sorted(_steps(view, first, view.summary.failure), key=lambda step: step.at)


def _steps(view: DeploymentView, first: str, failure: Failure) -> Iterator[FollowedStep]:
    own = "/".join(part for part in (failure.path, failure.logical_id) if part)
    around = set(and_above(parent_of(first))) - ({own} if own == first else set())
    turn = view.timeline.course.turn
    groups: dict[str, list[Failure]] = {"around": [], "canceled": [], "others": [], "back": []}
    for path, failures in view.failures.items():
        for one in failures:
            if path != own or path in around or _is_back(one, turn):
                groups[_group(path, one, around, turn)].append(one)
    if groups["around"]:
        yield _around(groups["around"])
    if canceled := groups["canceled"]:
        text = ngettext(
            "%(count)d resource was canceled as a result",
            "%(count)d resources were canceled as a result",
            len(canceled),
        )
        yield FollowedStep(at=min(one.at for one in canceled), text=text % {"count": len(canceled)})
    if others := groups["others"]:
        text = ngettext("%(count)d more resource failed", "%(count)d more resources failed", len(others))
        yield FollowedStep(at=min(one.at for one in others), text=text % {"count": len(others)})
    if turn is not None:
        yield from _rollback(view, turn, groups["back"])


def _group(path: str, failure: Failure, around: set[str], turn: int | None) -> str:
    if _is_back(failure, turn):
        return "back"
    if is_cancelled(failure.status, failure.reason):
        return "canceled"
    return "around" if path in around else "others"


def _is_back(failure: Failure, turn: int | None) -> bool:
    """Return whether the rollback failed there."""
    return (
        turn is not None and in_ms(failure.at) >= turn and failure.status.startswith(("DELETE", "ROLLBACK"))
    )


def _around(failures: list[Failure]) -> FollowedStep:
    """Return the step of what failed because the first failure is in it, the innermost first."""
    ordered = sorted(failures, key=lambda one: (-one.path.count("/"), one.at))
    names = list(dict.fromkeys(one.logical_id or name_of(one.path) for one in ordered))
    text = names[0]
    for name in names[1:]:
        text = _("%(names)s, then %(name)s") % {"names": text, "name": name}
    return FollowedStep(at=min(one.at for one in failures), text=_("%(names)s failed") % {"names": text})


def _rollback(view: DeploymentView, turn: int, failed: list[Failure]) -> Iterator[FollowedStep]:
    stack = {"stack": view.deployment.environment.stack_name}
    yield FollowedStep(
        at=at_ms(turn), text=_("CloudFormation began to roll %(stack)s back") % stack, is_back=True
    )
    if failed:
        text = ngettext(
            "Rollback failed for %(count)d resource", "Rollback failed for %(count)d resources", len(failed)
        )
        yield FollowedStep(at=min(one.at for one in failed), text=text % {"count": len(failed)}, is_back=True)
    elif view.deployment.ended_at:
        yield FollowedStep(at=view.deployment.ended_at, text=_("The rollback was complete"), is_back=True)
