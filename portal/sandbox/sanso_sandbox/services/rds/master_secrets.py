"""The master user's secret that RDS manages: created with the cluster, rotated, and deleted with it."""

import json
import secrets
import uuid

from ministack.services import rds, secretsmanager

from sanso_sandbox.engine.registry import Record, here
from sanso_sandbox.services.rds import databases

LENGTH = 28
ROTATION_DAYS = 7  # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-secrets-manager.html


def password() -> str:
    """Return a password within RDS's rules: printable, without /, @, quotes and spaces."""
    return secrets.token_urlsafe(LENGTH)


def create(cluster: Record, user: str, key: str | None) -> str:
    """Store a new secret for a cluster and return the password; the cluster's record refers to the secret."""
    new_password = password()
    name = f"rds!cluster-{uuid.uuid4()}"
    arn, _version = secretsmanager._store_new_secret(
        name,
        secret_string=json.dumps({"username": user, "password": new_password}),
        description=f"Secret associated with primary RDS DB cluster: {cluster['DBClusterArn']}",
        tags=[
            {"Key": "aws:secretsmanager:owningService", "Value": "rds"},
            {"Key": "aws:rds:primaryDBClusterArn", "Value": cluster["DBClusterArn"]},
        ],
        kms_key_id=key,
    )
    secretsmanager._secrets[name].update(
        OwningService="rds", RotationEnabled=True, RotationRules={"AutomaticallyAfterDays": ROTATION_DAYS}
    )
    cluster["MasterUserSecret"] = {"SecretArn": arn, "SecretStatus": "active", "KmsKeyId": key}
    return new_password


def delete(cluster: Record) -> None:
    """Delete the cluster's secret, which RDS does without a recovery window."""
    secret_id = (cluster.pop("MasterUserSecret", None) or {}).get("SecretArn")
    key, secret = secretsmanager._resolve(secret_id) if secret_id else (None, None)
    if secret is not None:
        secretsmanager._purge_secret(key, secret)


def renew(secret: Record) -> None:
    """Set a new password for the cluster with this managed secret; other secrets are ignored."""
    cluster = next(
        (
            row
            for row in rds._clusters.values()
            if (row.get("MasterUserSecret") or {}).get("SecretArn") == secret["ARN"]
        ),
        None,
    )
    if cluster is None:
        return
    new_password = password()
    server = databases.get((here(), cluster["DBClusterIdentifier"]))
    if server is not None:
        server.set_password(cluster["MasterUsername"], new_password)
    _version_id, version = secretsmanager._find_stage_version(secret, "AWSCURRENT")
    version["SecretString"] = json.dumps({"username": cluster["MasterUsername"], "password": new_password})
    cluster["_MasterUserPassword"] = new_password
