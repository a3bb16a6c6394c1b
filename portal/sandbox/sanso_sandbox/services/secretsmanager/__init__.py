"""Secrets Manager: secrets that RDS manages are rotated together with their database's password."""

import json
import time

from ministack.services import secretsmanager

from sanso_sandbox.engine.registry import Answer, Record
from sanso_sandbox.services.rds import master_secrets

_engine_rotate = secretsmanager._rotate_secret
_engine_describe = secretsmanager._describe_secret


def install() -> None:
    """Install the rotation, and its time in descriptions."""
    secretsmanager._rotate_secret = _rotate
    secretsmanager._describe_secret = _describe


def _rotate(request: Record) -> Answer:
    """Set a new password in a secret that RDS manages, and in the database, before the response."""
    answer: Answer = _engine_rotate(request)
    _key, secret = secretsmanager._resolve(request.get("SecretId"))
    if answer[0] == 200 and secret is not None:
        secret["LastRotatedDate"] = int(time.time())
        master_secrets.renew(secret)
    return answer


def _describe(request: Record) -> Answer:
    """Add what MiniStack leaves out of a description: the owner of a secret, and its last rotation."""
    status, headers, body = _engine_describe(request)
    _key, secret = secretsmanager._resolve(request.get("SecretId"))
    if status == 200 and secret is not None:
        more = {name: secret[name] for name in ("OwningService", "LastRotatedDate") if name in secret}
        body = json.dumps(json.loads(body) | more).encode()
    return status, headers, body
