"""Secrets: their length, and whether earlier keys are still needed."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError

from deployments.common.models import encrypted_columns
from deployments.common.models.encrypted_columns import EncryptedCount
from portal.doctor.finding import Finding, ok, problem, warning

KEY_LENGTH, TOKEN_LENGTH = 50, 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFacts:
    """Lengths of the secrets in the settings (0: not set), and the keys of values in the database."""

    key_length: int
    token_length: int
    fallbacks: int
    sealed: EncryptedCount | None


def read() -> SecretFacts:
    """Return the facts about the secrets of the settings and those in the database."""
    try:
        sealed = encrypted_columns.count()
    except DatabaseError:
        sealed = None
    return SecretFacts(
        key_length=len(settings.SECRET_KEY),
        token_length=len(settings.SANSO_METRICS_TOKEN),
        fallbacks=len(settings.SECRET_KEY_FALLBACKS),
        sealed=sealed,
    )


def judge(facts: SecretFacts) -> list[Finding]:
    """Return the findings about secrets that are weak, old, or unreadable."""
    findings = [*_lengths(facts), *_encrypted(facts.sealed), *_fallbacks(facts)]
    return findings or [ok("secrets", "The secrets are long enough, and no earlier key is set.")]


def _lengths(facts: SecretFacts) -> list[Finding]:
    findings = []
    if facts.key_length < KEY_LENGTH:
        findings.append(
            problem(
                "secret key",
                f"SECRET_KEY has {facts.key_length} characters.",
                f"Change it to one of at least {KEY_LENGTH} (docs/production.md, Change SECRET_KEY).",
            )
        )
    if 0 < facts.token_length < TOKEN_LENGTH:
        findings.append(
            problem(
                "metrics token",
                f"SANSO_METRICS_TOKEN has {facts.token_length} characters.",
                f"Change it to one of at least {TOKEN_LENGTH} random characters.",
            )
        )
    return findings


def _encrypted(sealed: EncryptedCount | None) -> list[Finding]:
    if sealed is None or not sealed.unreadable:
        return []
    return [
        problem(
            "stored secrets",
            f"No key opens {sealed.unreadable} secrets in the database.",
            "Add the key that they were encrypted with to SECRET_KEY_FALLBACKS, or enter the secrets again.",
        )
    ]


def _fallbacks(facts: SecretFacts) -> list[Finding]:
    if not facts.fallbacks or facts.sealed is None:
        return []
    if facts.sealed.old:
        return [
            warning(
                "earlier keys",
                f"Only an earlier key opens {facts.sealed.old} secrets in the database.",
                "Run manage.py reseal; remove SECRET_KEY_FALLBACKS when all have logged in again (8 hours).",
            )
        ]
    return [
        warning(
            "earlier keys",
            "SECRET_KEY_FALLBACKS is set, and no secret in the database needs it.",
            "Remove it once all have logged in again: 8 hours after the change of SECRET_KEY.",
        )
    ]
