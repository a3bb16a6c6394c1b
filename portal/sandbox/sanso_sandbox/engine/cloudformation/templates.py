"""Templates and parameters: fetching, parsing, validation, and AWS's messages for invalid ones."""

import copy
import re
from typing import Any
from urllib.parse import unquote, urlparse

from ministack.services import s3
from ministack.services.cloudformation import changesets, engine, handlers, helpers

from sanso_sandbox.engine import authorization
from sanso_sandbox.engine.authorization import Denied, Principal
from sanso_sandbox.engine.cloudformation import existing_ids, limits, service_role
from sanso_sandbox.engine.cloudformation.store import Stack

Template = dict[str, Any]

LARGEST = 1_000_000  # bytes of a template at a URL (quotas page)
MORE = "\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html; the dash form is the older one.
_VIRTUAL = re.compile(r"(?P<bucket>.+)\.s3(?:[.-](?:dualstack\.)?[a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?$")
_PATH = re.compile(r"s3(?:[.-](?:dualstack\.)?[a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?$")


def install() -> None:
    """Make MiniStack fetch documents and validate parameters here."""
    helpers._resolve_document = _resolve_document
    changesets._resolve_parameters = checked_parameters


def location(url: str) -> tuple[str, str]:
    """Return the bucket and key of a template's URL. Raises ValueError if it is not a URL of S3."""
    parsed = urlparse(url)
    host = parsed.hostname or ""
    path = unquote(parsed.path.lstrip("/"))
    if found := _VIRTUAL.match(host):
        return found["bucket"], path
    bucket, _slash, key = path.partition("/")
    if not key or not (_PATH.match(host) or host in ("localhost", "127.0.0.1")):
        raise ValueError("TemplateURL must be a supported URL.")
    return bucket, key


def read(url: str, reader: Principal | None) -> str:
    """Return a document from the S3 of the current account. Raises ValueError with AWS's message.

    Args:
        reader: the principal that reads it: the caller, or the operation's for a nested stack.
    """
    bucket, key = location(url)
    try:
        authorization.authorize(reader, "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")
    except Denied as denied:
        raise ValueError(f"S3 error: {denied}{MORE}") from denied
    if bucket not in s3._buckets:
        raise ValueError(f"S3 error: The specified bucket does not exist{MORE}")
    data = s3._get_object_data(bucket, key)
    if data is None:
        raise ValueError(f"S3 error: The specified key does not exist.{MORE}")
    if len(data) > LARGEST:
        raise ValueError(f"Template may not exceed {LARGEST} bytes in size.")
    return bytes(data).decode()


def fetch(properties: dict[str, Any]) -> str:
    """Return the template at a nested stack's TemplateURL. Raises ValueError like read."""
    if not properties.get("TemplateURL"):
        raise ValueError("Encountered unsupported property: TemplateURL is required")
    return read(str(properties["TemplateURL"]), service_role.while_planning())


def parsed(body: str) -> Template:
    """Parse a template body and apply its transforms. Raises ValueError if that is not possible."""
    try:
        template: Template = engine._apply_transforms(engine._parse_template(body), [], {})
    except Exception as error:
        raise ValueError(f"Template format error: {error}") from error
    limits.check_template(template)
    return template


def _resolve_document(params: dict[str, Any], body_key: str, url_key: str, label: str) -> tuple[Any, Any]:
    """Return (body, error response) for an inline document or one at a URL, as MiniStack expects."""
    if body := helpers._p(params, body_key):
        return body, None
    url = helpers._p(params, url_key)
    if not url:
        return None, None
    try:
        return read(url, authorization.acting()), None
    except ValueError as refused:
        return None, helpers._error("ValidationError", str(refused))


def validate(template: Template, parameters: dict[str, Any]) -> None:
    """Validate a template with its parameters. Raises ValueError with AWS's message if it is invalid."""
    conditions = engine._evaluate_conditions(template, parameters)
    engine.validate_template_support(template, conditions, params=parameters)
    check_references(template)
    engine._topological_sort(template.get("Resources") or {}, conditions)


