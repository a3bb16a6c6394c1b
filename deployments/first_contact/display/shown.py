"""A run as its page shows it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.utils.translation import ngettext, pgettext

from deployments.first_contact.display.report import steps_of
from deployments.first_contact.models import (
    ACTIVE,
    CANCELED,
    CLEANING,
    DONE,
    FAILED,
    FINISHED,
    QUEUED,
    RUNNING,
    ContactRun,
    ContactStep,
)
from deployments.first_contact.rules.answers import ContactAnswer, Match, worst
from deployments.first_contact.rules.step_names import ALL
from deployments.first_contact.texts import BILLING, OUTCOMES, STEP_STATES, STEPS, WHAT_STEPS_DO

_MARKS = {
    Match.EXPECTED: ("is-done", "✓"),
    Match.NOTE: ("is-pending", "○"),
    Match.DIFFERENT: ("is-attention", "▲"),
    Match.DENIED: ("is-failed", "✕"),
    Match.NO_ANSWER: ("is-failed", "✕"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepChoice:
    """A step that can be chosen, and what it does and costs."""

    name: str
    label: str
    what: str
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLine:
    """One answer with its mark."""

    question: str
    text: str
    label: str
    css_class: str
    glyph: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepShown:
    """One step with its answers; `is_open` shows them at first."""

    name: str
    label: str
    state: str
    css_class: str
    glyph: str
    summary: str
    unexpected: int
    is_open: bool
    lines: tuple[AnswerLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunShown:
    """The state of a run, its steps, and what is left in AWS; `left` is None while that is unknown."""

    run: ContactRun
    label: str
    css_class: str
    glyph: str
    is_running: bool
    can_be_canceled: bool
    steps: tuple[StepShown, ...]
    left: tuple[tuple[str, str, str, str], ...] | None


def step_choices(chosen: Collection[str]) -> list[StepChoice]:
    """Return the steps in their order, in the active language."""
    return [
        StepChoice(name=name, label=str(STEPS[name]), what=str(WHAT_STEPS_DO[name]), is_chosen=name in chosen)
        for name in ALL
    ]


def shown(run: ContactRun | None) -> RunShown | None:
    """Return a run in the active language."""
    if run is None:
        return None
    steps = tuple(_step(one) for one in steps_of(run))
    label, css_class, glyph = _state(run, steps)
    left = run.left if run.state == FINISHED else None
    return RunShown(
        run=run,
        label=label,
        css_class=css_class,
        glyph=glyph,
        is_running=run.is_active,
        can_be_canceled=run.state in (QUEUED, RUNNING) and not run.stopped_by,
        steps=steps,
        left=None
        if left is None
        else tuple((one["type"], one["id"], str(BILLING[one["billing"]]), one["why"]) for one in left),
    )


def _state(run: ContactRun, steps: tuple[StepShown, ...]) -> tuple[str, str, str]:
    if run.state == CLEANING:
        return pgettext("first contact", "Cleaning up"), "is-progress", "●"
    if run.state != FINISHED and run.stopped_by:
        return pgettext("first contact", "Canceling"), "is-progress", "●"
    if run.state == QUEUED:
        return pgettext("first contact", "Queued"), "is-pending", "○"
    if run.state != FINISHED:
        return pgettext("first contact", "In progress"), "is-progress", "●"
    if run.left:
        return pgettext("first contact", "Resources remain"), "is-failed", "✕"
    if run.stopped_by:
        return pgettext("first contact", "Canceled"), "is-cancelled", "⊘"
    if any(step.unexpected for step in steps):
        return pgettext("first contact", "Finished with differences"), "is-attention", "▲"
    return pgettext("first contact", "As expected"), "is-done", "✓"


def _step(step: ContactStep) -> StepShown:
    answers = [ContactAnswer.from_json(one) for one in step.answers]
    found = worst(answers)
    css_class, glyph = _MARKS[found] if found is not Match.NOTE else _MARKS[Match.EXPECTED]
    if step.state == FAILED:
        css_class, glyph = "is-failed", "✕"
    elif step.state == CANCELED:
        css_class, glyph = "is-cancelled", "⊘"
    elif step.state == ACTIVE:
        css_class, glyph = "is-progress", "●"
    elif step.state != DONE:
        css_class, glyph = "is-pending", "○"
    unexpected = sum(one.outcome not in (Match.EXPECTED, Match.NOTE) for one in answers)
    return StepShown(
        name=step.name,
        label=str(STEPS.get(step.name, step.name)),
        state=str(STEP_STATES[step.state]),
        css_class=css_class,
        glyph=glyph,
        summary=_summary(len(answers), unexpected),
        unexpected=unexpected,
        is_open=step.state == ACTIVE or unexpected > 0,
        lines=tuple(_line(one) for one in answers),
    )


def _summary(count: int, unexpected: int) -> str:
    """Return how many answers a step has, and how many of them are not as expected."""
    texts = [ngettext("%(count)d answer", "%(count)d answers", count) % {"count": count}]
    if unexpected:
        text = ngettext("%(count)d not as expected", "%(count)d not as expected", unexpected)
        texts.append(text % {"count": unexpected})
    return " · ".join(texts)


def _line(answer: ContactAnswer) -> AnswerLine:
    css_class, glyph = _MARKS[answer.outcome]
    return AnswerLine(
        question=answer.question,
        text=answer.text,
        label=str(OUTCOMES[answer.outcome]),
        css_class=css_class,
        glyph=glyph,
    )
