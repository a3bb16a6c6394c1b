"""What a page shows of a deployment, and the frames that bring an open page from one number to the next.

A frame is made of the same templates as the page, from database rows alone, so that everybody who stands at
the same number gets the same: `{"from", "seq", "events", "rows", "header", …}`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from django.template.loader import get_template
from django.utils.translation import gettext as _

from deployments.models import Deployment, Event
from deployments.views import drawn, log, spoken, summary, tree
from deployments.views.drawn import Reader
from deployments.views.summary import Summary
from deployments.views.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A deployment with its tree and what stands above it, read at one time."""

    deployment: Deployment
    tree: Tree
    summary: Summary

    @classmethod
    def of(cls, deployment: Deployment) -> Self:
        """Read the deployment's stacks, resources and landmarks (three queries)."""
        trunk = tree.load(deployment)
        facts = summary.summarise(deployment, trunk, summary.landmarks(deployment))
        return cls(deployment=deployment, tree=trunk, summary=facts)

    @property
    def title(self) -> str:
        """Return the page's title."""
        return self.summary.title(self.deployment)

    def context(self) -> dict[str, Any]:
        """Return what the partial templates above the tree need."""
        return {"deployment": self.deployment, "tree": self.tree, "summary": self.summary}


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: the number it leads to, and its JSON."""

    seq: int
    json: str

    @property
    def sse(self) -> bytes:
        """Return the frame as a message of an event stream, with its number as the id."""
        return f"id: {self.seq}\ndata: {self.json}\n\n".encode()


def build(pk: int, since: int, until: int, reader: Reader) -> Frame:
    """Return the frame that leads from event `since` on, up to `until` or as far as one frame goes.

    Raises Deployment.DoesNotExist. A frame without events tells how things stand.
    """
    deployment = Deployment.objects.for_page().get(pk=pk)
    events = list(Event.objects.of(deployment).after(since).up_to(until)[: log.LINES])
    with reader.reading():
        picture = Picture.of(deployment)
        seq = events[-1].seq if events else since
        body = {"from": since, "seq": seq, **_fragments(picture), **_news(picture, events, reader)}
        return Frame(seq, json.dumps(body, ensure_ascii=False, separators=(",", ":")))


def _fragments(picture: Picture) -> dict[str, str]:
    """Return the parts of the page that are small enough to be sent whole."""
    context = picture.context()
    named = {
        "header": "_deployment_header",
        "phases": "_phases",
        "banner": "_end_banner",
        "outputs": "_outputs",
    }
    html = {part: get_template(f"deployments/{name}.html").render(context) for part, name in named.items()}
    deployment = picture.deployment
    return html | {
        "title": f"{picture.title} · Sanso",
        "state": deployment.state,
        "attention": deployment.attention_code,
    }


def _news(picture: Picture, events: Sequence[Event], reader: Reader) -> dict[str, Any]:
    touched = _touched(events)
    rows = [row for row in picture.tree.rows if touched is None or row.id in touched]
    return {
        "events": [drawn.line(log.line(event), reader) for event in events],
        "rows": [{"id": row.id, "after": row.after, "html": drawn.row(row, reader)} for row in rows],
        "say": spoken.sentences(picture.deployment, events, picture.summary.failure),
    }


def _touched(events: Sequence[Event]) -> set[str] | None:
    """Return the ids of the rows that events changed, None for all of them.

    The portal's own events come with rows that no event of CloudFormation's has told of yet. Counts change
    in every stack around a resource.
    """
    if any(event.source == "portal" for event in events):
        return None
    touched: set[str] = set()
    for event in events:
        if event.stack:
            path = event.stack.path
            touched.add(tree.row_id(f"{path}/{event.logical_id}".lstrip("/")))
            touched.update(tree.row_id(above) for above in tree.and_above(path))
    return touched


def texts() -> dict[str, str]:
    """Return the sentences that the page's script says, in the current language."""
    return {
        "asOf": _("as of {ago}"),
        "notAsked": _("AWS has not been asked yet"),
        "final": _("final"),
        "noWorker": _("No worker has taken a step for {age}. What was begun goes on in AWS."),
        "noTick": _("No worker has taken this up yet. Is one running?"),
        "lost": _(
            "The live connection is lost. Next try in {seconds} s; until then this page asks now and then."
        ),
        "trying": _("The live connection is lost. Trying again…"),
        "lostSaid": _("The live connection is lost."),
        "back": _("The live connection is back."),
        "shown": _("{shown} of {all}"),
        "copied": _("Copied"),
        "notAllowed": _("Not allowed"),
    }
