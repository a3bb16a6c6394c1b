"""The result of an association is that of the environment's own servers."""

from __future__ import annotations

import pytest

from deployments.health.rules.observations import ObservedAssociation, ObservedRun
from deployments.health.rules.own_runs import of_own_servers
from tests.builders import START


def association(own: tuple[str, ...], foreign: tuple[str, ...]) -> ObservedAssociation:
    runs = [(f"i-{number}", status, False) for number, status in enumerate(own)]
    runs += [(f"i-other-{number}", status, True) for number, status in enumerate(foreign)]
    return ObservedAssociation(
        tier="web",
        association_id="a-1",
        status="Failed",
        detailed_status="Failed",
        counts={"Failed": 5},
        observed_at=START,
        runs=tuple(
            ObservedRun(execution_id="e", instance_id=name, status=status, is_foreign=is_foreign)
            for name, status, is_foreign in runs
        ),
    )


@pytest.mark.parametrize(
    ("own", "status"),
    [
        (("Success", "Success"), "Success"),
        (("Success", "InProgress"), "InProgress"),
        (("Skipped", "Success"), "Skipped"),
        (("InProgress", "TimedOut", "Success"), "TimedOut"),
        ((), "Pending"),
    ],
)
def test_servers_of_others_count_neither_in_numbers_nor_in_the_status(
    own: tuple[str, ...], status: str
) -> None:
    found = of_own_servers(association(own, ("Failed", "Success")))

    assert found.status == status
    assert found.counts == {one: own.count(one) for one in own}


def test_without_servers_of_others_the_result_is_that_of_aws() -> None:
    whole = association(("Success",), ())

    assert of_own_servers(whole) == whole
