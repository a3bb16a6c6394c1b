"""The decoding of escapes: every character of the result knows its place in the original."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.common.rules.escapes import decoded


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a%2Fb%C3%A9", "a/bé"),
        ("\\x68\\xc3\\xa9", "hé"),
        ("%FF%41", "ÿA"),
        ("\\u00e9\\ud83d\\ude00", "é😀"),
        ("\\u{1F600}\\U0001F600", "😀😀"),
        ("&lt;&#104;&#x68;&amp;", "<hh&"),
        ('say \\"hi\\" \\\\ \\/', 'say "hi" \\ /'),
        ("a\\ b\\'c", "a b'c"),
        ("\\u{110000}", "\ufffd"),
    ],
)
def test_escapes_are_decoded(text: str, plain: str) -> None:
    found = decoded(text)

    assert found is not None
    assert found.text == plain


@pytest.mark.parametrize("text", ["", "plain", "100 % of it", "a\\nb", "%zz", "\\x6", "&unknown;"])
def test_a_text_without_escapes_is_not_decoded(text: str) -> None:
    assert decoded(text) is None


@given(st.text('a%\\xu&#;{}0123456789ABCDEFdn/" é😀', max_size=60))
def test_the_places_of_all_characters_cover_the_original(text: str) -> None:
    found = decoded(text)
    if found is None:
        return
    starts = dict(found.offsets)
    at = 0
    for here in range(len(found.text)):
        at = starts.get(here, at)
        assert 0 <= at < len(text)
        at += found.widths.get(here, 1)
    assert at == len(text)
