"""Every message code has a text in every language, and sentences from before codes are rewritten."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.common.rules.stored_messages import read_message
from deployments.common.texts import message_text, stored_text
from deployments.common.texts.message_texts import MESSAGES
from deployments.failures.rules.catalogue import CATALOGUE
from deployments.failures.texts import CAUSES
from deployments.migrations._message_codes import CODES, with_codes
from portal.translations import catalogs, read_catalog

LANGUAGES = [code for code, _name in settings.LANGUAGES]
RECORDED = sorted((settings.BASE_DIR / "deployments" / "deployment_pages" / "recorded").glob("*.json"))
KEYS = st.sampled_from(["code", "params", "request_id", "values"])
PLACEHOLDERS = re.compile(r"%\((\w+)\)s")


def params(code: Code) -> dict[str, str]:
    """Return values for a text's placeholders; a time is stored in ISO format and displayed in another."""
    values = {name: f"<{name}>" for name in PLACEHOLDERS.findall(MESSAGES[code])}
    return values | ({"until": "2026-11-27T09:30:00+00:00"} if "until" in values else {})


def test_every_code_has_a_text_and_every_text_a_code() -> None:
    assert set(MESSAGES) == set(Code)
    assert set(CAUSES) == {cause.code for cause in CATALOGUE}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", list(Code))
def test_the_text_of_a_message_contains_all_its_values(code: Code, language: str) -> None:
    values = params(code)
    with translation.override(language):
        text = message_text(Message(code, values))

    assert text
    assert "%(" not in text
    values |= {"until": "2026-11-27"} if "until" in values else {}
    assert all(value in text for value in values.values())


@pytest.mark.parametrize("catalog", list(catalogs(settings.LOCALE_PATHS)), ids=lambda path: path.parts[-3])
def test_every_sentence_is_translated(catalog: Path) -> None:
    translated = {message.id for message in read_catalog(catalog) if message.string}
    texts = {text for text in MESSAGES.values() if PLACEHOLDERS.sub("", text).strip(" :().")}

    assert texts - translated == set()


@pytest.mark.parametrize("sentence", list(CODES))
def test_a_sentence_from_before_codes_is_rewritten_to_a_message_with_its_values(sentence: str) -> None:
    values = {name: f"<{name}>" for name in PLACEHOLDERS.findall(sentence)}
    text = stored_text(with_codes({"template": sentence, "values": values}))

    assert "%(" not in text
    shown = {
        name: value for name, value in values.items() if f"%({name})s" in MESSAGES[Code(CODES[sentence])]
    }
    assert all(value in text for value in shown.values())


def test_a_sentence_without_a_code_stays_as_it_is() -> None:
    stored = {"sentence": {"template": "It took %(count)s s.", "values": {"count": 3}, "request_id": "r-1"}}

    (kept,) = with_codes([stored])

    assert stored_text(kept["sentence"]) == "It took 3 s."
    assert kept["sentence"]["request_id"] == "r-1"


def messages_in(value: Any) -> list[dict[str, Any]]:
    """Return every message in a recording, wherever it is."""
    if isinstance(value, dict):
        own = [value] if "code" in value and "params" in value else []
        return own + [found for inner in value.values() for found in messages_in(inner)]
    if isinstance(value, list):
        return [found for inner in value for found in messages_in(inner)]
    return []


@pytest.mark.parametrize("recording", RECORDED, ids=lambda path: path.stem)
def test_every_message_of_a_bundled_recording_is_known(recording: Path) -> None:
    for message in messages_in(json.loads(recording.read_text())):
        assert read_message(message) is not None, message
        assert "%(" not in stored_text(message)


def test_an_unknown_code_is_rendered_as_it_is() -> None:
    assert stored_text({"code": "of_tomorrow", "params": {"where": "web"}}) == "of_tomorrow where=web"


def test_a_row_without_a_message_has_its_stored_text() -> None:
    assert stored_text({}, "as AWS said it") == "as AWS said it"
    assert stored_text(None) == ""


@given(st.sampled_from(list(Code)), st.text(max_size=40), st.uuids())
def test_a_message_can_be_stored_in_a_row_and_read_again(code: Code, value: str, request_id: object) -> None:
    message = Message(code, dict.fromkeys(params(code), value), str(request_id))

    assert read_message(json.loads(json.dumps(message.as_json()))) == message


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.text(), lambda inner: st.dictionaries(st.text() | KEYS, inner)
)


@given(st.dictionaries(st.text() | KEYS, ANYTHING))
def test_any_dictionary_in_a_recording_has_a_text(stored: dict[str, Any]) -> None:
    assert isinstance(stored_text(stored), str)
