"""Secrets Manager: secrets known by their ARN, generated passwords, managed ones really rotated."""

import json
from typing import Any

from ministack.services import secretsmanager
from ministack.services.cloudformation import provisioners

from portal.sandbox.engine.registry import (
    Answer,
    Created,
    Properties,
    Record,
    changed,
    handler,
    provide,
    replace,
)
from portal.sandbox.services.rds import master_secrets

TYPE = "AWS::SecretsManager::Secret"

_engine = dict(handler(TYPE))
_engine_rotate = secretsmanager._rotate_secret


def install() -> None:
    """Put the resource type and the rotation in place."""
    provide(TYPE, _create, _delete, _update)
    provisioners._sm_secret_string = _secret_string
    secretsmanager._rotate_secret = _rotate


def name_of(secret_id: str) -> str:
    """Return the name of a secret given by ARN or name; the given name when there is none."""
    _key, secret = secretsmanager._resolve(secret_id)
    return str(secret["Name"]) if secret else secret_id


def _create(logical_id: str, properties: Properties, stack: str) -> Created:
    """Ref and Id are the ARN (aws-resource-secretsmanager-secret)."""
    name = properties.get("Name") or provisioners._physical_name(stack, logical_id)
    if name in secretsmanager._secrets:
        raise ValueError(f"The operation failed because the secret {name} already exists.")
    _name, attributes = _engine["create"](logical_id, properties, stack)
    return attributes["Id"], attributes


def _update(physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Created:
    name = name_of(physical_id)
    if name not in secretsmanager._secrets or changed(old, new, "Name"):
        return replace(_create, _delete, physical_id, old, new, stack, logical_id)
    # The record keeps the name it was given or generated, so that MiniStack does not see a rename.
    _name, attributes = _engine["update"](
        name, {**old, "Name": name}, {**new, "Name": name}, stack, logical_id
    )
    return attributes["Id"], attributes


def _delete(physical_id: str, properties: Properties) -> None:
    _engine["delete"](name_of(physical_id), properties)


def _secret_string(properties: Properties) -> str:
    """The value a template declares, or a generated password with the alphabet it declares.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference (GenerateSecretString)
    """
    wanted = properties.get("GenerateSecretString")
    if properties.get("SecretString") or not wanted:
        return str(properties.get("SecretString") or "")
    options: Record = {}
    for key, part in wanted.items():
        options[key] = (
            str(part).lower() == "true" if key.startswith(("Exclude", "Include", "Require")) else part
        )
    if "ExcludeCharacters" in wanted:
        options["ExcludeCharacters"] = str(wanted["ExcludeCharacters"])
    options["PasswordLength"] = int(wanted.get("PasswordLength", 32))
    status, _headers, body = secretsmanager._get_random_password(options)
    answer: Any = json.loads(body)
    if status != 200:
        raise ValueError(
            answer.get("message") or answer.get("Message") or "The password could not be generated."
        )
    password = str(answer["RandomPassword"])
    if not wanted.get("SecretStringTemplate"):
        return password
    content = json.loads(wanted["SecretStringTemplate"])
    content[wanted.get("GenerateStringKey", "password")] = password
    return json.dumps(content)


def _rotate(request: Record) -> Answer:
    """A secret that RDS manages gets a new password, and so does the database, before the answer."""
    answer: Answer = _engine_rotate(request)
    _key, secret = secretsmanager._resolve(request.get("SecretId"))
    if answer[0] == 200 and secret is not None:
        master_secrets.renew(secret)
    return answer
