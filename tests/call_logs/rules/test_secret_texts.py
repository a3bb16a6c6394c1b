"""Credentials within texts are recognized by their form or the word before them; reasons stay readable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.call_logs.rules.secret_texts import without_credentials

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
