"""Credentials within texts are recognized by their form or the word before them; reasons stay readable."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.call_logs.rules import secret_texts
from deployments.call_logs.rules.secret_texts import without_credentials
from deployments.common.rules import log_redaction

ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~!@#$%^*+/="
SECRETS = st.text(ALPHABET, min_size=8, max_size=40).map(lambda text: f"Zx9{text}")
PLACES = (
    "password={}",
    "password: {}",
    "PASSWORD='{}'",
    '{{"db_password": "{}"}}',
    "--master-user-password {} --engine mysql",
    "-e DB_PASSWORD={}",
    "the secret is {}",
    "token '{}' is not valid",
    "Authorization: Bearer {}",
    "authorization=Basic {}",
    "Set-Cookie: session={}; Path=/",
    "aws_secret_access_key = {}",
    "x-api-key: {}",
    "CREATE USER 'app' IDENTIFIED BY '{}'",
    "ALTER USER x IDENTIFIED WITH mysql_native_password BY '{}'",
    "mysql -h db -u root -p{} shop",
    "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=y, Signature={}",
    "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----",
    "-----BEGIN OPENSSH PRIVATE KEY-----\n{}",
    "ghp_{0}{0}",
)


@pytest.mark.parametrize("place", PLACES)
@given(st.text("abcdefXYZ0123456789", min_size=16, max_size=30))
def test_a_credential_is_removed_from_any_of_these_places(place: str, secret: str) -> None:
    assert secret not in without_credentials(f"Failed: {place.format(secret)}")


@pytest.mark.parametrize("place", ["password={}", "secret: '{}'", '{{"token": "{}"}}', "Authorization: {}"])
@given(SECRETS)
def test_a_credential_with_special_characters_is_removed(place: str, secret: str) -> None:
    assert secret not in without_credentials(place.format(secret))


@pytest.mark.parametrize(
    "text",
    [
        "Resource creation Initiated",
        "The following resource(s) failed to create: [Cluster, Writer].",
        "Resource handler returned message: \"The subnet ID 'subnet-1' does not exist (Status 400)\"",
        "User: arn:aws:sts::123456789012:assumed-role/x/y is not authorized to perform: rds:CreateDBCluster",
        "Rate exceeded",
        "CREATE_COMPLETE",
        "2026-12-01T10:00:00.123Z",
        "sanso-shop-AppServersStack-1ABCDEFGHIJKL-ConfigurationFunction-AbCdEfGhIjKl",
        "db.t4g.medium is not available in ap-northeast-1a",
    ],
)
def test_a_reason_stays_as_it_is(text: str) -> None:
    assert without_credentials(text) == text


@given(
    st.sampled_from(PLACES),
    SECRETS,
    st.randoms(use_true_random=False),
    st.sampled_from(["", "é", "ſ", "\u212a"]),
)
def test_the_words_that_are_searched_first_hide_no_match(
    place: str, secret: str, random: Random, more: str
) -> None:
    """ "ſ" and the sign for kelvin are letters of ASCII to patterns that ignore case."""
    text = "".join(random.choice((one.lower(), one.upper(), one)) for one in place.format(secret))
    text = f"{text.replace('s', more) if more == 'ſ' else text} {more}"

    found = without_credentials(text)

    with pytest.MonkeyPatch.context() as patch:
        for module in (secret_texts, log_redaction):
            patch.setattr(module, "may_have", lambda *_: True)
        assert found == without_credentials(text)