def check_references(template: Template) -> None:
    """Raise ValueError if the template refers to something that it does not declare."""
    declared = {*(template.get("Resources") or {}), *(template.get("Parameters") or {})}
    for block in ("Resources", "Outputs"):
        missing = {
            name
            for name, _attribute in engine._intrinsic_references(template.get(block) or {})
            if name not in declared and not name.startswith("AWS::")
        }
        missing |= _missing_dependencies(template, declared) if block == "Resources" else set()
        if missing:
            names = ", ".join(sorted(missing))
            raise ValueError(
                f"Template format error: Unresolved resource dependencies [{names}] in the {block} block of "
                "the template"
            )


def _missing_dependencies(template: Template, declared: set[str]) -> set[str]:
    found: set[str] = set()
    for definition in (template.get("Resources") or {}).values():
        named = definition.get("DependsOn") or []
        found |= set([named] if isinstance(named, str) else named) - declared
    return found


def checked_parameters(
    template: Template, provided: list[dict[str, Any]], previous: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return a template's resolved parameters. Raises ValueError with AWS's message for invalid ones."""
    declared = template.get("Parameters") or {}
    given = {entry["Key"]: entry for entry in provided}
    if unknown := [name for name in given if name not in declared]:
        raise ValueError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    missing = [
        name for name, definition in declared.items() if name not in given and "Default" not in definition
    ]
    if missing:
        raise ValueError(f"Parameters: [{', '.join(missing)}] must have values")
    for name, entry in given.items():
        limits.check_value(name, entry.get("Value", ""))
        _check_allowed(name, declared[name], entry)
    resolved: dict[str, Any] = engine._resolve_parameters(template, provided, previous)
    existing_ids.check(resolved)
    return resolved


def _check_allowed(name: str, definition: dict[str, Any], entry: dict[str, Any]) -> None:
    allowed = [str(value) for value in definition.get("AllowedValues") or ()]
    if allowed and not entry.get("UsePreviousValue") and str(entry.get("Value", "")) not in allowed:
        raise ValueError(f"Parameter '{name}' must be one of AllowedValues")


def nested_parameters(template: Template, properties: dict[str, Any]) -> dict[str, Any]:
    """Return a nested stack's parameters, resolved from its resource. Raises ValueError like above."""
    given = properties.get("Parameters") or {}
    if any(isinstance(value, list | dict) for value in given.values()):
        raise ValueError(
            "Value of property Parameters must be an object with String (or simple type) properties"
        )
    return checked_parameters(
        template, [{"Key": name, "Value": _text(value)} for name, value in given.items()]
    )


def check_capabilities(template: Template, given: list[str]) -> None:
    """Raise ValueError if a nested template needs capabilities that its root does not acknowledge."""
    required = handlers._required_iam_capabilities(template)
    if handlers._uses_macro(template):
        required.append("CAPABILITY_AUTO_EXPAND")
    if missing := handlers._missing_capabilities(set(given), required):
        raise ValueError(handlers._insufficient_capabilities_message(missing))


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def listed(parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """Return resolved parameters in the format of a stack's record, for DescribeStacks."""
    return [
        {"ParameterKey": name, "ParameterValue": found["Value"], "NoEcho": found["NoEcho"]}
        for name, found in parameters.items()
    ]


def values(parameters: dict[str, Any]) -> dict[str, str]:
    """Return the values of resolved parameters."""
    return {name: found["Value"] for name, found in parameters.items()}


def resolved_properties(
    stack: Stack, template: Template, parameters: dict[str, Any], definition: dict[str, Any]
) -> dict[str, Any]:
    """Return a resource's properties, resolved with the current stack before any step of an update."""
    properties: dict[str, Any] = engine._resolve_refs(
        copy.deepcopy(definition.get("Properties") or {}),
        stack["_resources"],
        parameters,
        engine._evaluate_conditions(template, parameters),
        template.get("Mappings") or {},
        stack["StackName"],
        stack["StackId"],
    )
    return {key: part for key, part in properties.items() if part is not engine._NO_VALUE}
