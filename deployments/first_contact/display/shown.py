"""A run as its page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import ngettext, pgettext

from deployments.first_contact.models import (
    ACTIVE,
    CLEANING,
    DONE,
    FAILED,
    FINISHED,
    ContactRun,
    ContactStep,
)
from deployments.first_contact.rules.answers import ContactAnswer, Match, worst
from deployments.first_contact.texts import BILLING, OUTCOMES, STEP_STATES, STEPS

_MARKS = {
    Match.EXPECTED: ("is-done", "✓"),
    Match.NOTE: ("is-pending", "○"),
    Match.DIFFERENT: ("is-attention", "▲"),
    Match.DENIED: ("is-failed", "✕"),
    Match.NO_ANSWER: ("is-failed", "✕"),
}


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
    steps: tuple[StepShown, ...]
    left: tuple[tuple[str, str, str, str], ...] | None


def shown(run: ContactRun | None) -> RunShown | None:
    """Return a run in the active language."""
    if run is None:
        return None
    steps = tuple(_step(one) for one in run.steps.defer("calls"))
    label, css_class, glyph = _state(run, steps)
    left = run.left if run.state == FINISHED else None
    return RunShown(
        run=run,
        label=label,
        css_class=css_class,
        glyph=glyph,
        is_running=run.state != FINISHED,
        steps=steps,
        left=None
        if left is None
        else tuple((one["type"], one["id"], str(BILLING[one["billing"]]), one["why"]) for one in left),
    )


def _state(run: ContactRun, steps: tuple[StepShown, ...]) -> tuple[str, str, str]:
    if run.state == CLEANING:
        return pgettext("first contact", "Cleaning up"), "is-running", "●"
    if run.state != FINISHED:
        return pgettext("first contact", "In progress"), "is-running", "●"
    if run.left:
        return pgettext("first contact", "Resources remain"), "is-failed", "✕"
    if run.stopped_by:
        return pgettext("first contact", "Stopped"), "is-attention", "▲"
    if any(step.unexpected for step in steps):
        return pgettext("first contact", "Finished with differences"), "is-attention", "▲"
    return pgettext("first contact", "As expected"), "is-done", "✓"


def _step(step: ContactStep) -> StepShown:
    answers = [ContactAnswer.from_json(one) for one in step.answers]
    found = worst(answers)
    css_class, glyph = _MARKS[found] if found is not Match.NOTE else _MARKS[Match.EXPECTED]
    if step.state == FAILED:
        css_class, glyph = "is-failed", "✕"
    elif step.state == ACTIVE:
        css_class, glyph = "is-running", "●"
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
