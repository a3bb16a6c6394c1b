"""The diagram of an environment as SVG: lines and frames drawn, texts as HTML that wraps in its box."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import ngettext, pgettext

from deployments.common.pages.datetime_formats import live_age
from deployments.environments.display.badges import HEALTH, TRANSITIONS, mark
from deployments.environments.rules.health_status import HealthStatus
from deployments.health.display.diagrams.layout import Box, Diagram, Shape, Wire, Zone

Head = Callable[[str], SafeString]


def render(diagram: Diagram, layout: str, *, label: str, head: Head, visitors: SafeString) -> SafeString:
    """Return the diagram in one layout; `head` returns the line above a tier's column."""
    x, y, width = diagram.visitors
    return format_html(
        '<svg class="{0}" width="100%" height="{1}" role="group" aria-label="{2}">{3}{4}{5}'
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
        '<span class="what">{10}{11}</span>'
        '<span class="how"><span class="word">{12}</span>{13}{14}</span></a></foreignObject>',
        f"{layout}-{shape.tier}-{shape.key}",
        round(box.x, 2),
        round(box.y),
        round(box.width, 2),
        box.height,
        kind,
        " is-many" if shape.count > 1 else "",
        shape.href,
        shape.detail or word,
        ", ".join(str(part) for part in (name, word, shape.detail) if part),
        mark(glyph),
        _cuttable(name),
        word,
        format_html(" {}", live_age(shape.since))
        if shape.since and shape.state != HealthStatus.HEALTHY
        else "",
        format_html(" · {}", shape.detail) if shape.detail else "",
    )


def _name(shape: Shape) -> str:
    if shape.name:
        return shape.name
    return ngettext("%(count)d instance", "%(count)d instances", shape.count) % {"count": shape.count}


def _cuttable(name: str) -> SafeString:
    """Return a name whose middle is cut if space is short: ids differ at their ends."""
    if not name.startswith("i-"):
        return format_html("<b>{}</b>", name)
    return format_html("<b>{}</b><b>{}</b>", name[:-4], name[-4:])
