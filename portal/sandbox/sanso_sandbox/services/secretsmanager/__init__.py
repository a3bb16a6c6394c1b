"""Secrets Manager: secrets that RDS manages are rotated together with their database's password."""

from ministack.services import secretsmanager

from sanso_sandbox.engine.registry import Answer, Record
from sanso_sandbox.services.rds import master_secrets

_engine_rotate = secretsmanager._rotate_secret


def install() -> None:
    """Install the rotation."""
    secretsmanager._rotate_secret = _rotate


def _rotate(request: Record) -> Answer:
    """Set a new password in a secret that RDS manages, and in the database, before the response."""
    answer: Answer = _engine_rotate(request)
    _key, secret = secretsmanager._resolve(request.get("SecretId"))
    if answer[0] == 200 and secret is not None:
        master_secrets.renew(secret)
    return answer
