"""SSM documents: the account's own with their versions, those of AWS's that set up servers, their steps."""

import hashlib
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any

import yaml
from ministack.core.responses import AccountRegionScopedDict

from portal.sandbox.resources.registry import Record, Refused

store = AccountRegionScopedDict()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One plugin's run with its inputs, parameters already put in."""

    plugin: str
    name: str
    inputs: dict[str, Any]
    folder: str  # where State Manager puts the step's output, below the run's own prefix


@dataclass(slots=True)
class Document:
    """A document with every version of its text, the newest last."""

    name: str
    kind: str
    form: str
    texts: list[str]
    default: int = 1
    created_at: float = field(default_factory=time.time)
    tags: list[Record] = field(default_factory=list)

    def text(self, version: str) -> str:
        """Tell the text of a version: a number, $LATEST or $DEFAULT. Raises Refused when there is none."""
        number = {"$LATEST": len(self.texts), "$DEFAULT": self.default, "": self.default}.get(version)
        number = number or (int(version) if version.isdigit() else 0)
        if not 1 <= number <= len(self.texts):
            raise Refused(
                "InvalidDocumentVersion", f"The document version {version} is not valid or does not exist."
            )
        return self.texts[number - 1]


# What the two documents of AWS's take and do, as far as the sandbox and its machines need it.
_SHELL = {
    "schemaVersion": "1.2",
    "description": "Run a shell script or specify the commands to run.",
    "parameters": {
        "commands": {"type": "StringList"},
        "workingDirectory": {"type": "String", "default": ""},
        "executionTimeout": {"type": "String", "default": "3600"},
    },
    "runtimeConfig": {
        "aws:runShellScript": {
            "properties": [
                {
                    "id": "0.aws:runShellScript",
                    "runCommand": "{{ commands }}",
                    "workingDirectory": "{{ workingDirectory }}",
                    "timeoutSeconds": "{{ executionTimeout }}",
                }
            ]
        }
    },
}
_PLAYBOOK = {
    "schemaVersion": "2.2",
    "description": "Use this document to run Ansible Playbooks from S3 or GitHub.",
    "parameters": {
        "SourceType": {"type": "String", "default": "S3"},
        "SourceInfo": {"type": "StringMap", "default": {}},
        "InstallDependencies": {"type": "String", "default": "True"},
        "PlaybookFile": {"type": "String", "default": "hello-world-playbook.yml"},
        "ExtraVariables": {"type": "String", "default": "SSM=True"},
        "Check": {"type": "String", "default": "False"},
        "Verbose": {"type": "String", "default": "-v"},
        "TimeoutSeconds": {"type": "String", "default": "3600"},
    },
    "mainSteps": [
        {
            "action": "aws:downloadContent",
            "name": "downloadContent",
            "inputs": {"SourceType": "{{ SourceType }}", "SourceInfo": "{{ SourceInfo }}"},
        },
        {
            "action": "aws:runShellScript",
            "name": "runShellScript",
            "inputs": {
                "timeoutSeconds": "{{ TimeoutSeconds }}",
                "runCommand": [
                    "for archive in $(find . -name '*.zip'); do unzip -o -q \"$archive\"; done",
                    "ansible-playbook -i localhost, -c local -e '{{ ExtraVariables }}' {{ Verbose }} "
                    "{{ PlaybookFile }}",
                ],
            },
        },
    ],
}
OWNED_BY_AWS = {
    name: Document(name, "Command", "JSON", [json.dumps(content, indent=2)])
    for name, content in (
        ("AWS-RunShellScript", _SHELL),
        ("AWS-ApplyAnsiblePlaybooks", _PLAYBOOK),
        ("AWS-RunAnsiblePlaybook", _PLAYBOOK),
    )
}


def get(name: str) -> Document:
    """Find a document by name or ARN. Raises Refused when there is none."""
    name = name.rpartition("document/")[2]
    found = store.get(name) or OWNED_BY_AWS.get(name)
    if found is None:
        raise Refused("InvalidDocument", f"Document with name {name} does not exist.")
    document: Document = found
    return document


def add(name: str, content: Any, *, kind: str = "Command", form: str = "JSON", tags: Any = ()) -> Document:
    """Create a document. Raises Refused when the name is taken or the content cannot be read."""
    if name in store:
        raise Refused("DocumentAlreadyExists", f"Document with same name {name} already exists")
    document = Document(name, kind, form, [_text(content, form)], tags=list(tags))
    store[name] = document
    return document


def revise(document: Document, content: Any, *, make_default: bool) -> str:
    """Add a version and tell its number. Raises Refused when the text is the latest one's."""
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
    """Tell the SHA-256 that DescribeDocument shows."""
    return hashlib.sha256(text.encode()).hexdigest()


def schema_version(text: str) -> str:
    """Tell the document's schema version, such as 2.2."""
    return str(_parsed(text)["schemaVersion"])


def parameters(text: str) -> list[Record]:
    """List a document's parameters as DescribeDocument does."""
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


def steps(text: str, given: dict[str, Any]) -> list[Step]:
    """Work out what a run does.

    Args:
        given: an association's Parameters, whose values are lists of strings.
    """
    parsed = _parsed(text)
    values = {
        name: given.get(name, definition.get("default", ""))
        for name, definition in (parsed.get("parameters") or {}).items()
    }
    kinds = {
        name: definition.get("type", "String")
        for name, definition in (parsed.get("parameters") or {}).items()
    }
    for name, value in values.items():
        if isinstance(value, list) and kinds[name] != "StringList":
            values[name] = value[0] if value else ""
    found = []
    for step in parsed.get("mainSteps") or []:
        plugin = step["action"]
        folder = f"{plugin.replace(':', '')}/{step['name']}"
        found.append(
            Step(
                plugin=plugin,
                name=step["name"],
                inputs=_put_in(step.get("inputs") or {}, values),
                folder=folder,
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
                )
            )
    return found


def _put_in(content: Any, values: dict[str, Any]) -> Any:
    """Replace {{ Parameter }} in every string; one that is nothing else becomes the parameter's own value."""
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
