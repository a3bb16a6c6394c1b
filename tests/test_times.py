"""The times of runs are added over workers, shown by folder, and compared."""

from __future__ import annotations

import subprocess
import sys

from tests.times import Times, cpu_seconds, differences, folder_of, lines

ONE = Times(
    tests={"tests/views/test_a.py::test_x": 2.0}, cpu={"tests/views/test_a.py": 1.5}, waits={"the row": 1}
)


def test_the_times_of_workers_are_added() -> None:
    total = Times()
    total.add(ONE)
    total.add(Times(tests={"tests/test_b.py::test_y": 3.0}, waits={"the row": 2}, assertions=4))

    assert total.by_folder() == {"tests": (1, 3.0, 0), "tests/views": (1, 2.0, 1.5)}
    assert total.waits == {"the row": 3}
    assert total.assertions == 4


def test_a_file_belongs_to_its_folder() -> None:
    assert folder_of("tests/test_times.py::test_x") == "tests"
    assert folder_of("tests/health/rules/test_rollup.py::test_x[a/b]") == "tests/health"


def test_ended_children_count() -> None:
    before = cpu_seconds()
    subprocess.run([sys.executable, "-c", "sum(range(10**7))"], check=True)

    assert cpu_seconds() > before


def test_a_comparison_has_both_runs() -> None:
    after = Times(tests={"tests/views/test_a.py::test_x": 0.5}, cpu={"tests/views/test_a.py": 0.5})
    _, row, _, test = differences(ONE, after)

    assert row.split() == ["tests/views", "1", "→", "1", "2.0", "→", "0.5", "1.5", "→", "0.5"]
    assert test.split() == ["-1.5", "tests/views/test_a.py::test_x"]
    assert ["tests/views", "1", "2.0", "1.5"] in [line.split() for line in lines(ONE)]
