"""The diagram of an environment as SVG: lines and frames drawn, texts as HTML that wraps in its box."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from deployments.common.pages.datetime_formats import live_age
from deployments.environments.display.badges import HEALTH, TRANSITIONS, mark
from deployments.environments.rules.health_status import HealthStatus
from deployments.health.display.diagrams.layout import Box, Diagram, EdgeLabel, Shape, Wire, Zone

Head = Callable[[str], SafeString]


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeNumbers:
    """What visitors meet: the median latency in milliseconds, and the share of failed reads, as texts."""

    latency: str
    failed: str
    has_failures: bool


def render(
    diagram: Diagram,
    layout: str,
    *,
    label: str,
    head: Head,
    visitors: SafeString,
    numbers: EdgeNumbers | None = None,
) -> SafeString:
    """Return the diagram in one layout; `head` returns the line above a tier's column."""
    x, y, width = diagram.visitors
    return format_html(
        '<svg class="{0}" width="100%" height="{1}" role="group" aria-label="{2}">{3}{4}{11}{5}'
        '<foreignObject x="{6}%" y="{7}" width="{8}%" height="76"><p class="visitors">{9}</p></foreignObject>'
        "{10}</svg>",
        layout,
        round(diagram.height),
        label,
        _join(map(_zone, diagram.zones)),
        _join(map(_wire, diagram.wires)),
        format_html_join(
            "",
            '<foreignObject x="{}%" y="{}" width="{}%" height="24"><p class="tier">{}</p></foreignObject>',
            ((left, round(top), across, head(tier)) for tier, left, top, across in diagram.heads),
        ),
        x,
        round(y),
        width,
        visitors,
        _join(_box(box, layout) for box in diagram.boxes),
        _edge(diagram.edge, numbers) if diagram.edge and numbers else "",
    )


def _edge(edge: EdgeLabel, numbers: EdgeNumbers) -> SafeString:
    """Return the latency above and the failures below a horizontal line; both beside a vertical one."""
    label = _("Median latency %(latency)s, %(failed)s of reads failed") % {
        "latency": numbers.latency,
        "failed": numbers.failed,
    }
    anchor, places = ("middle", ((0, -6), (0, 16))) if edge.is_across else ("start", ((8, 4), (64, 4)))
    kind = " is-attention" if numbers.has_failures else ""
    texts = ((*places[0], "latency", numbers.latency), (*places[1], f"failures{kind}", numbers.failed))
    return format_html(
        '<svg class="edge" x="{}%" y="{}" overflow="visible" role="img" aria-label="{}">{}</svg>',
        round(edge.x, 2),
        round(edge.y),
        label,
        format_html_join(
            "",
            '<text x="{}" y="{}" text-anchor="{}" class="{}">{}</text>',
            ((x, y, anchor, name, text) for x, y, name, text in texts),
        ),
    )


def _join(parts: Iterable[SafeString]) -> SafeString:
    return format_html_join("", "{}", ((part,) for part in parts))


def _zone(zone: Zone) -> SafeString:
    return format_html(
        '<rect class="zone" x="{0}%" y="{1}" width="{2}%" height="{3}" rx="8"/>'
        '<svg x="{0}%" y="{1}" overflow="visible"><text x="12" y="17">{4}</text></svg>',
        round(zone.x, 2),
        round(zone.y),
        round(zone.width, 2),
        round(zone.height),
        zone.name or pgettext("zone", "unknown zone"),
    )


def _wire(wire: Wire) -> SafeString:
    return format_html(
        '<line class="wire{}" x1="{}%" y1="{}" x2="{}%" y2="{}"/>',
        " is-cut" if wire.state is HealthStatus.UNHEALTHY else "",
        round(wire.x1, 2),
        round(wire.y1),
        round(wire.x2, 2),
        round(wire.y2),
    )


def _box(box: Box, layout: str) -> SafeString:
    shape = box.shape
    kind, glyph, word = TRANSITIONS.get(shape.transition) or HEALTH[shape.state]
    name = _name(shape)
    return format_html(
        '<foreignObject id="{0}" x="{1}%" y="{2}" width="{3}%" height="{4}">'
        '<a class="node is-{5}{6}" id="{0}-link" href="{7}" title="{8}" aria-label="{9}">'
        '<span class="what">{10}{11}</span>{12}</a></foreignObject>',
        f"{layout}-{shape.tier}-{shape.key}",
        round(box.x, 2),
        round(box.y),
        round(box.width, 2),
        box.height,
        kind,
        " is-many" if shape.count > 1 else "",
        shape.href,
        " · ".join(part for part in (shape.short and shape.name, shape.detail or str(word)) if part),
        ", ".join(str(part) for part in (name, word, shape.detail) if part),
        mark(glyph),
        _title(shape),
        _how(shape, str(word)),
    )


def _how(shape: Shape, word: str) -> SafeString:
    """Return the health and the detail in the box; what is fine says so by its icon and in hidden text."""
    if shape.state is HealthStatus.HEALTHY and shape.count == 1:
        text = ' <span class="unseen">{}</span> <span class="how">{}</span>'
        return format_html(text, word, shape.detail)
    since = shape.since if shape.state is not HealthStatus.HEALTHY else None
    return format_html(
        ' <span class="how"><span class="word">{}</span>{}{}</span>',
        word,
        format_html(" {}", live_age(since)) if since else "",
        format_html(" · {}", shape.detail) if shape.detail else "",
    )


def _name(shape: Shape) -> str:
    if shape.short:
        return f"{shape.short} ({shape.name})"
    if shape.name:
        return shape.name
    return ngettext("%(count)d instance", "%(count)d instances", shape.count) % {"count": shape.count}


def _title(shape: Shape) -> SafeString:
    """Return the name in the box: a short one is bold up to the end of the id."""
    begin, space, end = shape.short.rpartition(" ")
    if not space:
        return format_html("<b>{}</b>", _name(shape))
    return format_html('<b>{}</b> <span class="id">{}</span>', begin, end)
