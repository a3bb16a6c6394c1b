"""The layout of an environment's diagram: boxes, wires and zones, in a wide and a narrow form.

Positions only, no HTML. Horizontal ones are in percent of the width, vertical ones in pixels: the font size
is the same at any width. The same rows give the same diagram.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from deployments.environments.rules.health_status import HealthStatus

MOST = 4
"""Maximum number of boxes of a tier in a zone; beyond it, healthy ones are counted instead of drawn."""

BOX, TALL, LOW, GAP, HEAD, PAD, STEP = 76, 94, 52, 8, 24, 10, 22
COLUMNS = {
    "visitors": (0, 7),
    "alb": (14.5, 12),
    "web": (30.5, 15.5),
    "nlb": (49, 12),
    "app": (64, 15.5),
    "database": (82.5, 16.5),
}
TIERS = ("alb", "web", "nlb", "app", "database")
ZONED = ("web", "app", "database")
BAND = (29, 71)
_WORST_FIRST = {
    HealthStatus.UNHEALTHY: 0,
    HealthStatus.DEGRADED: 1,
    HealthStatus.UNKNOWN: 2,
    HealthStatus.HEALTHY: 3,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The content of one box; `count` is the number of components that it represents.

    `short` is a name for people that ends with the end of the id (`name`); "" if `name` is one itself.
    """

    tier: str
    key: str
    name: str
    short: str = ""
    state: HealthStatus
    transition: str = ""
    detail: str = ""
    zone: str = ""
    role: str = ""
    since: datetime | None = None
    href: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A shape at its position."""

    shape: Shape
    x: float
    y: float
    width: float
    height: float = BOX

    @property
    def middle(self) -> float:
        """Return the vertical position of its middle."""
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Wire:
    """A straight line, with the health of the component that it leads to."""

    x1: float
    y1: float
    x2: float
    y2: float
    state: HealthStatus = HealthStatus.HEALTHY


@dataclass(frozen=True, slots=True)
class EdgeLabel:
    """What is measured on the way from the visitors: lines of text beside the first wire."""

    x: float
    y: float
    is_across: bool


@dataclass(frozen=True, slots=True)
class Zone:
    """A frame around the components in one availability zone."""

    name: str
    x: float
    y: float
    width: float
    height: float


@dataclass(slots=True)
class Diagram:
    """All parts of the diagram. `heads` are the positions of the tiers' headings."""

    height: float = 0
    boxes: list[Box] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    zones: list[Zone] = field(default_factory=list)
    heads: list[tuple[str, float, float, float]] = field(default_factory=list)
    visitors: tuple[float, float, float] = (0, 0, 7)
    edge: EdgeLabel | None = None


Shapes = Mapping[str, Sequence[Shape]]


def worst_first(shape: Shape) -> tuple[int, str, str]:
    """Return the sort key of a shape: the worst first."""
    return _WORST_FIRST[shape.state], shape.role, shape.key


def grouped(shapes: Iterable[Shape]) -> list[Shape]:
    """Return the shapes of one tier in one zone, worst first; beyond `MOST`, one for each state."""
    ordered = sorted(shapes, key=worst_first)
    if len(ordered) <= MOST:
        return ordered
    troubled = [shape for shape in ordered if shape.state is not HealthStatus.HEALTHY][: MOST - 1]
    rest = ordered[len(troubled) :]
    first = {shape.state: shape for shape in reversed(rest)}
    return troubled + [
        Shape(
            tier=first[state].tier,
            zone=first[state].zone,
            key=f"{first[state].zone or 'nowhere'}-{state.value}",
            name="",
            state=state,
            href=_all_of(first[state].tier),
            count=number,
        )
        for state, number in sorted(Counter(s.state for s in rest).items(), key=lambda i: _WORST_FIRST[i[0]])
    ]


def _all_of(tier: str) -> str:
    return "database" if tier == "database" else f"servers?all=1#servers-{tier}"


def zones_of(shapes: Shapes) -> list[str]:
    """Return the zones in drawing order, at least one; components without a zone come last."""
    found = {shape.zone for tier in ZONED for shape in shapes.get(tier, ())}
    return sorted(found, key=lambda name: (not name, name)) or [""]


