"""What real outputs of ansible-playbook 2.19 tell of a failed run. The files beside were printed by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments.core.health.ansible import MAX_LENGTH, read_output

OUTPUTS = Path(__file__).parent / "outputs"


def printed(name: str) -> str:
    return (OUTPUTS / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", ["one_task", "one_task_yaml_coloured"])
def test_the_task_that_ended_the_play_is_named_not_the_ignored_and_rescued_ones(name: str) -> None:
    found = read_output(printed(name), "", failed=True)

    assert found.failed_task == "Write the configuration"
    assert found.message == "non-zero return code\nno such place"
    assert found.recap == {
        "ok": 4,
        "changed": 2,
        "unreachable": 0,
        "failed": 1,
        "skipped": 0,
        "rescued": 1,
        "ignored": 2,
    }


def test_a_loop_that_fails_for_one_item_names_its_task() -> None:
    found = read_output(printed("loop"), "", failed=True)

    assert (found.failed_task, found.message) == ("Install the packages", "non-zero return code")


def test_a_secret_task_says_that_it_hides_its_output() -> None:
    found = read_output(printed("censored"), "", failed=True)

    assert found.failed_task == "Secret"
    assert "no_log: true" in found.message


def test_the_end_of_an_output_tells_as_much_as_all_of_it() -> None:
    whole = printed("one_task")

    tail = whole[whole.index("TASK [Rescue]") :]

    assert read_output(tail, "", failed=True).failed_task == "Write the configuration"


def test_a_run_that_went_well_has_a_recap_and_no_failure() -> None:
    found = read_output(printed("fine"), "[WARNING]: something", failed=False)

    assert (found.recap["ok"], found.failed_task, found.message) == (1, "", "")


def test_a_playbook_that_cannot_be_read_says_why() -> None:
    found = read_output("", printed("not_a_playbook.stderr"), failed=True)

    assert (found.recap, found.failed_task) == ({}, "")
    assert "3     - nonsense: {a: b}" in found.message


def test_a_shell_script_says_the_end_of_its_errors() -> None:
    errors = "\n".join(f"line {number}" for number in range(20))

    assert read_output("installing\n", errors, failed=True).message.splitlines() == [
        "line 15",
        "line 16",
        "line 17",
        "line 18",
        "line 19",
    ]


def test_a_script_without_errors_says_the_end_of_its_output() -> None:
    assert read_output("one\ntwo\nfailed to run commands: exit status 1", "\n", failed=True).message.endswith(
        "exit status 1"
    )


def test_nothing_printed_is_nothing_said_and_a_flood_is_cut() -> None:
    assert read_output("", "", failed=True).message == ""
    assert len(read_output("", "x" * 9999, failed=True).message) == MAX_LENGTH + 1
