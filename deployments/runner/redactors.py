"""What is known of an environment's secret values, to remove them from all that AWS says of it.

While a deployment is under way these are the NoEcho values themselves; when it has ended only fingerprints
are left, as long as the environment exists (docs/adr/0011).
"""

from __future__ import annotations

import json
import logging
import secrets
from functools import lru_cache

from cryptography.fernet import InvalidToken

from deployments.core.fingerprints import KEY_BYTES, Fingerprints, fingerprints_of, read_fingerprints
from deployments.core.redaction import NOTHING, Everything, Redactor, Values, combined
from deployments.models import Deployment, Environment
from deployments.models.sealed import decrypt, encrypt, unseal

log = logging.getLogger(__name__)


def of_deployment(deployment: Deployment) -> Redactor:
    """Return what removes the deployment's NoEcho values, and those of its environment."""
    return combined([_of_values(deployment), _of_fingerprints(deployment.environment)])


def of_environment(environment: Environment) -> Redactor:
    """Return what removes the environment's NoEcho values; `latest` should have been selected with it."""
    latest = environment.latest
    return combined([_of_values(latest) if latest else NOTHING, _of_fingerprints(environment)])


def _of_values(deployment: Deployment) -> Redactor:
    if not deployment.sealed_parameters:
        return NOTHING
    try:
        values = unseal(deployment.sealed_parameters)
    except InvalidToken:
        # It ends in the usual way, but without its texts: they may show what cannot be recognized any more.
        _warn_once(f"deployment {deployment.pk}", "texts from AWS are withheld")
        return Redactor([Everything()])
    return Redactor([Values(values.values())])


def _of_fingerprints(environment: Environment) -> Redactor:
    if not environment.secret_fingerprints:
        return NOTHING
    try:
        return Redactor(_read(environment.secret_fingerprints))
    except InvalidToken:
        _warn_once(f"environment {environment.pk}", "NoEcho values that are printed now are shown")
        return NOTHING


def fingerprints_after(deployment: Deployment) -> str:
    """Return the fingerprints to keep of a deployment's NoEcho values once these are cleared, encrypted.

    Those that the environment has already stay: what was configured with an earlier value may print it.
    """
    kept = deployment.environment.secret_fingerprints
    try:
        values = unseal(deployment.sealed_parameters).values()
    except InvalidToken:
        return kept
    if not any(values):
        return kept
    made = fingerprints_of(values, secrets.token_bytes(KEY_BYTES))
    try:
        known = _read(kept) if kept else []
    except InvalidToken:
        known = []
    return encrypt(json.dumps([one.as_json() for one in (*known, made)]))


def _read(token: str) -> list[Fingerprints]:
    return [read_fingerprints(one) for one in json.loads(decrypt(token))]


@lru_cache(maxsize=1024)
def _warn_once(what: str, consequence: str) -> None:
    log.warning(
        "%s: its NoEcho values cannot be decrypted, SECRET_KEY was changed without SECRET_KEY_FALLBACKS; %s",
        what,
        consequence,
    )
