"""Stacks and resources with any values that the database can store, for example from imported recordings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from deployments.stacks.models.stacks import STACK_TYPE, Resource, Stack
from tests.builders import START
from tests.deployment_pages.pages.waterfall.builders import T0
from tests.live import scenes

USUAL_STATUSES = st.sampled_from(
    ["", "CREATE_IN_PROGRESS", "CREATE_COMPLETE", "CREATE_FAILED", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
)
ODD_STATUSES = st.sampled_from(
    ["ROLLBACK_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UNKNOWN_STATUS"]
)
STATUSES = st.one_of(USUAL_STATUSES, ODD_STATUSES)
TIMES = st.one_of(st.none(), st.integers(0, 10**6).map(lambda s: START + timedelta(seconds=s)))
CHANGES = st.lists(
    st.one_of(st.tuples(st.integers(T0, T0 + 10**7), STATUSES).map(list), st.just([]), st.just([1])),
    max_size=5,
)
NAMES = st.sampled_from(["A", "B", "C", "@ready", "a.b", "<i>", "ü 名前"])
PATHS = st.lists(NAMES, max_size=4).map("/".join)
NEEDS: st.SearchStrategy[Any] = st.one_of(
    st.just([]), st.just("no list"), st.lists(st.lists(PATHS, max_size=3), max_size=3)
)


def stack_at(path: str, pk: int) -> st.SearchStrategy[Stack]:
    """Return stacks at a path, with resources of any kind."""
    resources = st.lists(
        st.builds(
            Resource,
            logical_id=NAMES,
            type=st.sampled_from(["AWS::SNS::Topic", STACK_TYPE, "", "AWS::AutoScaling::AutoScalingGroup"]),
            status=STATUSES,
            reason=st.sampled_from(["", "Resource creation cancelled", "<b>no</b>", "x" * 300]),
            physical_id=st.sampled_from(["", "arn:a:b:c:d:e", "id-1"]),
            started_at=TIMES,
            ended_at=TIMES,
            changes=CHANGES,
            depends_on=NEEDS,
        ),
        max_size=4,
        unique_by=lambda resource: resource.logical_id,
    )
    return st.builds(
        _with_resources,
        st.builds(
            Stack,
            pk=st.just(pk),
            path=st.just(path),
            status=STATUSES,
            started_at=TIMES,
            ended_at=TIMES,
            changes=CHANGES,
            stack_id=st.sampled_from(["", scenes.arn("x")]),
        ),
        resources,
    )


def _with_resources(stack: Stack, resources: list[Resource]) -> Stack:
    for number, resource in enumerate(resources):
        resource.pk = number + 1
        resource.stack = stack
    stack._prefetched_objects_cache = {"resources": resources}  # type: ignore[attr-defined]
    return stack


STACKS = st.lists(PATHS, max_size=5, unique=True).flatmap(
    lambda paths: st.tuples(*(stack_at(path, number + 1) for number, path in enumerate(paths)))
)
