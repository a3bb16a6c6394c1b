"""What a response lacks or adds, compared with the output shape that botocore has for the operation. Pure.

Checked are unknown members, missing required ones, values outside an enum, and values that are no number,
Boolean or time. Sources: the service models of botocore, and the serialization of each protocol,
https://smithy.io/2.0/aws/protocols/index.html. Members in headers and streamed payloads are not checked.
"""

import functools
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.parsers import ResponseParserError, RpcV2CBORParser

from sanso_sandbox.server.response_exemptions import EXEMPT, NOT_IN_ENUM

_INTEGERS: Final = ("integer", "long")
_NUMBERS: Final = (*_INTEGERS, "float", "double")
_CBOR_MAP: Final = 5  # major type, https://www.rfc-editor.org/rfc/rfc8949#section-3.1
_TEXT_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)")
_OPEN: Final = frozenset({"InstanceType"})  # AWS has more of these than any release of botocore names
_OUTSIDE_BODY: Final = ("header", "headers", "statusCode")


@functools.cache
def service_model(service: str) -> ServiceModel | None:
    """Return botocore's model of a service, None if it has none."""
    loader = _loader()
    if service not in loader.list_available_services("service-2"):
        return None
    return ServiceModel(loader.load_service_model(service, "service-2"), service)


@functools.cache
def _loader() -> Loader:
    return Loader()


@functools.cache
def operation_model(service: str, operation: str) -> OperationModel | None:
    """Return botocore's model of an operation, None if it has none."""
    model = service_model(service)
    return model.operation_model(operation) if model and operation in model.operation_names else None


def is_checked(service: str, operation: str) -> bool:
    """Return whether responses of an operation have a body with a shape."""
    model = operation_model(service, operation)
    if model is None:
        return False
    return model.output_shape is None or not _is_raw(_body_shape(model.output_shape))


def problems(service: str, operation: str, content_type: str, body: bytes) -> list[str]:
    """Return what differs from the shape, each as "DBClusters[].ReplicaMode is unknown", without repeats."""
    model = operation_model(service, operation)
    if model is None:
        return []
    shape = None if model.output_shape is None else _body_shape(model.output_shape)
    try:
        found = dict.fromkeys(_differences(model, shape, content_type, body))
    except (ValueError, EOFError, ResponseParserError, ElementTree.ParseError) as invalid:
        return [f"the body is invalid: {invalid}"]
    return [one for one in found if f"{service} {one}" not in EXEMPT]


def _body_shape(output: StructureShape) -> Shape:
    """Return the shape of the body: of the payload member if there is one."""
    payload = output.serialization.get("payload")
    return output.members[payload] if payload else output


def _is_raw(shape: Shape) -> bool:
    return shape.type_name in ("blob", "string") or bool(shape.serialization.get("eventstream"))


def _differences(model: OperationModel, shape: Shape | None, content_type: str, body: bytes) -> Iterator[str]:
    if "cbor" in content_type:
        yield from _json(shape, _from_cbor(body) if body else {}, "")
        return
    protocol = str(model.service_model.metadata["protocol"])
    if body[:1] == b"{" or "json" in content_type:
        yield from _json(shape, json.loads(body) if body else {}, "")
    elif protocol in ("query", "ec2") or (protocol == "rest-xml" and body):
        root: Element | None = ElementTree.fromstring(body)  # noqa: S314 - the sandbox's own text
        yield from _document(model, shape, root)
    elif body:
        yield f"the body has the content type {content_type or 'none'}"


def _from_cbor(body: bytes) -> Any:
    """Return the value of a CBOR body. https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html"""
    if body[0] >> 5 != _CBOR_MAP:
        raise ValueError("no map in CBOR")
    parser = RpcV2CBORParser()
    return parser.parse_data_item(parser.get_peekable_stream_from_bytes(body))


def _document(model: OperationModel, shape: Shape | None, root: Element | None) -> Iterator[str]:
    """Yield the problems of an XML document, whose result may have a wrapper of its own."""
    # EC2 sends <return>true</return> also where botocore's model does not have it:
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
    ignored: tuple[str, ...] = ("ResponseMetadata", "requestId", "RequestId", "return")
    wrapper = (model.output_shape.serialization.get("resultWrapper") if model.output_shape else "") or ""
    if root is not None and wrapper:
        root = next((node for node in root if _tag(node) == wrapper), None)
        ignored = ()
    if shape is None or root is None:
        if shape is not None:
            yield f"{wrapper} is missing"
        return
    yield from _xml(shape, [root], "", ignored)


def _json(shape: Shape | None, value: Any, path: str) -> Iterator[str]:
    """Yield the problems of a decoded JSON or CBOR value. A null is an absent member."""
    if value is None:
        return
    if shape is None:
        if value:
            yield f"{path or 'the body'} is not empty"
    elif isinstance(shape, ListShape):
        if isinstance(value, list):
            for one in value:
                yield from _json(shape.member, one, f"{path}[]")
        else:
            yield f"{path} is no list"
    elif isinstance(shape, StructureShape | MapShape):
        if isinstance(value, dict):
            yield from (_json_map if isinstance(shape, MapShape) else _json_structure)(shape, value, path)
        else:
            yield f"{path} is no structure"
    else:
        yield from _value(shape, value, path)


