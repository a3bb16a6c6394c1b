"""`make quick` chooses the tests that a change can reach, the most direct first, while the time lasts."""

from __future__ import annotations

from pathlib import Path

from tests.quick import chosen, within

TESTS = {
    Path("tests/runner/test_queue.py"): "from deployments.runner import queue, step\n",
    Path("tests/runner/test_step.py"): "from deployments.runner.step import STEPS\n",
    Path("tests/views/test_queue_page.py"): "from deployments.runner.queue import next_in_line\n",
    Path("tests/views/test_lists.py"): "PAGE = '_queue.html'\n",
    Path("tests/core/test_order.py"): "from deployments.runner import queue\n",
}


def names(changed: str) -> list[str]:
    return [path.name for path in chosen([Path(changed)], TESTS)]


def test_tests_that_import_a_changed_module_come_before_those_of_its_folder() -> None:
    assert names("deployments/runner/queue.py") == ["test_queue.py", "test_queue_page.py", "test_step.py"]


def test_a_changed_test_is_chosen_first() -> None:
    assert names("tests/runner/test_step.py")[0] == "test_step.py"


def test_tests_that_name_a_changed_template_are_chosen() -> None:
    assert names("deployments/templates/deployments/_queue.html") == ["test_lists.py"]


def test_a_module_of_another_name_does_not_count() -> None:
    assert "test_queue_page.py" not in names("deployments/runner/queue_position.py")


def test_tests_are_taken_while_their_time_lasts_and_the_others_are_reported() -> None:
    order = [Path("tests/a.py"), Path("tests/b.py"), Path("tests/c.py")]

    assert within(10, order, {"tests/a.py": 6, "tests/b.py": 5, "tests/c.py": 4}) == (
        [Path("tests/a.py"), Path("tests/c.py")],
        [Path("tests/b.py")],
    )
