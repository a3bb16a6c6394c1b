"""The accuracy of forecasts, and the cost of polling: `python -m tests.benchmarks.forecast_accuracy`.

It runs on a simulated clock (tests/simulated_deployments.py, tests/simulated_polling.py), so the machine does
not matter.
"""

from __future__ import annotations

from random import Random
from statistics import mean

from deployments.cloudformation.dependencies import Graph
from tests.simulated_deployments import World, honesty, infra_graph
from tests.simulated_polling import Poller, by_forecast

WORLDS = 5
DEPLOYMENTS = 30


def forecasts(graph: Graph) -> list[str]:
    """Return the lines of a table: the coverage of the range, and the median error."""
    lines = [
        "| simulated | forecasts | true end in the band | error of the middle |",
        "| --- | --- | --- | --- |",
    ]
    for name, deployments, every in (
        ("first deployments", 1, 5),
        (f"{DEPLOYMENTS} in a row", DEPLOYMENTS, 15),
    ):
        found = [honesty(World(graph, Random(seed)), deployments, every=every) for seed in range(WORLDS)]
        requested = sum(one.requested for one in found)
        held = sum(one.held for one in found) / requested
        worst = min(one.coverage for one in found)
        off = mean(one.median_error for one in found)
        lines.append(
            f"| {WORLDS} × {name} | {requested:,} | {held:.0%} (worst world {worst:.0%}) "
            f"| {off:.0%} of what was left |"
        )
    return lines


def polling(graph: Graph) -> list[str]:
    """Return the lines of a table: calls a minute, and the delay until events are read."""
    found = []
    for seed in range(WORLDS):
        world = World(graph, Random(seed))
        for _ in range(2):
            world.learn(world.deploy())
        happened = world.deploy()
        found.append(Poller(world, happened, by_forecast(world, happened)).run())
    calls = sum(seen.calls for seen in found) / sum(seen.seconds for seen in found) * 60
    lags = sorted(lag for seen in found for lag in seen.lags)
    return [
        "| deployments | CloudFormation calls a minute | event to row, mean | p95 |",
        "| --- | --- | --- | --- |",
        f"| {WORLDS} | {calls:.1f} | {mean(lags):.1f} s | {lags[int(0.95 * len(lags))]:.1f} s |",
    ]


def main() -> None:
    """Print both tables."""
    graph = infra_graph()
    print("\n".join([*forecasts(graph), "", *polling(graph)]))  # noqa: T201  # that is what it is for


if __name__ == "__main__":
    main()
