"""Ref of a secret in a template is its name and not its ARN (MiniStack 1.5.33).

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html
"""

from ministack.services import secretsmanager
from ministack.services.cloudformation import provisioners

from sanso_sandbox.engine.registry import (
    Created,
    Properties,
    changed,
    handler,
    provide,
    replace,
)

TYPE = "AWS::SecretsManager::Secret"

_engine = dict(handler(TYPE))


def install() -> None:
    """Install the resource type."""
    provide(TYPE, _create, _delete, _update)


def _name_of(secret_id: str) -> str:
    """Return the name of a secret given by ARN or name, or the given name when there is no such secret."""
    _key, secret = secretsmanager._resolve(secret_id)
    return str(secret["Name"]) if secret else secret_id


def _create(logical_id: str, properties: Properties, stack: str) -> Created:
    name = properties.get("Name") or provisioners._physical_name(stack, logical_id)
    if name in secretsmanager._secrets:
        raise ValueError(f"The operation failed because the secret {name} already exists.")
    _name, attributes = _engine["create"](logical_id, properties, stack)
    return attributes["Id"], attributes


def _update(physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Created:
    name = _name_of(physical_id)
    if name not in secretsmanager._secrets or changed(old, new, "Name"):
        return replace(_create, _delete, physical_id, old, new, stack, logical_id)
    # The record keeps its given or generated name, so that MiniStack does not detect a rename.
    _name, attributes = _engine["update"](
        name, {**old, "Name": name}, {**new, "Name": name}, stack, logical_id
    )
    return attributes["Id"], attributes


def _delete(physical_id: str, properties: Properties) -> None:
    _engine["delete"](_name_of(physical_id), properties)
