"""Redaction: a secret value is replaced by four asterisks in any form in which a program prints it."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.common.rules.encodings import SHORT
from deployments.common.rules.fingerprints import fingerprints_of, read_fingerprints
from deployments.common.rules.redaction import MARK, NOTHING, Everything, Redactor, Values, combined

KEY = bytes(range(16))
PASSWORD = "hunter22"
AWKWARD = 'p@ss/w0rd+é "it\'s"<&\\%41'
PEM = (
    "-----BEGIN PRIVATE KEY-----\n"
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n"
    "MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu\n"
    "ab==\n"
    "-----END PRIVATE KEY-----\n"
)

# Without asterisks, because the mark consists of them.
secrets = st.text(st.characters(exclude_characters="*", codec="utf-8"), min_size=SHORT).filter(
    lambda value: len(value.strip()) >= SHORT
)
texts = st.text(st.characters(codec="utf-8"), max_size=40)


def redactor_of(*values: str) -> Redactor:
    return Redactor([Values(values)])


def redactor_of_fingerprints(*values: str) -> Redactor:
    """Return a redactor that has only fingerprints, as read from the database."""
    return Redactor([read_fingerprints(json.loads(json.dumps(fingerprints_of(values, KEY).as_json())))])


with_values_or_fingerprints = pytest.mark.parametrize("redactor", [redactor_of, redactor_of_fingerprints])


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


FORMS: dict[str, Callable[[str], str]] = {
    "itself": str,
    "JSON": json.dumps,
    "JSON in its own alphabet": lambda value: json.dumps(value, ensure_ascii=False),
    "JSON within JSON": lambda value: json.dumps(json.dumps(value)),
    "JSON of Go": lambda value: (
        json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    ),
    "JSON of PHP": lambda value: json.dumps(value).replace("/", "\\/"),
    "Python": repr,
    "bytes of Python": lambda value: repr(value.encode()),
    "a shell's trace": lambda value: "'" + value.replace("'", "'\\''") + "'",
    "an argument of a shell": shlex.quote,
    "HTML": html.escape,
    "a part of a URL": lambda value: quote(value, safe=""),
    "a path": quote,
    "a query": quote_plus,
    "encodeURIComponent": lambda value: quote(value, safe="!~*'()"),
    "a URL in a URL": lambda value: quote(quote(value, safe=""), safe=""),
    "a URL with small digits": lambda value: re.sub("%..", lambda x: x[0].lower(), quote(value, safe="")),
    "base64": _base64,
    "base64 without padding": lambda value: _base64(value).rstrip("="),
    "base64 for URLs": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    "hexadecimal": lambda value: value.encode().hex(),
    "hexadecimal in capitals": lambda value: value.encode().hex().upper(),
    "capitals": str.upper,
    "small letters": str.lower,
    "reversed": lambda value: value[::-1],
    "a URL with every byte escaped": lambda value: "".join(f"%{one:02X}" for one in value.encode()),
    "a URL that is partly escaped": lambda value: quote(value[:4], safe="") + value[4] + quote(value[5:]),
    "every byte escaped": lambda value: "".join(f"\\x{one:02x}" for one in value.encode()),
    "every code unit escaped": lambda value: "".join(
        f"\\u{int.from_bytes(value.encode('utf-16-be')[at : at + 2]):04x}"
        for at in range(0, len(value.encode("utf-16-be")), 2)
    ),
    "HTML with numbers": lambda value: "".join(f"&#{ord(one)};" for one in value),
    "some letters escaped": lambda value: "".join(
        f"\\u{ord(one):04x}" if number % 3 else json.dumps(one, ensure_ascii=False)[1:-1]
        for number, one in enumerate(value)
    ),
    "a shell's word": lambda value: re.sub(r"([^\w])", r"\\\1", value),
    "base64 in a URL": lambda value: quote(_base64(value), safe=""),
}


@with_values_or_fingerprints
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("value", [PASSWORD, AWKWARD, "ünïcödé 日本語 パスワード"])
def test_a_value_is_redacted_in_every_form(redactor: Callable[..., Redactor], form: str, value: str) -> None:
    printed = FORMS[form](value)

    found = redactor(value)(f"before {printed} after")

    assert printed.strip("'\"\\") not in found
    assert MARK in found
    assert found.startswith("before ")
    assert found.endswith(" after")


@with_values_or_fingerprints
@given(value=secrets, before=texts, after=texts)
def test_a_value_is_redacted_in_any_text(
    redactor: Callable[..., Redactor], value: str, before: str, after: str
) -> None:
    found = redactor(value)(before + value + after)

    assert value not in found
    assert MARK in found


@with_values_or_fingerprints
@given(value=secrets, before=st.binary(max_size=8), after=st.binary(max_size=8))
def test_a_value_inside_a_longer_text_in_base64_is_redacted(
    redactor: Callable[..., Redactor], value: str, before: bytes, after: bytes
) -> None:
    coded = base64.b64encode(before + value.encode() + after).decode()

    found = redactor(value)(coded)

    # Only complete characters around the value remain.
    first, last = 8 * len(before) // 6, -(-8 * len(before + value.encode()) // 6)
    assert MARK in found
    assert coded[:first].startswith(found.partition(MARK)[0])
    assert coded[last:].endswith(found.rpartition(MARK)[2])


@given(values=st.lists(secrets, min_size=1, max_size=3), text=st.data())
def test_fingerprints_redact_the_same_as_values(values: list[str], text: st.DataObject) -> None:
    pieces = st.one_of(texts, st.sampled_from(values), st.sampled_from(values).map(json.dumps))
    printed = "".join(text.draw(st.lists(pieces, max_size=5)))

    assert redactor_of_fingerprints(*values)(printed) == redactor_of(*values)(printed)


@with_values_or_fingerprints
@given(value=secrets, text=texts)
def test_other_text_is_not_changed(redactor: Callable[..., Redactor], value: str, text: str) -> None:
    if not any(spelling in text for spelling in Values([value]).spellings):
        assert redactor(value)(text) == text


@with_values_or_fingerprints
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the password is abc1.", f"the password is {MARK}."),
        ("xabc1 abc12 abc1_ _abc1", "xabc1 abc12 abc1_ _abc1"),
        ('{"password": "abc1"}', f'{{"password": "{MARK}"}}'),
        ("password%3Dabc1%26user", f"password%3D{MARK}%26user"),
        ("a line\\nabc1\\n", f"a line\\n{MARK}\\n"),
        ("YWJjMQ==", f"{MARK}=="),
        ("the token YWJjMQ, and YWJjMQx", f"the token {MARK}, and YWJjMQx"),
    ],
)
def test_a_short_value_is_redacted_where_it_is_a_whole_word(
    redactor: Callable[..., Redactor], text: str, shown: str
) -> None:
    assert redactor("abc1")(text) == shown


@with_values_or_fingerprints
@pytest.mark.parametrize(
    ("values", "text", "shown"),
    [
        (["hunter22"], "hunter22 and hunter22", f"{MARK} and {MARK}"),
        (["hunter22"], "hunter22hunter22", MARK),
        (["hunter22", "22gather"], "a hunter22gather b", f"a {MARK} b"),
        (["hunter22", "hunter22-longer"], "a hunter22-longer b", f"a {MARK} b"),
        (["ababab"], "x abababab x", f"x {MARK} x"),
        (["", "   ", "hunter22"], "nothing of    it hunter22", f"nothing of    it {MARK}"),
    ],
)
def test_several_values_may_touch_and_overlap(
    redactor: Callable[..., Redactor], values: list[str], text: str, shown: str
) -> None:
    assert redactor(*values)(text) == shown


@with_values_or_fingerprints
def test_a_value_of_several_lines_is_redacted_line_by_line_and_when_it_is_wrapped(
    redactor: Callable[..., Redactor],
) -> None:
    hide = redactor(PEM)
    lines = PEM.splitlines()

    assert hide(f"a\n{PEM}b") == f"a\n{MARK}b"
    assert hide("a\n" + PEM.replace("\n", "\r\n") + "b") == f"a\n{MARK}\r\nb"
    assert MARK in hide(json.dumps(PEM))
    assert "MIIE" not in hide(json.dumps(PEM))
    for line in lines:
        assert hide(f"12:00:01 {line}") == f"12:00:01 {MARK if len(line) >= SHORT else line}"
    wrapped = base64.encodebytes(b"k" * 50 + PEM.encode()).decode()
    assert hide(wrapped).partition(MARK)[0] == base64.b64encode(b"k" * 50).decode()[:66]
    assert len(hide(wrapped)) < 80


@with_values_or_fingerprints
def test_the_items_of_a_list_are_redacted(redactor: Callable[..., Redactor]) -> None:
    assert redactor("first-one, second-one")("['first-one', 'second-one']") == f"['{MARK}', '{MARK}']"


@with_values_or_fingerprints
def test_a_very_long_value_is_redacted(redactor: Callable[..., Redactor]) -> None:
    value = "".join(chr(33 + 7 * number % 90) for number in range(4096)).replace("*", "x")
    assert redactor(value)(f"a {value} b {_base64(value)} c") == f"a {MARK} b {MARK} c"


@pytest.mark.parametrize("text", ["", "a", "a\nb"])
def test_every_text_is_redacted_when_the_secrets_cannot_be_read(text: str) -> None:
    assert Redactor([Everything()])(text) == (MARK if text else "")


def test_redactors_can_be_combined() -> None:
    hide = combined([NOTHING, redactor_of("hunter22"), redactor_of_fingerprints("gatherer")])
    assert hide("hunter22 gatherer") == f"{MARK} {MARK}"
    assert not combined([NOTHING, NOTHING])
    assert NOTHING("hunter22") == "hunter22"


def test_fingerprints_do_not_contain_the_value() -> None:
    text = json.dumps(fingerprints_of([PASSWORD, AWKWARD, "abc1"], KEY).as_json())
    for spelling in Values([PASSWORD, AWKWARD, "abc1"]).spellings:
        assert spelling not in text
