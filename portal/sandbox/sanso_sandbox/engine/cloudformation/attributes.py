"""Fn::GetAtt runs the read handler of the resource's type, with the permissions of the operation."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sanso_sandbox.engine.authorization import Denied
from sanso_sandbox.engine.cloudformation import handler_permissions, reasons
from sanso_sandbox.engine.cloudformation.store import Record, Stack

_IN_TEXT: Final = re.compile(r"\$\{([A-Za-z0-9]+)\.([A-Za-z0-9.]+)\}")


def require_readable(stack: Stack, value: Any, records: Mapping[str, Record]) -> None:
    """Raise ValueError with the reason if an attribute in a part of a template may not be read.

    Branches of Fn::If count as well; their resources exist only if their condition holds.
    """
    for logical_id, attribute in dict.fromkeys(_found(value)):
        record = records.get(logical_id)
        if record is None or not record["PhysicalResourceId"]:
            continue
        try:
            handler_permissions.check_read(stack, record)
        except Denied as denied:
            reason = reasons.of_denied_attribute(record["ResourceType"], attribute, str(denied))
            raise ValueError(reason) from denied


def names_in(value: Any) -> set[str]:
    """Return the logical ids whose attributes a part of a template reads."""
    return {logical_id for logical_id, _attribute in _found(value)}


def _found(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for one in value:
            yield from _found(one)
    elif isinstance(value, Mapping):
        for key, one in value.items():
            if key == "Fn::GetAtt":
                logical_id, _dot, attribute = (
                    one if isinstance(one, str) else ".".join(map(str, one))
                ).partition(".")
                yield logical_id, attribute
            elif key == "Fn::Sub":
                yield from _IN_TEXT.findall(one if isinstance(one, str) else str(one[0]))
                yield from _found(one)
            else:
                yield from _found(one)
