"""Tests run with room for their frames."""

from __future__ import annotations

import inspect

from tests.frame_room import SLOTS, with_room


def test_every_test_runs_with_room() -> None:
    assert with_room.__code__ in [frame.frame.f_code for frame in inspect.stack(context=0)]
    assert with_room.__code__.co_stacksize == SLOTS


def test_the_function_gets_its_arguments() -> None:
    assert with_room(divmod, 7, 3) == (2, 1)
    assert with_room(sorted, [1, 3, 2], reverse=True) == [3, 2, 1]
