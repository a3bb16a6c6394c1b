"""Values of properties before and after a change, in the format of change sets with IncludePropertyValues."""

import json
from collections.abc import Mapping
from typing import Any, Final

from sanso_sandbox.engine.cloudformation.placeholders import MASK
from sanso_sandbox.engine.cloudformation.store import Stack

_ABSENT: Final = object()
_KINDS: Final = {(True, True): "Modify", (True, False): "Remove", (False, True): "Add"}


def compared(path: str, before: Any, after: Any) -> dict[str, Any]:
    """Return BeforeValue, AfterValue and AttributeChangeType for the value at a path below /Properties."""
    one, other = _at(path, before), _at(path, after)
    found: dict[str, Any] = {}
    if one is not _ABSENT:
        found["BeforeValue"] = _text(one)
    if other is not _ABSENT:
        found["AfterValue"] = _text(other)
    if kind := _KINDS.get((one is not _ABSENT, other is not _ABSENT)):
        found["AttributeChangeType"] = kind
    return found


def escaped(key: str) -> str:
    """Return a key as a segment of a path (RFC 6901)."""
    return str(key).replace("~", "~0").replace("/", "~1")


def _at(path: str, properties: Any) -> Any:
    found = properties
    for part in path.split("/")[2:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and key in found:
            found = found[key]
        elif isinstance(found, list) and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
        else:
            return _ABSENT
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def remember_secrets(stack: Stack, parameters: Mapping[str, Any]) -> None:
    """Store the new values of a stack's NoEcho parameters, to mask them from then on."""
    secrets = stack.setdefault("_secrets", [])
    for found in parameters.values():
        if found.get("NoEcho") and found["Value"] and found["Value"] not in secrets:
            secrets.append(found["Value"])


def without_secrets(stack: Stack, properties: Any) -> Any:
    """Mask all values that a stack's NoEcho parameters have had in resolved properties."""
    text = json.dumps(properties, default=str)
    for secret in stack.get("_secrets") or ():
        text = text.replace(json.dumps(secret)[1:-1], MASK)
    return json.loads(text)
