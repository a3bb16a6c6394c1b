"""Sealed values: readable with the current SECRET_KEY or a fallback, and with no other key."""

from __future__ import annotations

import pytest
from cryptography.fernet import InvalidToken
from pytest_django import Settings

from deployments.models.sealed import renewed, seal, unseal

VALUES = {"Password": "hunter22"}


def test_a_token_contains_no_value_and_can_be_unsealed() -> None:
    token = seal(VALUES)

    assert "hunter22" not in token
    assert unseal(token) == VALUES


def test_no_values_are_an_empty_token() -> None:
    assert seal({}) == ""
    assert unseal("") == {}


def test_a_token_of_an_earlier_key_can_be_unsealed_while_the_key_is_a_fallback(settings: Settings) -> None:
    token = seal(VALUES)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
    assert unseal(token) == VALUES

    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(InvalidToken):
        unseal(token)


def test_a_renewed_token_no_longer_needs_the_fallback(settings: Settings) -> None:
    token = seal(VALUES)
    assert renewed(token) == token
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]

    fresh = renewed(token)
    settings.SECRET_KEY_FALLBACKS = []

    assert unseal(fresh) == VALUES
    assert renewed(token) == token  # no key can decrypt it any more
