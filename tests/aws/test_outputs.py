"""The tail of an output is read with a margin, so that a secret value at the cut is still recognized."""

from __future__ import annotations

import pytest

from deployments.aws.outputs import MARGIN, read_end
from deployments.aws.redacted import redacted
from deployments.common.rules.redaction import Redactor, Values
from tests.fakes import FakeAws

SECRET = "hunter22"
LIMIT = 100


def read_end_of(body: bytes) -> str:
    aws = FakeAws()
    aws.stored["logs", "stdout"] = body
    clients = redacted(aws(None), Redactor([Values([SECRET])]))  # type: ignore[arg-type]  # serves every account
    return read_end(clients.s3, "logs", "stdout", LIMIT)


@pytest.mark.parametrize("cut", range(1, len(SECRET)))
def test_no_part_of_a_value_is_left_where_the_tail_begins(cut: int) -> None:
    for length in (LIMIT, LIMIT + MARGIN):  # the value is split by the cut, or by the start of what is read
        after = b"." * (length - cut)
        text = read_end_of(b"." * MARGIN + SECRET.encode() + after)
        assert set(text) <= set(".*")


def test_a_short_output_is_returned_whole() -> None:
    assert read_end_of(b"first line\nwith hunter22\n") == "first line\nwith ****\n"


def test_the_last_bytes_of_a_long_output_are_returned() -> None:
    body = b"".join(b"line %d\n" % number for number in range(10_000))
    assert read_end_of(body) == body[-LIMIT:].decode()


def test_half_a_character_and_a_nul_cause_no_error() -> None:
    assert read_end_of("ü".encode()[1:] + b"a\x00b") == "\ufffdab"
