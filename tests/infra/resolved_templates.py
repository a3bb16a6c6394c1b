"""The templates of a real environment: the defaults of the nested stacks are the root's values.

To a linter, a `Ref` in a nested stack has no value. The linter finds more with the root's value as the
parameter's default, and even more with the value in place of the `Ref`: some rules, such as the one for
retired engine versions, check only literals. Run as a program, it writes these templates for each of CHOICES:
`python -m tests.infra.resolved_templates FOLDER`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deployments.template_sets.template_files import yaml_files

TEMPLATES = Path(__file__).resolve().parents[2] / "infra_templates"
ROOT = TEMPLATES / "root.yaml"

_CERTIFICATE = "arn:aws:acm:ap-northeast-1:111122223333:certificate/0a1b2c3d-0000-4000-8000-000000000000"
_ARTIFACTS = {
    "ArtifactBucket": "artifacts",
    "ArtifactPrefix": "sets/0123abcd",
    "AWS::StackName": "times",
    "AppImageId": "ami-0123456789abcdef0",  # as the portal passes them
    "WebImageId": "ami-0123456789abcdef0",
}
_OPTIONAL = {
    "PermissionsBoundary": "arn:aws:iam::123456789012:policy/sanso-boundary",
    "TopicArn": "arn:aws:sns:ap-northeast-1:123456789012:oncall",
}
CHOICES: dict[str, dict[str, str]] = {
    "defaults": _ARTIFACTS,
    "new": {**_ARTIFACTS, "AppProtocol": "http", "AppHealthCheck": "http"},
    # Everything that is off by default is on, and every choice has its other value.
    "options": {
        **_ARTIFACTS,
        "AccessLogBucket": "access-logs",
        "AppHealthCheck": "http",
        "AppServersAdmit": "addresses",
        "AlarmTopicArn": "arn:aws:sns:ap-northeast-1:111122223333:oncall",
        "CertificateArn": _CERTIFICATE,
        "CloudWatchAlarms": "true",
        "DatabaseTls": "off",
        "DeletionProtection": "false",
        "FinalSnapshot": "false",
        "FlowLogs": "true",
        "NatGateways": "one-per-zone",
        "PlaybookRunner": "AWS-ApplyAnsiblePlaybooks",
        "SiteHostName": "times.example.com",
        "WebOperatingSystem": "amzn2",
    },
    # A restored database beside the first, in use, and in its place.
    "two-databases": {
        **_ARTIFACTS,
        "Databases": "both",
        "DatabaseRestoreClusterB": "times-aurora-dbcluster",
        "DatabaseRestoreTimeB": "2026-12-02T14:03:20Z",
        "UnprotectedDatabase": "B",
    },
    "switched": {
        **_ARTIFACTS,
        "Databases": "both",
        "ActiveDatabase": "B",
        "DatabaseRestoreClusterB": "times-aurora-dbcluster",
        "DatabaseRestoreTimeB": "2026-12-02T14:03:20Z",
    },
    "without-instances": {
        **_ARTIFACTS,
        "Databases": "both",
        "ActiveDatabase": "B",
        "DatabaseWithoutInstances": "A",
        "DatabaseSnapshotB": "times-before-the-change",
        "UnprotectedDatabase": "A",
    },
    "second-database": {
        **_ARTIFACTS,
        "Databases": "B",
        "ActiveDatabase": "B",
        "DatabaseSnapshotB": "times-before-the-change",
    },
}


def nested() -> dict[str, str]:
    """Return the file names of the nested templates by the logical ids of their stacks."""
    return {
        logical_id: str(resource["Properties"]["TemplateURL"]["Fn::Sub"]).rpartition("/")[2]
        for logical_id, resource in yaml_files.read(ROOT)["Resources"].items()
        if resource["Type"] == "AWS::CloudFormation::Stack"
    }


def resolve(choices: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the templates by file name, with the defaults of an environment with these parameters."""
    root = yaml_files.read(ROOT)
    values = {name: str(p["Default"]) for name, p in root["Parameters"].items() if "Default" in p}
    values.update(choices)
    templates = {ROOT.name: _with_defaults(root, values)}
    conditions: dict[str, bool] = {}
    for name, condition in root["Conditions"].items():
        conditions[name] = _is_true(condition, values, conditions)
    for logical_id, file_name in nested().items():
        handed_down = root["Resources"][logical_id]["Properties"]["Parameters"]
        known = {
            name: value
            for name, given in handed_down.items()
            if isinstance(value := _value(given, values, conditions, root["Mappings"]), str)
        }
        templates[file_name] = _with_defaults(yaml_files.read(TEMPLATES / file_name), known)
    return templates


