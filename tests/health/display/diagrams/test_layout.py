"""The layout of the diagram: the same rows give the same diagram, and no boxes overlap."""

from __future__ import annotations

from itertools import combinations

import pytest

from deployments.environments.rules.health_status import HealthStatus
from deployments.health.display.diagrams.layout import MOST, Box, Diagram, Shape, grouped, narrow, wide

LAYOUTS = {"wide": wide, "narrow": narrow}


def shape(tier: str, number: int, zone: str = "", state: HealthStatus = HealthStatus.HEALTHY) -> Shape:
    return Shape(tier=tier, key=f"{tier}-{number:03}", name=f"i-{number:03}", zone=zone, state=state)


def whole(zones: int, servers: int, sick: int = 0) -> dict[str, list[Shape]]:
    names = [f"zone-{number}" for number in range(zones)] or [""]
    shapes = {tier: [shape(tier, 0)] for tier in ("alb", "nlb")}
    for tier in ("web", "app"):
        shapes[tier] = [
            shape(
                tier, n, names[n % len(names)], HealthStatus.UNHEALTHY if n < sick else HealthStatus.HEALTHY
            )
            for n in range(servers)
        ]
    shapes["database"] = [shape("database", n, names[n % len(names)]) for n in range(2)]
    return shapes


def overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def laid_out(layout: str, zones: int, servers: int, sick: int = 0) -> Diagram:
    return LAYOUTS[layout](whole(zones, servers, sick))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("zones", [0, 1, 2, 3, 6])
@pytest.mark.parametrize("servers", [0, 1, 2, 7, 100])
def test_no_box_lies_on_another_and_all_are_within_the_diagram(layout: str, zones: int, servers: int) -> None:
    diagram = laid_out(layout, zones, servers, sick=servers // 3)

    assert not [pair for pair in combinations(diagram.boxes, 2) if overlap(*pair)]
    for box in diagram.boxes:
        assert box.x >= 0
        assert box.x + box.width <= 100
        assert box.y + box.height <= diagram.height
    for wire in diagram.wires:
        assert wire.x1 == wire.x2 or wire.y1 == wire.y2
        assert max(wire.y1, wire.y2) <= diagram.height


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_rows_in_any_order_give_the_same_diagram(layout: str) -> None:
    shapes = whole(3, 20, sick=4)
    turned = {tier: list(reversed(found)) for tier, found in shapes.items()}

    assert LAYOUTS[layout](shapes) == LAYOUTS[layout](turned)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_server_is_drawn_or_counted(layout: str) -> None:
    diagram = laid_out(layout, 3, 100, sick=30)

    for tier in ("web", "app"):
        assert sum(box.shape.count for box in diagram.boxes if box.shape.tier == tier) == 100


def test_a_few_are_all_drawn_and_of_many_those_that_hurt() -> None:
    few = [shape("web", number) for number in range(MOST)]
    many = [shape("web", number) for number in range(40)] + [shape("web", 99, state=HealthStatus.DEGRADED)]

    assert [one.count for one in grouped(few)] == [1] * MOST
    first, rest = grouped(many)
    assert (first.key, first.count) == ("web-099", 1)
    assert (rest.state, rest.count) == (HealthStatus.HEALTHY, 40)


def test_a_wire_to_what_does_not_answer_is_cut() -> None:
    cut = [wire for wire in laid_out("wide", 2, 2, sick=1).wires if wire.state is HealthStatus.UNHEALTHY]

    assert len(cut) == 4  # the wires to and from one server in each tier


def test_a_diagram_can_have_a_part_alone() -> None:
    diagram = wide({"alb": [shape("alb", 0)]})

    assert len(diagram.boxes) == 1
    assert len(diagram.wires) == 2
