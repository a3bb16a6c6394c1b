"""Identity providers: whether their configuration is readable and matches the settings."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import requests
from cryptography import x509
from django.conf import settings

from deployments.administration.shared.oidc_providers import all_providers
from portal.doctor.finding import Finding, ok, problem, warning

TIMEOUT = 5
SOON = timedelta(days=30)
_NS = {"md": "urn:oasis:names:tc:SAML:2.0:metadata", "ds": "http://www.w3.org/2000/09/xmldsig#"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcFacts:
    """A provider of the settings, and the issuer in its configuration; or why it cannot be read."""

    name: str
    issuer: str
    found: str = ""
    error: str = ""
    has_secret: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SamlFacts:
    """The content of the provider's metadata; or why it cannot be read."""

    entity_id: str = ""
    has_login: bool = False
    certificates_until: Sequence[datetime] = ()
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInFacts:
    """The configured providers. `saml` is None without one."""

    oidc: Sequence[OidcFacts] = ()
    saml: SamlFacts | None = None


def read() -> SignInFacts:
    """Return the facts about the providers. One request to each OpenID Connect provider."""
    metadata = settings.SANSO_SAML_IDP_METADATA
    return SignInFacts(
        oidc=[_of(one.name, one.issuer, bool(one.client_secret)) for one in all_providers()],
        saml=read_metadata(metadata) if metadata else None,
    )


def read_metadata(text: str) -> SamlFacts:
    """Return the facts about the metadata of a SAML provider."""
    try:
        tree = ElementTree.fromstring(text)  # noqa: S314  # a file of the administrator
        found = tree.iterfind(".//md:IDPSSODescriptor/md:KeyDescriptor", _NS)
        signing = [one for one in found if one.get("use") != "encryption"]
        texts = [one.findtext(".//ds:X509Certificate", "", _NS) for one in signing]
        certificates = [x509.load_der_x509_certificate(base64.b64decode(one)) for one in texts]
    except (ElementTree.ParseError, ValueError) as exc:
        return SamlFacts(error=str(exc)[:200])
    entities = [one for one in tree.iter() if one.tag == f"{{{_NS['md']}}}EntityDescriptor"]
    return SamlFacts(
        entity_id=entities[0].get("entityID", "") if entities else "",
        has_login=tree.find(".//md:IDPSSODescriptor/md:SingleSignOnService", _NS) is not None,
        certificates_until=[one.not_valid_after_utc for one in certificates],
    )


def judge(facts: SignInFacts) -> list[Finding]:
    """Return the findings about each provider; none without providers."""
    findings = [_judge_oidc(one) for one in facts.oidc]
    if facts.saml is not None:
        findings.append(_judge_saml(facts.saml, datetime.now(UTC)))
    return findings


def _of(name: str, issuer: str, has_secret: bool) -> OidcFacts:
    try:
        response = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=TIMEOUT)
        response.raise_for_status()
        found = response.json()["issuer"]
    except (requests.RequestException, ValueError, KeyError, TypeError) as exc:
        return OidcFacts(name=name, issuer=issuer, error=type(exc).__name__, has_secret=has_secret)
    return OidcFacts(name=name, issuer=issuer, found=str(found), has_secret=has_secret)


def _judge_oidc(facts: OidcFacts) -> Finding:
    check = f"identity provider {facts.name}"
    if facts.error:
        return problem(
            check,
            f"{facts.issuer} does not answer as an OpenID Connect provider: {facts.error}.",
            "Check the issuer's URL, and that this machine can reach it.",
        )
    if facts.found != facts.issuer:
        return problem(
            check,
            f"The configuration names the issuer {facts.found}, the settings {facts.issuer}.",
            "Set the issuer exactly as the provider names it, also with or without a slash at the end.",
        )
    if not facts.has_secret:
        return problem(check, "The client has no secret.", "Set the client's secret, or the file with it.")
    return ok(check, "The provider's configuration fits the settings.")


def _judge_saml(facts: SamlFacts, now: datetime) -> Finding:
    check, fix = (
        "SAML provider",
        "Get the metadata again from the provider's administrator (docs/sign-in.md).",
    )
    if facts.error:
        return problem(check, f"The metadata cannot be read: {facts.error}.", fix)
    if not facts.entity_id or not facts.has_login or not facts.certificates_until:
        return problem(check, "The metadata lacks the entity id, the login URL or the certificate.", fix)
    latest = max(facts.certificates_until)
    if latest < now + SOON:
        return warning(check, f"The certificate in the metadata ends on {latest:%Y-%m-%d}.", fix)
    return ok(check, "The metadata names the provider, its login URL and its certificate.")
