"""What `make test` runs and what its parts run together are all tests, and none is forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.part_runs import UNKNOWN, Run, by_due, chosen, keep, lines, read
from tests.parts import Part, in_test, is_named, part_of, parts, some
from tests.services import REPOSITORY

NAMES = sorted(parts())
RUNS = st.dictionaries(
    st.sampled_from(NAMES),
    st.builds(
        Run, commits=st.integers(1, 99), date=st.just(""), seconds=st.floats(1, 600), summary=st.just("")
    ),
)


@pytest.mark.parametrize(
    "name", sorted({*in_test(), *(test for one in parts().values() for test in one.tests)})
)
def test_what_is_declared_exists(name: str) -> None:
    file, _, test = name.partition("::")

    assert (REPOSITORY / file).exists()
    assert not test or f"def {test.partition('[')[0]}(" in (REPOSITORY / file).read_text()


@pytest.mark.parametrize("name", sorted(in_test()))
def test_what_make_test_runs_of_parts_is_of_a_part(name: str) -> None:
    """A name that no part has would declare nothing."""
    assert any(is_named(name, one.tests) for one in parts().values() if not one.shared)
    assert part_of(name) == ""


def test_there_is_one_journey_for_each_job_and_at_most_25() -> None:
    assert 10 <= sum(name.startswith("tests/flows/") for name in in_test()) <= 25


def test_every_journey_and_every_kill_is_in_a_part() -> None:
    for folder in ("flows", "chaos"):
        for path in (REPOSITORY / "tests" / folder).glob("test_*.py"):
            name = path.relative_to(REPOSITORY).as_posix()
            assert any(is_named(name, one.tests) for one in parts().values()), name


def test_no_part_waits_longer_than_twelve_landings() -> None:
    """Each landing runs the one that is due."""
    assert len(parts()) <= 12


@pytest.mark.parametrize(
    ("test", "names", "expected"),
    [
        ("tests/flows/test_a.py::test_x[en]", ["tests/flows"], True),
        ("tests/flows/test_a.py::test_x[en]", ["tests/flows/test_a.py"], True),
        ("tests/flows/test_a.py::test_x[en]", ["tests/flows/test_a.py::test_x"], True),
        ("tests/flows/test_a.py::test_x[en]", ["tests/flows/test_a.py::test_x[ja]"], False),
        ("tests/flows/test_a.py::test_xy", ["tests/flows/test_a.py::test_x"], False),
        ("tests/flows_of/test_a.py", ["tests/flows"], False),
    ],
)
def test_a_test_is_named_by_its_function_file_or_folder(test: str, names: list[str], expected: bool) -> None:
    assert is_named(test, names) is expected


@given(RUNS)
def test_after_as_many_landings_as_there_are_parts_each_has_run(runs: dict[str, Run]) -> None:
    ran: set[str] = set()
    for landing in range(100, 100 + len(NAMES)):
        due = chosen(parts(), runs, [], 0)[-1].name
        ran.add(due)
        runs = {**runs, due: Run(commits=landing, date="", seconds=1, summary="")}

    assert ran == set(NAMES)


@given(
    RUNS, st.floats(0, 1500), st.lists(st.sampled_from(["deployments/urls.py", "playbook/x", "README.md"]))
)
def test_what_is_due_always_runs_and_the_others_fit(
    runs: dict[str, Run], seconds: float, changed: list[str]
) -> None:
    found = chosen(parts(), runs, changed, seconds)
    first = by_due(parts(), runs)[0]
    needed = [runs[one.name].seconds if one.name in runs else UNKNOWN for one in found]

    assert found[-1] == first
    assert found.count(first) == 1
    assert all(one.is_reached_by(changed) for one in found[:-1])
    assert len(found) == 1 or sum(needed) <= seconds


def test_a_run_is_kept_and_listed(tmp_path: Path) -> None:
    kept = tmp_path / "runs.json"
    part = Part(name="one", proves="something", tests=())
    assert "never ran" in "".join(lines({"one": part}, read(kept), 5))

    keep("one", Run(commits=3, date="2026-12-07", seconds=61.2, summary="4 tests"), kept)

    (line,) = lines({"one": part}, read(kept), 5)
    assert "61 s, 2026-12-07, 2 commits ago" in line
    assert line.endswith("something")


def test_a_few_cases_are_spread_over_all() -> None:
    assert some(range(100), 10) == list(range(0, 100, 10))
    assert some(range(5), 10) == list(range(5))
