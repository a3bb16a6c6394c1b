"""SSM documents: the account's own with their versions, AWS's that set up servers, and their steps."""

import hashlib
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any

import yaml
from ministack.core.responses import AccountRegionScopedDict

from sanso_sandbox.engine.registry import Record, Refused
from sanso_sandbox.protocols.machines import Step
from sanso_sandbox.services.ssm import aws_documents

store = AccountRegionScopedDict()


@dataclass(slots=True)
class Document:
    """A document with all versions of its text, the newest last."""

    name: str
    kind: str
    form: str
    texts: list[str]
    default: int = 1
    created_at: float = field(default_factory=time.time)
    tags: list[Record] = field(default_factory=list)

    def text(self, version: str) -> str:
        """Return the text of a version: a number, $LATEST or $DEFAULT. Raises Refused if there is none."""
        number = {"$LATEST": len(self.texts), "$DEFAULT": self.default, "": self.default}.get(version)
        number = number or (int(version) if version.isdigit() else 0)
        if not 1 <= number <= len(self.texts):
            raise Refused(
                "InvalidDocumentVersion", f"The document version {version} is not valid or does not exist."
            )
        return self.texts[number - 1]


OWNED_BY_AWS = {
    name: Document(name, "Command", "JSON", [json.dumps(content, indent=2)])
    for name, content in aws_documents.CONTENTS.items()
}


def get(name: str) -> Document:
    """Return a document by name or ARN. Raises Refused if it does not exist."""
    name = name.rpartition("document/")[2]
    found = store.get(name) or OWNED_BY_AWS.get(name)
    if found is None:
        raise Refused("InvalidDocument", f"Document with name {name} does not exist.")
    document: Document = found
    return document


def add(name: str, content: Any, *, kind: str = "Command", form: str = "JSON", tags: Any = ()) -> Document:
    """Create a document. Raises Refused if the name is taken or the content is invalid."""
    if name in store:
        raise Refused("DocumentAlreadyExists", f"Document with same name {name} already exists")
    document = Document(name, kind, form, [_text(content, form)], tags=list(tags))
    store[name] = document
    return document


def revise(document: Document, content: Any, *, make_default: bool) -> str:
    """Add a version and return its number. Raises Refused if the text equals the latest version's."""
    text = _text(content, document.form)
    if text == document.texts[-1]:
        raise Refused(
            "DuplicateDocumentContent",
            "The content of the document matches another version. Change it and try again.",
        )
    document.texts.append(text)
    if make_default:
        document.default = len(document.texts)
    return str(len(document.texts))


def _text(content: Any, form: str) -> str:
    if not isinstance(content, str):
        return yaml.safe_dump(content, sort_keys=False) if form == "YAML" else json.dumps(content, indent=2)
    _parsed(content)
    return content


def _parsed(text: str) -> Record:
    try:
        parsed = yaml.safe_load(text)
    except yaml.YAMLError as malformed:
        raise Refused("InvalidDocumentContent", f"Content is not valid: {malformed}") from malformed
    if not isinstance(parsed, dict) or "schemaVersion" not in parsed:
        raise Refused("InvalidDocumentContent", "Document content is missing the schemaVersion")
    return parsed


def digest(text: str) -> str:
    """Return the SHA-256 for DescribeDocument."""
    return hashlib.sha256(text.encode()).hexdigest()


def schema_version(text: str) -> str:
    """Return the document's schema version, such as 2.2."""
    return str(_parsed(text)["schemaVersion"])


def parameters(text: str) -> list[Record]:
    """Return a document's parameters for DescribeDocument."""
    rows = []
    for name, definition in (_parsed(text).get("parameters") or {}).items():
        row = {"Name": name, "Type": definition.get("type", "String")}
        if "description" in definition:
            row["Description"] = definition["description"]
        if "default" in definition:
            default = definition["default"]
            row["DefaultValue"] = default if isinstance(default, str) else json.dumps(default)
        rows.append(row)
    return rows


def check_parameters(association: Record) -> None:
    """Compare an association's Parameters with those of its document.

    Raises Refused if the document does not exist, or does not accept a parameter or a value.
    """
    document = get(association.get("Name", ""))
    definitions = (
        _parsed(document.text(association.get("DocumentVersion") or "$DEFAULT")).get("parameters") or {}
    )
    given = association.get("Parameters") or {}
    unknown = sorted(set(given) - set(definitions))
    if unknown:
        raise Refused(
            "InvalidParameters", f"Parameters {unknown} are not defined in document {document.name}."
        )
    for name, definition in definitions.items():
        if name not in given and "default" not in definition:
            raise Refused("InvalidParameters", f"Parameter {name} is required by document {document.name}.")
        for value in given.get(name) or ():
            _check_value(name, definition, str(value))


def _check_value(name: str, definition: Record, value: str) -> None:
    allowed, pattern = definition.get("allowedValues"), definition.get("allowedPattern")
    if allowed and value not in [str(one) for one in allowed]:
        raise Refused(
            "InvalidParameters", f"Parameter {name} has the value {value}, which is none of {allowed}."
        )
    if pattern and not re.search(pattern, value):
        raise Refused("InvalidParameters", f"Parameter {name} does not match the pattern {pattern}.")


def steps(text: str, given: dict[str, Any]) -> list[Step]:
    """Return the steps of a run.

    Args:
        given: an association's Parameters, whose values are lists of strings.
    """
    parsed = _parsed(text)
    values = {
        name: _value(definition, given.get(name, definition.get("default", "")))
        for name, definition in (parsed.get("parameters") or {}).items()
    }
    found = []
    for step in parsed.get("mainSteps") or []:
        plugin = step["action"]
        folder = f"{plugin.replace(':', '')}/{step['name']}"
        inputs = _put_in(step.get("inputs") or {}, values)
        found.append(
            Step(
                plugin=plugin,
                name=step["name"],
                inputs=inputs,
                folder=folder,
                parameters=values,
                is_final=str(inputs.pop("finallyStep", "")).lower() == "true",
            )
        )
    for plugin, configuration in (parsed.get("runtimeConfig") or {}).items():
        for number, properties in enumerate(configuration["properties"]):
            label = plugin.replace(":", "")
            name = str(properties.get("id") or f"{number}.{plugin}").replace(":", "")
            found.append(
                Step(
                    plugin=plugin,
                    name=name,
                    inputs=_put_in(properties, values),
                    folder=f"{label}/{number}.{label}",
                    parameters=values,
                )
            )
    return found


def _value(definition: Record, value: Any) -> Any:
    if isinstance(value, list) and definition.get("type", "String") != "StringList":
        return value[0] if value else ""
    return value


def _put_in(content: Any, values: dict[str, Any]) -> Any:
    """Replace {{ Parameter }} in every string; a string of only that becomes the parameter's own value."""
    if isinstance(content, dict):
        return {key: _put_in(part, values) for key, part in content.items()}
    if isinstance(content, list):
        flat: list[Any] = []
        for part in content:
            put = _put_in(part, values)
            flat.extend(put if isinstance(put, list) and isinstance(part, str) else [put])
        return flat
    if not isinstance(content, str):
        return content
    whole = re.fullmatch(r"\{\{\s*(\w+)\s*\}\}", content)
    if whole and whole[1] in values:
        return values[whole[1]]
    return re.sub(
        r"\{\{\s*(\w+)\s*\}\}",
        lambda match: _inline(values[match[1]]) if match[1] in values else match[0],
        content,
    )


def _inline(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
