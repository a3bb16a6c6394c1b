"""Members of AWS's documented answers that the sandbox's answers to the same calls lack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from tests.aws.call_log_files import CLIENTS, Call, client_of, read_all


def documented() -> dict[tuple[str, str], list[Call]]:
    """Return AWS's documented answers by service and operation; errors are left out."""
    found: dict[tuple[str, str], list[Call]] = {}
    for log in read_all():
        for call in log.calls:
            if log.about["source"] == "documentation" and "parsed" in call:
                found.setdefault((call["service"], call["operation"]), []).append(call)
    return found


def answer_of(account: Account, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
    """Return the sandbox's parsed answer to a call."""
    client = account.client(CLIENTS.get(service, service))
    method = next(name for name, one in client.meta.method_to_api_mapping.items() if one == operation)
    try:
        answer: dict[str, Any] = getattr(client, method)(**parameters)
    except ClientError as exc:
        exc.add_note(f"{service} {operation} {parameters}")
        raise
    return answer


def missing(service: str, operation: str, answer: dict[str, Any]) -> list[str]:
    """Return the members of documented answers that the sandbox's lacks, where it has the object around them.

    What is in a list counts as one; an empty list says nothing of it.
    """
    shape = client_of(service).meta.service_model.operation_model(operation).output_shape
    here = set(_paths(answer, shape))
    wanted = {path for call in documented()[service, operation] for path in _paths(call["parsed"], shape)}
    return sorted(path for path in wanted - here if _parent(path) in here)


def _parent(path: str) -> str:
    return path.rpartition(".")[0]


def _paths(value: Any, shape: Any, prefix: str = "") -> Iterator[str]:
    """Yield the paths of members, as `Stacks.Parameters.ParameterKey`; "" for the answer itself."""
    yield prefix
    if shape.type_name == "list":
        for one in value:
            yield from _paths(one, shape.member, prefix)
    elif shape.type_name == "structure":
        for name in value.keys() & shape.members.keys():
            yield from _paths(value[name], shape.members[name], f"{prefix}.{name}".lstrip("."))
