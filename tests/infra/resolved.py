"""The templates as an environment would get them: the root's values pushed into the nested stacks' defaults.

A linter sees `Ref` in a nested stack and has to believe it. With the value that the root hands down as the
parameter's default it can judge more, and more yet with the value in the place of the `Ref`: some rules, such
as the one that knows which engine versions are gone, look at literals only. Run as a program it writes the
defaults form for each of CHOICES: `python -m tests.infra.resolved FOLDER`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deployments.catalog import yaml_files

TEMPLATES = Path(__file__).resolve().parents[2] / "infra_templates"
ROOT = TEMPLATES / "root.yaml"

_CERTIFICATE = "arn:aws:acm:ap-northeast-1:111122223333:certificate/0a1b2c3d-0000-4000-8000-000000000000"
_ARTIFACTS = {"ArtifactBucket": "artifacts", "ArtifactPrefix": "sets/0123abcd", "AWS::StackName": "times"}
CHOICES: dict[str, dict[str, str]] = {
    "defaults": _ARTIFACTS,
    "new": {**_ARTIFACTS, "AppProtocol": "http", "AppHealthCheck": "http"},
    # Everything that is off by default on, and every choice the other way.
    "options": {
        **_ARTIFACTS,
        "AccessLogBucket": "access-logs",
        "AppHealthCheck": "http",
        "AppServersAdmit": "addresses",
        "CertificateArn": _CERTIFICATE,
        "DatabaseTls": "off",
        "DeletionProtection": "false",
        "FinalSnapshot": "false",
        "FlowLogs": "true",
        "NatGateways": "one-per-zone",
        "PlaybookRunner": "AWS-ApplyAnsiblePlaybooks",
        "SiteHostName": "times.example.com",
        "WebOperatingSystem": "amzn2",
    },
}


def nested() -> dict[str, str]:
    """Return the file name of each nested stack's template by the stack's logical id."""
    return {
        logical_id: str(resource["Properties"]["TemplateURL"]["Fn::Sub"]).rpartition("/")[2]
        for logical_id, resource in yaml_files.read(ROOT)["Resources"].items()
        if resource["Type"] == "AWS::CloudFormation::Stack"
    }


def resolve(choices: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return every template by its file name, with defaults as an environment of these choices has them."""
    root = yaml_files.read(ROOT)
    values = {name: str(p["Default"]) for name, p in root["Parameters"].items() if "Default" in p}
    values.update(choices)
    templates = {ROOT.name: _with_defaults(root, values)}
    conditions = {name: _holds(condition, values) for name, condition in root["Conditions"].items()}
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
    """Return a template with the defaults in the place of the references to them, as far as there are any."""
    values = {
        name: spec["Default"]
        for name, spec in template["Parameters"].items()
        if "Default" in spec
        and not spec["Type"].startswith("AWS::SSM::Parameter::Value")  # a Ref looks it up
    }
    filled = {
        section: _filled(content, values) if section in ("Resources", "Outputs") else content
        for section, content in template.items()
        if section != "Metadata"  # the form's groups name every parameter
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
            # Another Ref than a parameter's, such as one to a resource, keeps its place.
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
    """Return a text where the root alone tells it, None where a stack would have to exist."""
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


def _holds(condition: Any, values: Mapping[str, str]) -> bool:
    match condition:
        case {"Fn::Not": [inner]}:
            return not _holds(inner, values)
        case {"Fn::Equals": [left, right]}:
            return _value(left, values, {}, {}) == _value(right, values, {}, {})
    raise ValueError(f"a condition in the manner of {condition!r} is not known here")


def write(folder: Path) -> list[Path]:
    """Write a set for each of CHOICES and return the files."""
    files = []
    for name, choices in CHOICES.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for file_name, template in resolve(choices).items():
            files.append(folder / name / file_name.replace(".yaml", ".json"))
            files[-1].write_text(json.dumps(template, indent=1))
    return files


if __name__ == "__main__":
    write(Path(sys.argv[1]))
