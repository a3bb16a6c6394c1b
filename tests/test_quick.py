"""`make quick` chooses the tests that a change can reach, the most direct first, while the time lasts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.quick import A_TEST, chosen, times_of_files, within
from tests.services import REPOSITORY

TESTS = {
    Path("tests/changes/steps/test_queue.py"): "from deployments.changes.steps import queue, step\n",
    Path("tests/changes/steps/test_step.py"): "from deployments.changes.steps.step import STEPS\n",
    Path(
        "tests/deployment_pages/pages/test_queue_page.py"
    ): "from deployments.changes.steps.queue import next_in_line\n",
    Path("tests/deployment_pages/pages/test_lists.py"): "PAGE = '_queue.html'\n",
    Path("tests/aws/test_machines.py"): "from sanso_sandbox.protocols import machines\n",
    Path("tests/changes/rules/test_order.py"): "from deployments.changes.steps import queue\n",
}


def names(changed: str) -> list[str]:
    return [path.name for path in chosen([Path(changed)], TESTS)]


def test_tests_that_import_a_changed_module_come_before_those_of_its_folder() -> None:
    assert names("deployments/changes/steps/queue.py") == [
        "test_queue.py",
        "test_queue_page.py",
        "test_step.py",
    ]


def test_tests_that_import_a_module_of_a_distribution_are_chosen() -> None:
    assert names("portal/sandbox/sanso_sandbox/protocols/machines.py") == ["test_machines.py"]


def test_a_changed_test_is_chosen_first() -> None:
    assert names("tests/changes/steps/test_step.py")[0] == "test_step.py"


def test_tests_with_the_name_of_a_changed_module_are_the_first_of_its_folder() -> None:
    assert names("deployments/changes/steps/step_again.py") == ["test_queue.py", "test_step.py"]
    assert names("deployments/changes/steps/ste.py") == ["test_step.py", "test_queue.py"]


def test_the_time_of_an_unknown_file_is_estimated_by_its_tests() -> None:
    tests = {
        Path(
            "tests/deployment_pages/pages/test_x.py"
        ): "import a\n\ndef test_a() -> None:\n\n\ndef test_b() -> None:\n"
    }

    assert times_of_files(tests)["tests/deployment_pages/pages/test_x.py"] == 2 * A_TEST


def test_tests_that_name_a_changed_template_are_chosen() -> None:
    assert names("deployments/changes/templates/_queue.html")[0] == "test_lists.py"


def test_a_module_of_another_name_does_not_count() -> None:
    assert "test_queue_page.py" not in names("deployments/changes/steps/queue_position.py")


def test_tests_are_taken_while_their_time_lasts_and_the_others_are_reported() -> None:
    order = [Path("tests/a.py"), Path("tests/b.py"), Path("tests/c.py")]

    assert within(10, order, {"tests/a.py": 6, "tests/b.py": 5, "tests/c.py": 4}) == (
        [Path("tests/a.py"), Path("tests/c.py")],
        [Path("tests/b.py")],
    )


def test_tests_that_called_a_changed_function_come_before_others_and_replace_those_of_the_folder() -> None:
    changed = Path("deployments/changes/steps/queue.py")
    calls = {
        "tests/deployment_pages/pages/test_lists.py": {
            "deployments/changes/steps/queue.py::place",
            "deployments/a.py::x",
        },
        "tests/aws/test_machines.py": {"deployments/changes/steps/queue.py::place"},
        "tests/changes/steps/test_step.py": {"deployments/changes/steps/queue.py::next_in_line"},
    }
    found = chosen([changed], TESTS, calls, {changed: {"place"}})

    assert [path.name for path in found] == [
        *("test_queue.py", "test_queue_page.py"),
        *("test_machines.py", "test_lists.py"),
    ]


def test_a_change_outside_of_functions_reaches_whatever_calls_one_of_the_module() -> None:
    changed = Path("deployments/changes/steps/queue.py")
    calls = {"tests/deployment_pages/pages/test_lists.py": {"deployments/changes/steps/queue.py::place"}}

    assert Path("tests/deployment_pages/pages/test_lists.py") in chosen(
        [changed], TESTS, calls, {changed: None}
    )


def test_the_tests_start_although_imports_have_chosen_djangos_settings() -> None:
    code = (
        "import sys; from tests import quick; "
        "sys.exit(quick.run([sys.executable, '-m', 'pytest', '--collect-only', '-q', 'tests/test_times.py']))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
