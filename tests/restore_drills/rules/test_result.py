"""Which results of drills are a problem of their environment."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deployments.restore_drills.rules.result import DrillResult, is_problem

CLUSTERS = st.sampled_from(["one", "two", "three"])
RESULTS = st.lists(st.builds(DrillResult, CLUSTERS, st.booleans()))
IN_USE = st.sets(CLUSTERS)


def test_without_drills_there_is_no_problem() -> None:
    assert not is_problem([], ["one"])


@given(RESULTS, IN_USE)
def test_a_failed_drill_is_a_problem_at_once(results: list[DrillResult], in_use: set[str]) -> None:
    assert is_problem([DrillResult("one", has_passed=False), *results], in_use)


@given(RESULTS, IN_USE)
def test_a_problem_is_over_when_the_databases_in_use_have_passed(
    results: list[DrillResult], in_use: set[str]
) -> None:
    passed = [DrillResult(one, has_passed=True) for one in sorted(in_use) or ["one"]]

    assert not is_problem([*passed, *results], in_use)


@given(RESULTS, IN_USE)
def test_what_passed_of_one_database_says_nothing_of_another(
    results: list[DrillResult], in_use: set[str]
) -> None:
    newest = [DrillResult("one", has_passed=True), DrillResult("two", has_passed=False), *results]

    assert is_problem(newest, in_use | {"two"})
