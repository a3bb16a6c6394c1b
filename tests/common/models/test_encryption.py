"""Sealed values: readable with the current SECRET_KEY or a fallback, and with no other key."""

from __future__ import annotations

import pytest
from cryptography.fernet import InvalidToken
from pytest_django import Settings

from deployments.common.models.encryption import decrypt_values, encrypt_values, encrypted_names, renewed

VALUES = {"Password": "hunter22"}


def test_a_token_contains_no_value_and_can_be_unsealed() -> None:
    token = encrypt_values(VALUES)

    assert "hunter22" not in token
    assert decrypt_values(token) == VALUES


def test_no_values_are_an_empty_token() -> None:
    assert encrypt_values({}) == ""
    assert decrypt_values("") == {}


def test_a_token_of_an_earlier_key_can_be_unsealed_while_the_key_is_a_fallback(settings: Settings) -> None:
    token = encrypt_values(VALUES)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
    assert decrypt_values(token) == VALUES
    assert encrypted_names(token) == ["Password"]

    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(InvalidToken):
        decrypt_values(token)
    assert encrypted_names(token) == []


def test_a_renewed_token_no_longer_needs_the_fallback(settings: Settings) -> None:
    token = encrypt_values(VALUES)
    assert renewed(token) == token
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]

    fresh = renewed(token)
    settings.SECRET_KEY_FALLBACKS = []

    assert decrypt_values(fresh) == VALUES
    assert renewed(token) == token  # no key can decrypt it any more
