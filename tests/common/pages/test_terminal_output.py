"""Output of a server is displayed without colors and control characters; of long output, only the end."""

from __future__ import annotations

import pytest

from deployments.common.pages.terminal_output import LIMIT, readable


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("\x1b[0;31mfatal\x1b[0m: no", "fatal: no"),
        ("\x1b]0;title\x07text", "text"),
        ("10 %\r50 %\r100 %\nend", "100 %\nend"),
        ("one\r\ntwo", "one\ntwo"),
        ("tab\there\x00\x08\u202e", "tab\there"),
        ("配置しました", "配置しました"),
    ],
)
def test_an_output_is_read_without_its_controls(printed: str, shown: str) -> None:
    assert readable(printed) == shown


def test_of_a_long_output_the_end_is_kept() -> None:
    assert readable("x" * LIMIT + "the end").endswith("the end")
    assert len(readable("x" * 2 * LIMIT)) == LIMIT
