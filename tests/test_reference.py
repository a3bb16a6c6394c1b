"""The references of the API and of the command line are up to date."""

from __future__ import annotations

import json

from tests.reference import API_FILE, COMMAND_LINE_FILE, DOCUMENT, api_reference, command_line_reference


def test_the_reference_of_the_api_is_that_of_its_document() -> None:
    """Run `make reference` after a change. Tests in tests/api compare the document with the code."""
    assert API_FILE.read_text() == api_reference(json.loads(DOCUMENT.read_text()))


def test_the_reference_of_the_command_line_is_that_of_its_commands() -> None:
    assert COMMAND_LINE_FILE.read_text() == command_line_reference()
