"""What is read from real outputs of ansible-playbook 2.19, which are in the files beside this module."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments.health.rules.ansible import MAX_LENGTH, MAX_REASON, read_output, reason

OUTPUTS = Path(__file__).parent / "outputs"


def output_file(name: str) -> str:
    return (OUTPUTS / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", ["one_task", "one_task_yaml_coloured"])
def test_the_failed_task_is_the_one_that_ended_the_play_not_an_ignored_or_rescued_one(name: str) -> None:
    found = read_output(output_file(name), "", failed=True)

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


def test_the_failed_task_of_a_loop_is_named() -> None:
    found = read_output(output_file("loop"), "", failed=True)

    assert (found.failed_task, found.message) == ("Install the packages", "non-zero return code")


def test_the_message_of_a_no_log_task_says_that_its_output_is_hidden() -> None:
    found = read_output(output_file("censored"), "", failed=True)

    assert found.failed_task == "Secret"
    assert "no_log: true" in found.message


def test_the_tail_of_an_output_is_enough_to_find_the_failed_task() -> None:
    whole = output_file("one_task")

    tail = whole[whole.index("TASK [Rescue]") :]

    assert read_output(tail, "", failed=True).failed_task == "Write the configuration"


def test_a_successful_run_has_a_recap_and_no_failed_task() -> None:
    found = read_output(output_file("fine"), "[WARNING]: something", failed=False)

    assert (found.recap["ok"], found.failed_task, found.message) == (1, "", "")


def test_the_message_of_an_invalid_playbook_contains_the_error() -> None:
    found = read_output("", output_file("not_a_playbook.stderr"), failed=True)

    assert (found.recap, found.failed_task) == ({}, "")
    assert "3     - nonsense: {a: b}" in found.message


def test_the_message_of_a_shell_script_is_the_end_of_its_stderr() -> None:
    errors = "\n".join(f"line {number}" for number in range(20))

    assert read_output("installing\n", errors, failed=True).message.splitlines() == [
        "line 15",
        "line 16",
        "line 17",
        "line 18",
        "line 19",
    ]


def test_the_message_of_a_script_without_stderr_is_the_end_of_its_stdout() -> None:
    assert read_output("one\ntwo\nfailed to run commands: exit status 1", "\n", failed=True).message.endswith(
        "exit status 1"
    )


def test_no_output_gives_no_message_and_a_long_one_is_cut() -> None:
    assert read_output("", "", failed=True).message == ""
    assert len(read_output("", "x" * 9999, failed=True).message) == MAX_LENGTH + 1


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("[Errno 28] No space left on device", "[Errno 28] No space left on device"),
        ("non-zero return code\nno such place\n\n", "no such place"),
        ("", ""),
        ("x" * 300, "…" + "x" * MAX_REASON),
    ],
)
def test_the_reason_of_a_failure_is_the_end_of_its_last_line(message: str, expected: str) -> None:
    assert reason(message) == expected