def _with_defaults(template: dict[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    parameters = {
        name: {**spec, "Default": _typed(values[name], spec["Type"])} if name in values else spec
        for name, spec in template["Parameters"].items()
    }
    return {**template, "Parameters": parameters}


def literal(template: dict[str, Any]) -> dict[str, Any]:
    """Return a template in which defaults replace the references to parameters."""
    values = {
        name: spec["Default"]
        for name, spec in template["Parameters"].items()
        if "Default" in spec
        and not spec["Type"].startswith("AWS::SSM::Parameter::Value")  # a Ref resolves it
    }
    for name, arn in _OPTIONAL.items():  # checked although its branch is not taken
        if values.get(name) == "":
            values[name] = arn
    filled = {
        section: _filled(content, values) if section in ("Resources", "Outputs") else content
        for section, content in template.items()
        if section != "Metadata"  # its groups contain every parameter
    }
    rest = json.dumps({section: content for section, content in filled.items() if section != "Parameters"})
    used = set(re.findall(r'"Ref": "(\w+)"', rest)) | set(re.findall(r"\$\{(\w+)\}", rest))
    filled["Parameters"] = {name: s for name, s in template["Parameters"].items() if name in used}
    return filled if filled["Parameters"] else {k: v for k, v in filled.items() if k != "Parameters"}


def _filled(node: Any, values: Mapping[str, str | int]) -> Any:
    match node:
        case {"Ref": name} if name in values:
            return values[name]
        case {"Fn::Sub": str(text)}:
            # Keep references to anything but parameters, such as resources.
            text = re.sub(r"\$\{(\w+)\}", lambda m: str(values.get(m[1], m[0])), text)
            return {"Fn::Sub": text} if "${" in text else text
        case dict():
            return {key: _filled(value, values) for key, value in node.items()}
        case list():
            return [_filled(value, values) for value in node]
    return node


def _typed(value: str, kind: str) -> str | int:
    return int(value) if kind == "Number" else value


def _value(
    given: Any, values: Mapping[str, str], conditions: Mapping[str, bool], mappings: Mapping[str, Any]
) -> str | None:
    """Return the value if it depends only on the root template, or None if it depends on a stack."""
    match given:
        case str() | int():
            return str(given)
        case {"Ref": name}:
            return values.get(name)
        case {"Fn::If": [condition, yes, no]}:
            return _value(yes if conditions[condition] else no, values, conditions, mappings)
        case {"Fn::FindInMap": [mapping, key, name]}:
            found = mappings[mapping][_value(key, values, conditions, mappings)][name]
            return str(found)
        case {"Fn::Sub": str(text)}:
            filled = re.sub(r"\$\{([\w:]+)\}", lambda m: values.get(m[1], m[0]), text)
            return None if "${" in filled else filled
    return None


def _is_true(condition: Any, values: Mapping[str, str], known: Mapping[str, bool]) -> bool:
    """Return whether a condition is met; `known` has those that are declared before it."""
    match condition:
        case {"Fn::Not": [inner]}:
            return not _is_true(inner, values, known)
        case {"Fn::And": all_of}:
            return all(_is_true(one, values, known) for one in all_of)
        case {"Condition": name}:
            return known[name]
        case {"Fn::Equals": [left, right]}:
            return _value(left, values, {}, {}) == _value(right, values, {}, {})
    raise ValueError(f"unsupported condition {condition!r}")


def write(folder: Path) -> list[Path]:
    """Write the templates for each of CHOICES and return the files."""
    files = []
    for name, choices in CHOICES.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for file_name, template in resolve(choices).items():
            files.append(folder / name / file_name.replace(".yaml", ".json"))
            files[-1].write_text(json.dumps(template, indent=1))
    return files


if __name__ == "__main__":
    write(Path(sys.argv[1]))