def wide(shapes: Shapes) -> Diagram:
    """Draw from left to right: visitors, load balancer, zones as rows."""
    diagram = Diagram()
    y: float = HEAD + 4
    for zone in zones_of(shapes):
        cells = {tier: _cell(shapes, tier, zone) for tier in ZONED}
        rows = max(1, *map(len, cells.values()))
        height = HEAD + rows * (BOX + GAP) - GAP + PAD
        diagram.zones.append(Zone(zone, BAND[0], y, BAND[1], height))
        for tier, cell in cells.items():
            start = y + HEAD + (rows - len(cell)) * (BOX + GAP) / 2
            diagram.boxes += _stacked(cell, COLUMNS[tier], start)
        y += height + GAP
    diagram.height = y - GAP + 2
    middle = (HEAD + 4 + diagram.height) / 2
    for tier in ("alb", "nlb"):
        diagram.boxes += _stacked(shapes.get(tier, ()), COLUMNS[tier], middle - TALL / 2, TALL)
    diagram.visitors = (COLUMNS["visitors"][0], middle - BOX / 2, COLUMNS["visitors"][1])
    diagram.heads = [(tier, COLUMNS[tier][0], 0, COLUMNS[tier][1]) for tier in TIERS]
    if shapes.get("alb"):
        between = (sum(COLUMNS["visitors"]) + COLUMNS["alb"][0]) / 2
        diagram.edge = EdgeLabel(between, middle, is_across=True)
    diagram.wires = list(_wires_across(diagram, middle))
    diagram.boxes.sort(key=lambda box: TIERS.index(box.shape.tier))
    return diagram


def _cell(shapes: Shapes, tier: str, zone: str) -> list[Shape]:
    return grouped(shape for shape in shapes.get(tier, ()) if shape.zone == zone)


def _stacked(cell: Sequence[Shape], column: tuple[float, float], y: float, height: float = BOX) -> list[Box]:
    return [
        Box(shape=shape, x=column[0], y=y + row * (height + GAP), width=column[1], height=height)
        for row, shape in enumerate(cell)
    ]


def _wires_across(diagram: Diagram, middle: float) -> Iterator[Wire]:
    """Yield a bus between neighboring columns: stubs to the boxes, joined by one vertical line."""
    ends: list[tuple[float, float, list[tuple[float, HealthStatus]]]] = [
        (0, COLUMNS["visitors"][1], [(middle, HealthStatus.HEALTHY)])
    ]
    for tier in TIERS:
        x, width = COLUMNS[tier]
        boxes = [(box.middle, box.shape.state) for box in diagram.boxes if box.shape.tier == tier]
        if boxes:
            ends.append((x, x + width, boxes))
    for (_, left, near), (right, _, far) in pairwise(ends):
        bus = (left + right) / 2
        yield from (Wire(left, y, bus, y, state) for y, state in near)
        yield from (Wire(bus, y, right, y, state) for y, state in far)
        heights = [y for y, _ in (*near, *far)]
        if min(heights) != max(heights):
            yield Wire(bus, min(heights), bus, max(heights))


def narrow(shapes: Shapes) -> Diagram:
    """Draw from top to bottom, two zones beside each other."""
    diagram = Diagram(visitors=(0, 0, 100))
    y: float = 24
    entries = [50.0]
    if shapes.get("alb"):
        diagram.edge = EdgeLabel(50, y + STEP / 2, is_across=False)
    for tier in TIERS:
        mine = shapes.get(tier, ())
        if not mine:
            continue
        top = y + STEP
        if tier in ZONED:
            diagram.heads.append((tier, 0, top, 100))
            top += HEAD
        exits, bottom = _tier_down(diagram, tier, mine, top)
        diagram.wires += _wires_down(entries, exits, y, top)
        entries, y = exits, bottom
    diagram.height = y + 2
    return diagram


def _tier_down(diagram: Diagram, tier: str, mine: Sequence[Shape], top: float) -> tuple[list[float], float]:
    """Place one tier. Return the ends of its incoming and outgoing wires, and its lower end."""
    if tier not in ZONED:
        diagram.boxes += [Box(shape=mine[0], x=0, y=top, width=100, height=LOW)]
        return [50.0], top + LOW
    zones = zones_of({tier: mine})
    across = min(2, len(zones))
    width = (100 - 3 * (across - 1)) / across
    for first in range(0, len(zones), across):
        bottom = top
        for column, zone in enumerate(zones[first : first + across]):
            x = column * (width + 3)
            cell = _cell({tier: mine}, tier, zone)
            height = HEAD + len(cell) * (BOX + GAP) - GAP + PAD
            diagram.zones.append(Zone(zone, x, top, width, height))
            diagram.boxes += _stacked(cell, (x + 2, width - 4), top + HEAD)
            bottom = max(bottom, top + height)
        top = bottom + GAP
    return [column * (width + 3) + width / 2 for column in range(across)], bottom


def _wires_down(entries: Sequence[float], exits: Sequence[float], y: float, top: float) -> Iterator[Wire]:
    """Yield a bus between one tier's lower end and the next one's name."""
    turn = y + STEP / 2
    yield from (Wire(x, y, x, turn) for x in entries)
    yield from (Wire(x, turn, x, y + STEP) for x in exits)
    both = [*entries, *exits]
    if min(both) != max(both):
        yield Wire(min(both), turn, max(both), turn)
