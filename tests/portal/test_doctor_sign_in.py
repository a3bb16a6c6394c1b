"""Findings of `manage.py doctor` about identity providers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings

from portal.doctor import sign_in
from portal.doctor.finding import FindingStatus
from portal.doctor.sign_in import OidcFacts, SamlFacts, SignInFacts
from tests.portal.saml_provider import ENTITY, SamlIdp
from tests.services import free_port

ISSUER = "https://id.example.com"
LATER = datetime.now(UTC) + timedelta(days=400)


@pytest.mark.parametrize(
    ("facts", "status", "text"),
    [
        (OidcFacts(name="x", issuer=ISSUER, found=ISSUER), FindingStatus.OK, "fits"),
        (OidcFacts(name="x", issuer=ISSUER, found=f"{ISSUER}/"), FindingStatus.PROBLEM, "names the issuer"),
        (OidcFacts(name="x", issuer=ISSUER, error="Timeout"), FindingStatus.PROBLEM, "does not answer"),
        (
            OidcFacts(name="x", issuer=ISSUER, found=ISSUER, has_secret=False),
            FindingStatus.PROBLEM,
            "no secret",
        ),
    ],
)
def test_a_provider_is_judged(facts: OidcFacts, status: FindingStatus, text: str) -> None:
    (found,) = sign_in.judge(SignInFacts(oidc=[facts]))

    assert found.status is status
    assert text in found.text


def test_metadata_is_judged() -> None:
    facts = sign_in.read_metadata(SamlIdp().metadata())
    assert (facts.entity_id, facts.has_login) == (ENTITY, True)
    for one, text in (
        (facts, "ends on"),  # tomorrow
        (SamlFacts(entity_id=ENTITY, has_login=True, certificates_until=[LATER]), "its certificate."),
        (SamlFacts(entity_id=ENTITY, has_login=True), "lacks"),
        (sign_in.read_metadata("<x"), "cannot be read"),
    ):
        assert text in sign_in.judge(SignInFacts(saml=one))[0].text


def test_a_provider_that_does_not_answer_is_found(settings: Settings) -> None:
    settings.SANSO_OIDC_ISSUER = f"http://127.0.0.1:{free_port()}"

    assert sign_in.read().oidc[0].error == "ConnectionError"


def test_without_a_provider_nothing_is_said() -> None:
    assert sign_in.judge(sign_in.read()) == []
