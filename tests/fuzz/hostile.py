"""Values that often cause errors: numbers out of range, texts that contain code, and unusual Unicode."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NUMBERS = (
    *("0", "-1", "1", "007", "1e3", "1e999", "-1e999", "1.5", "NaN", "Infinity", "-Infinity", "inf", "0x10"),
    *(
        "2147483648",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775809",
        "1" * 40,
        "9" * 5000,
    ),
    *("１２", "٣", "²", "½", "1_000", " 1", "1 ", "+1", "--1", "1-1", "-", "1,2"),
)
"""Texts of numbers: int() accepts some that no database does; isdigit() accepts some that int() does not."""
TEXTS = (
    *(
        "",
        " ",
        "\0",
        "a\0b",
        "\r\n",
        "\t",
        "\x1b[31m",
        "\x7f",
        "\ufeff",
        "\u2028",
        "\u202e",
        "\uffff",
        "ß",
        "İ",
    ),
    *("é", "e\u0301", "日本語", "👩‍👩‍👧", "\U0010ffff", "a" * 300, "あ" * 256, "x" * 70_000),
    *("'", '"', "`", "\\", "%", "%s", "%(name)s", "{0}", "{name!r}", "${x}", "{{ 1 }}", "{% load x %}"),
    *(
        "<script>",
        "</script>",
        "&",
        "&amp;",
        "'; DROP TABLE x; --",
        "%' OR '1'='1",
        "../../etc/passwd",
        "/",
        "//",
    ),
    *(
        "foo",
        ":",
        "javascript:alert(1)",
        "//example.com",
        "http://[",
        "http://[::1",
        "/\\example.com",
        "?",
        "#",
    ),
    *("null", "None", "true", "False", "[]", "{}", "__proto__", "$ref", "*", ".", "..", "-"),
    *("2026-02-30", "9999-12-31T23:59:59Z", "0001-01-01", "10000-01-01", "2026-11-26T25:00"),
)
numbers = st.sampled_from(NUMBERS) | st.integers().map(str)
texts = st.sampled_from(TEXTS) | numbers | st.text(max_size=20)
"""Texts without lone surrogates, which neither forms nor addresses can contain."""


def is_sent(text: str) -> bool:
    """Return whether a server accepts a header: it is short and has no control characters."""
    return text.isprintable() and len(text) < 4000


header_texts = texts.filter(is_sent).map(lambda text: text.encode().decode("latin-1"))
"""Texts in headers: bytes that a server decodes as Latin-1."""

plain_values: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**80), 2**80)
    | st.floats()
    | texts
    | st.sampled_from((0, -1, 1, 10**400, float("inf"), float("nan"), "\ud800"))
)
json_values: st.SearchStrategy[Any] = st.recursive(
    plain_values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
"""Any value that Python's json writes and reads, including NaN, infinities and lone surrogates."""


@st.composite
def mutated(draw: st.DrawFn, document: Any, junk: st.SearchStrategy[Any] = json_values) -> Any:
    """Return a copy of a document in which a few values are replaced, removed or added, at any depth."""
    found = _copy(document)
    for _ in range(draw(st.integers(1, 3))):
        found = _with_fault(draw, found, junk)
    return found


def _with_fault(draw: st.DrawFn, value: Any, junk: st.SearchStrategy[Any]) -> Any:
    if isinstance(value, dict | list) and value and draw(st.integers(0, 11)):
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = draw(st.sampled_from(keys))
        what = draw(st.integers(0, 11))
        if what == 0:
            del value[key]
        elif what == 1 and isinstance(value, dict):
            value[draw(texts)] = draw(junk)
        else:
            value[key] = _with_fault(draw, value[key], junk)
        return value
    return draw(_of_its_kind(value)) if draw(st.booleans()) else draw(junk)


def _of_its_kind(value: Any) -> st.SearchStrategy[Any]:
    """Return other values of the same type, which pass more checks than junk does."""
    if isinstance(value, bool):
        return st.just(not value)
    if isinstance(value, str):
        return texts | st.just(value[: len(value) // 2]) | st.just(value * 2)
    if isinstance(value, int | float):
        return st.integers(-3, 100_000) | st.just(value + 1) | st.just(value * 1000)
    if isinstance(value, list):
        return st.sampled_from((value[::-1], value + value, value[1:], []))
    return st.sampled_from((None, {}, [], "", 0, False))


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
