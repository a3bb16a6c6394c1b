"""Redactors that remove an environment's secret values from AWS's responses.

While a deployment is in progress, they use the NoEcho values themselves; after its end, they use fingerprints
as long as the environment exists (docs/adr/0011).
"""

from __future__ import annotations

import json
import logging
import secrets
from functools import lru_cache

from cryptography.fernet import InvalidToken

from deployments.common.models.encryption import decrypt, decrypt_values, encrypt
from deployments.common.rules.fingerprints import KEY_BYTES, Fingerprints, fingerprints_of, read_fingerprints
from deployments.common.rules.redaction import NOTHING, Everything, Redactor, Values, combined
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment

log = logging.getLogger(__name__)


def of_deployment(deployment: Deployment) -> Redactor:
    """Return a redactor of the NoEcho values of the deployment and of its environment."""
    return combined([_of_values(deployment), _of_fingerprints(deployment.environment)])


def of_environment(environment: Environment) -> Redactor:
    """Return a redactor of the environment's NoEcho values; select `latest` with it."""
    latest = environment.latest
    return combined([_of_values(latest) if latest else NOTHING, _of_fingerprints(environment)])


def _of_values(deployment: Deployment) -> Redactor:
    if not deployment.sealed_parameters:
        return NOTHING
    try:
        values = decrypt_values(deployment.sealed_parameters)
    except InvalidToken:
        # The deployment continues, but without AWS's texts: they may contain values that cannot be
        # recognized.
        _warn_once(f"deployment {deployment.pk}", "texts from AWS are withheld")
        return Redactor([Everything()])
    return Redactor([Values(values.values())])


def _of_fingerprints(environment: Environment) -> Redactor:
    if not environment.secret_fingerprints:
        return NOTHING
    try:
        return Redactor(_read(environment.secret_fingerprints))
    except InvalidToken:
        _warn_once(f"environment {environment.pk}", "NoEcho values in texts from AWS are not masked")
        return NOTHING


def fingerprints_after(deployment: Deployment) -> str:
    """Return the encrypted fingerprints to store when a deployment's NoEcho values are deleted.

    They include the environment's existing ones: servers may still print an earlier value.
    """
    stored = deployment.environment.secret_fingerprints
    try:
        values = decrypt_values(deployment.sealed_parameters).values()
    except InvalidToken:
        return stored
    if not any(values):
        return stored
    new = fingerprints_of(values, secrets.token_bytes(KEY_BYTES))
    try:
        known = _read(stored) if stored else []
    except InvalidToken:
        known = []
    return encrypt(json.dumps([one.as_json() for one in (*known, new)]))


def _read(token: str) -> list[Fingerprints]:
    return [read_fingerprints(one) for one in json.loads(decrypt(token))]


@lru_cache(maxsize=1024)
def _warn_once(what: str, consequence: str) -> None:
    log.warning(
        "%s: its NoEcho values cannot be decrypted, SECRET_KEY was changed without SECRET_KEY_FALLBACKS; %s",
        what,
        consequence,
    )
