"""Secrets Manager: secrets that RDS manages are rotated with their database."""

from ministack.services import secretsmanager

from portal.sandbox.engine.registry import Answer, Record
from portal.sandbox.services.rds import master_secrets

_engine_rotate = secretsmanager._rotate_secret


def install() -> None:
    """Put the rotation in place."""
    secretsmanager._rotate_secret = _rotate


def _rotate(request: Record) -> Answer:
    """A secret that RDS manages gets a new password, and so does the database, before the answer."""
    answer: Answer = _engine_rotate(request)
    _key, secret = secretsmanager._resolve(request.get("SecretId"))
    if answer[0] == 200 and secret is not None:
        master_secrets.renew(secret)
    return answer
