"""The report of a run: as text for a person, and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from deployments.first_contact.models import DONE, ContactRun, ContactStep
from deployments.first_contact.rules.answers import ContactAnswer, Match
from deployments.first_contact.shared.call_log import source_of

WORDS = {
    Match.EXPECTED: "as expected",
    Match.NOTE: "noted",
    Match.DIFFERENT: "DIFFERENT",
    Match.DENIED: "DENIED",
    Match.NO_ANSWER: "NO ANSWER",
}


def steps_of(run: ContactRun) -> list[ContactStep]:
    """Return the steps of a run without their logs, which are large."""
    return list(run.steps.defer("calls"))


def answers_of(step: ContactStep) -> list[ContactAnswer]:
    """Return the answers of a step."""
    return [ContactAnswer.from_json(one) for one in step.answers]


def is_fine(run: ContactRun) -> bool:
    """Return whether every step came to its end as expected, and nothing is left."""
    steps = steps_of(run)
    outcomes = {answer.outcome for step in steps for answer in answers_of(step)}
    is_whole = all(step.state == DONE for step in steps) and not run.stopped_by
    return is_whole and not run.left and outcomes <= {Match.EXPECTED, Match.NOTE}


def as_json(run: ContactRun) -> dict[str, Any]:
    """Return the report for programs."""
    return {
        "format": "sanso-first-contact/1",
        "source": source_of(run),
        "region": run.account.region,
        "tag": run.tag,
        "state": run.state,
        "stopped_by": run.stopped_by,
        "began_at": run.began_at.isoformat(),
        "ended_at": run.ended_at.isoformat() if run.ended_at else None,
        "steps": [
            {
                "name": step.name,
                "state": step.state,
                "seconds": _seconds(step),
                "answers": [answer.as_json() for answer in answers_of(step)],
            }
            for step in steps_of(run)
        ],
        "left": run.left,
    }


def as_text(run: ContactRun) -> Iterator[str]:
    """Yield the lines of the report for people."""
    source = source_of(run)
    where = "AWS" if source == "aws" else f"the {source} (this says nothing about AWS)"
    yield f"First contact with {where}, {run.account.region}, tag {run.tag}"
    yield f"Began {run.began_at:%Y-%m-%d %H:%M:%S} UTC, {run.state}"
    if run.stopped_by:
        yield f"It was canceled before its end ({run.stopped_by})."
    for step in steps_of(run):
        answers = answers_of(step)
        counts = Counter(answer.outcome for answer in answers)
        summary = ", ".join(f"{counts[one]} {word}" for one, word in WORDS.items() if counts[one])
        yield ""
        yield f"{step.name}: {step.state}, {_seconds(step):.0f} s, {summary or 'no answers'}"
        for answer in answers:
            text = f": {answer.text}" if answer.text else ""
            yield f"  [{WORDS[answer.outcome]}] {answer.question}{text}"
    yield ""
    yield from left_of(run)


def left_of(run: ContactRun) -> Iterator[str]:
    """Yield lines about what is left in AWS, and what to do about it."""
    if run.left is None:
        yield "What is left in AWS is unknown: the clean-up has not ended. Run it with --clean-up."
    elif not run.left:
        yield "Nothing is left in AWS."
    else:
        yield "Left in AWS; run this again with --clean-up, or delete it by hand:"
        for one in run.left:
            yield f"  {one['type']} {one['id']} ({one['billing']}) {one['why']}".rstrip()


def _seconds(step: ContactStep) -> float:
    if step.began_at is None or step.ended_at is None:
        return 0.0
    return round((step.ended_at - step.began_at).total_seconds(), 1)