def _json_structure(shape: Any, value: dict[str, Any], path: str) -> Iterator[str]:
    if shape.is_document_type:
        return
    members, required = _members(shape, xml=False)
    yield from _names({key for key, one in value.items() if one is not None}, members, required, path)
    for key, one in value.items():
        if key in members:
            yield from _json(members[key], one, _join(path, key))


def _json_map(shape: Any, value: dict[str, Any], path: str) -> Iterator[str]:
    for key, one in value.items():
        yield from _value(shape.key, key, f"{path}{{}}")
        yield from _json(shape.value, one, f"{path}{{}}")


def _xml(shape: Shape, nodes: list[Element], path: str, ignored: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the problems of a member, which is several elements if it is a flattened list."""
    if isinstance(shape, StructureShape):
        yield from _structure(shape, nodes[0], path, ignored)
    elif isinstance(shape, ListShape):
        flattened = bool(shape.serialization.get("flattened"))
        name = shape.member.serialization.get("name", "member")
        for one in nodes if flattened else nodes[0]:
            if not flattened and _tag(one) != name:
                yield f"{path} has an element {_tag(one)} in place of {name}"
                continue
            yield from _xml(shape.member, [one], f"{path}[]")
    elif isinstance(shape, MapShape):
        key = shape.key.serialization.get("name", "key")
        value = shape.value.serialization.get("name", "value")
        for entry in nodes if shape.serialization.get("flattened") else nodes[0]:
            parts = {_tag(part): part for part in entry}
            if set(parts) != {key, value}:
                yield f"{path}{{}} has no {key} and {value}"
                continue
            yield from _xml(shape.key, [parts[key]], f"{path}{{}}")
            yield from _xml(shape.value, [parts[value]], f"{path}{{}}")
    else:
        yield from _value(shape, nodes[0].text or "", path)


def _structure(shape: StructureShape, node: Element, path: str, ignored: tuple[str, ...]) -> Iterator[str]:
    members, required = _members(shape, xml=True)
    parts: dict[str, list[Element]] = {}
    for part in node:
        parts.setdefault(_tag(part), []).append(part)
    if not parts and (node.text or "").strip():
        yield f"{path or 'the body'} is no structure"
        return
    attributes = {name.rpartition("}")[2] for name in node.attrib}
    present = {name for name in parts if name not in ignored}
    present |= {name for name in members if ":" in name and name.partition(":")[2] in attributes}
    yield from _names(present, members, required, path)
    for name, found in parts.items():
        if name in members:
            yield from _xml(members[name], found, _join(path, name))


def _names(
    present: set[str], members: Mapping[str, Shape], required: frozenset[str], path: str
) -> Iterator[str]:
    for name in sorted(present - members.keys()):
        yield f"{_join(path, name)} is unknown"
    for name in sorted(required - present):
        yield f"{_join(path, name)} is missing"


@functools.cache
def _members(shape: StructureShape, *, xml: bool) -> tuple[dict[str, Shape], frozenset[str]]:
    """Return the members of a structure in the body by their names there, and which are required."""
    names = {
        member: _name(member, part, xml=xml)
        for member, part in shape.members.items()
        if part.serialization.get("location") not in _OUTSIDE_BODY
    }
    required = frozenset(names[one] for one in shape.required_members if one in names)
    return {wire: shape.members[member] for member, wire in names.items()}, required


def _name(member: str, part: Shape, *, xml: bool) -> str:
    if xml and isinstance(part, ListShape) and part.serialization.get("flattened"):
        of_list = part.member.serialization.get("name")
        return str(of_list or part.serialization.get("name", member))
    return str(part.serialization.get("name", member))


def _value(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """Yield the problem of a text, number, Boolean or time; XML has all of them as texts."""
    kind = shape.type_name
    allowed = _enum(shape)
    if allowed and value not in allowed:
        yield f"{path} {NOT_IN_ENUM.format(value)}"
    elif kind in _NUMBERS and not _is_number(value, whole=kind in _INTEGERS):
        yield f"{path} has the value {value!r}, which is no number"
    elif kind == "boolean" and not (isinstance(value, bool) or value in ("true", "false")):
        yield f"{path} has the value {value!r}, which is neither true nor false"
    elif kind == "timestamp" and not _is_time(value):
        yield f"{path} has the value {value!r}, which is no time"
    elif kind == "string" and not isinstance(value, str):
        yield f"{path} has the value {value!r}, which is no text"


@functools.cache
def _enum(shape: Shape) -> frozenset[str]:
    """Return the values of an enum that is complete, none for other shapes."""
    if shape.name in _OPEN:
        return frozenset()
    return frozenset(getattr(shape, "enum", ()) or ())


def _is_number(value: Any, *, whole: bool) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int) or (isinstance(value, float) and (not whole or value.is_integer())):
        return True
    try:
        return isinstance(value, str) and (int(value) if whole else float(value)) is not None
    except ValueError:
        return False


def _is_time(value: Any) -> bool:
    if isinstance(value, int | float | datetime):
        return not isinstance(value, bool)
    return isinstance(value, str) and bool(_TEXT_TIME.fullmatch(value))


def _tag(node: Element) -> str:
    return node.tag.rpartition("}")[2]


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
