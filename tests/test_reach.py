"""The functions that test files call are recorded, kept by file, and found again by changed lines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from deployments.environments.rules import phases
from tests import reach
from tests.services import REPOSITORY

SOURCE = """\
import os

@decorated
def first():
    return [one for one in ()]

class Page:
    title = ""

    def render(self):
        def inner():
            return 1
        return inner()
"""


def test_a_line_belongs_to_its_function() -> None:
    assert reach.functions_at(SOURCE, [3]) == {"first"}
    assert reach.functions_at(SOURCE, [5, 12]) == {"first", "Page.render"}


def test_a_line_outside_of_functions_can_reach_everything() -> None:
    assert reach.functions_at(SOURCE, [5, 8]) is None


def test_what_is_recorded_has_the_name_of_the_line() -> None:
    """Both sides name a function alike: the profiler by its code, a change by the source."""
    source = Path(str(phases.__file__))
    line = phases.phases_of.__code__.co_firstlineno

    name = reach.name_of(phases.phases_of.__code__)

    assert name == "deployments/environments/rules/phases.py::phases_of"
    assert reach.functions_at(source.read_text(), [line]) == {"phases_of"}


def test_links_in_the_sandboxs_package_lead_to_the_file_that_changes() -> None:
    link = REPOSITORY / "portal/sandbox/sanso_sandbox/reachability/network.py"

    assert reach.path_of(str(link)) == "deployments/aws/reachability/network.py"


def test_calls_are_kept_with_each_function_once() -> None:
    calls = {"tests/a.py": {"x.py::f", "x.py::g"}, "tests/b.py": {"x.py::f"}}

    assert reach.unpacked(reach.packed(calls)) == calls
    assert reach.reaching(calls, "x.py", {"g"}) == {"tests/a.py"}
    assert reach.reaching(calls, "x.py", None) == {"tests/a.py", "tests/b.py"}
    assert reach.reaching(calls, "y.py", None) == set()


def test_a_run_records_what_its_files_call(tmp_path: Path) -> None:
    kept, test = tmp_path / "reach.json", "tests/environments/rules/test_phases.py"
    command = [sys.executable, "-m", "pytest", f"--reach={kept}", "-q", "-n", "1", "-p", "no:cacheprovider"]

    subprocess.run([*command, test], cwd=REPOSITORY, check=True, capture_output=True)

    assert "deployments/environments/rules/phases.py::phases_of" in reach.read(kept)[test]
