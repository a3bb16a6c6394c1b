"""Any folder of files is a template set that can be deployed, or is rejected with an explanation."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deployments.changes.pages.forms.create import NewEnvironmentForm
from deployments.cloudformation import dependencies
from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.template_sets.template_files.artifacts import build_objects
from deployments.template_sets.template_files.template_set import TemplateSet, load
from tests.fuzz.hostile import json_values, mutated, texts
from tests.fuzz.profile import fuzzed

pytestmark = pytest.mark.django_db
ROOT: dict[str, Any] = {
    "AWSTemplateFormatVersion": "2010-09-09",
    "Description": "A small set",
    "Metadata": {
        "AWS::CloudFormation::Interface": {
            "ParameterGroups": [{"Label": {"default": "Sizes"}, "Parameters": ["Count", "Kind"]}],
            "ParameterLabels": {"Count": {"default": "How many"}},
        }
    },
    "Parameters": {
        "Bucket": {"Type": "String"},
        "Prefix": {"Type": "String"},
        "Kind": {"Type": "String", "Default": "small", "AllowedValues": ["small", "large"]},
        "Count": {"Type": "Number", "Default": 2, "MinValue": 1, "MaxValue": 4, "Description": "Servers."},
        "Password": {"Type": "String", "NoEcho": True, "MinLength": 8, "MaxLength": 41},
        "Name": {"Type": "String", "AllowedPattern": "[a-z]+", "ConstraintDescription": "Letters."},
        "Zones": {"Type": "List<AWS::EC2::AvailabilityZone::Name>"},
    },
    "Mappings": {"Sizes": {"small": {"type": "t4g.micro"}}},
    "Conditions": {
        "Large": {"Fn::Equals": [{"Ref": "Kind"}, "large"]},
        "Never": {"Fn::And": [{"Condition": "Large"}, {"Fn::Not": [{"Condition": "Large"}]}]},
    },
    "Resources": {
        "Topic": {"Type": "AWS::SNS::Topic", "Condition": "Large"},
        "Inner": {
            "Type": "AWS::CloudFormation::Stack",
            "DependsOn": ["Topic"],
            "Properties": {
                "TemplateURL": {
                    "Fn::Sub": "https://${Bucket}.s3.${AWS::Region}.amazonaws.com/${Prefix}/inner.yaml"
                },
                "Parameters": {
                    "Name": {"Fn::GetAtt": ["Topic", "TopicName"]},
                    "Size": {"Fn::If": ["Large", "l", "s"]},
                },
            },
        },
    },
    "Outputs": {"Name": {"Value": {"Fn::GetAtt": ["Inner", "Outputs.Name"]}}},
}
INNER: dict[str, Any] = {
    "Parameters": {"Name": {"Type": "String"}, "Size": {"Type": "String"}},
    "Resources": {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "${Name}-${Size}"}}},
        "Policy": {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": [{"Ref": "Queue"}]}},
    },
    "Outputs": {"Name": {"Value": {"Ref": "Queue"}}},
}
MANIFEST: dict[str, Any] = {
    "root": "root.yaml",
    "bucket_parameter": "Bucket",
    "prefix_parameter": "Prefix",
    "artifacts": [
        {"key": "playbook.zip", "folder": "playbook", "also": {"app": "playbook"}},
        {"key": "f.zip", "module": "function.py", "packages": ["pymysql"]},
    ],
}


class Raw(str):
    """YAML that is written to the file as it is."""

    __slots__ = ()


SNIPPETS = (
    *(
        "? [a, b]\n: c",
        "{? [a]: b}",
        "{[a]: b}",
        "{{a: b}: c}",
        "{!Ref a: b}",
        "{1: a, 1.5: b, true: c, ~: d}",
    ),
    *("!!bool foo", "!!int abc", "!!float x", "!!binary '*'", "!!binary aGk=", "!!timestamp x", "!!null x"),
    *(
        "!!map [a]",
        "!!seq {a: b}",
        "!!str [a]",
        "!!set {a, b}",
        "!!omap [a: b]",
        "!!pairs [a: b]",
        "!!value =",
    ),
    *(
        "!!python/object/apply:os.system [x]",
        "!!python/name:os",
        "!<tag:x> a",
        "!",
        "!! a",
        "=",
        "<<",
        "{<<: a}",
    ),
    *("!Ref", "!Ref [a]", "!Ref {a: b}", "!GetAtt", "!GetAtt .", "!GetAtt [a, {b: c}]", "!GetAtt {a: b}"),
    *(
        "!Sub",
        "!Sub []",
        "!Sub [a]",
        "!Sub ['${a}', [b]]",
        "!Sub [[], {}]",
        "!If [a]",
        "!If a",
        "!Condition [x]",
    ),
    *(
        "!FindInMap [a, b, c]",
        "!FindInMap [[], {}, ~]",
        "!Transform {Name: x}",
        "!é x",
        "!a.b/c:d x",
        "!%41 x",
    ),
    *('"\\0"', '"\\ud800"', '"\\ud83d\\ude00"', '"\\U00110000"', '"\\x1b"', "&a [*a]", "&a {b: *a}", "*b"),
    *("012", "0o14", "0b2", "0x_", "1_0", "190:20:30", "1:60", ".inf", "-.INF", ".nan", "1e999", "9" * 5000),
    *("2026-02-30", "2026-13-45 99:99:99", "99999-01-01", "|\n  x", ">-\n  x", "[" * 100, "{a: " * 100),
    *(
        "---",
        "...",
        "--- a\n--- b",
        "%YAML 9.9",
        "%TAG ! x",
        "a: b: c",
        "\t",
        "- -",
        "[a",
        "'",
        "@",
        "`",
        "# x",
    ),
)
snippets = st.sampled_from(SNIPPETS).map(Raw)


def flow(value: Any) -> str:
    """Return a value as YAML in flow style, with raw parts as they are."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return _quoted(value)


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def taken(files: dict[str, bytes]) -> TemplateSet | None:
    """Load a set and build its objects, as a deployment does; return None when it is rejected."""
    folder = Path(tempfile.mkdtemp(prefix="fuzzed-set-"))
    try:
        (folder / "playbook").mkdir()
        (folder / "playbook" / "playbook.yml").write_text("[]")
        (folder / "function.py").write_text("x = 1")
        for name, content in files.items():
            (folder / name).write_bytes(content)
        found = load(folder)
        dict(build_objects(found))
    except UserFixable as refused:
        assert_error_has_text(refused)
        return None
    finally:
        shutil.rmtree(folder)
    can_be_shown(found)
    values = {name: parameter.default or "" for name, parameter in found.parameters.items()}
    dependencies.read(found.contents, found.root.name, values)
    return found


def assert_error_has_text(refused: UserFixable) -> None:
    assert refused.code.startswith("TemplateSet")
    assert error_text(refused).encode()


def can_be_shown(found: TemplateSet) -> None:
    """Render the form of a set, without values and with errors."""
    for form in (NewEnvironmentForm(found), NewEnvironmentForm(found, {})):
        form.is_valid()
        for _, fields in form.groups():
            for field in fields:
                assert f"{field}{field.label}{field.errors}".encode()
        form.problems()


def encoded(document: Any) -> bytes:
    return flow(document).encode(errors="surrogatepass")


def test_the_set_that_is_changed_here_is_taken_as_it_is() -> None:
    found = taken({"root.yaml": encoded(ROOT), "inner.yaml": encoded(INNER)})
    assert found is not None
    assert [group.label for group in found.groups] == ["Sizes", ""]
    own = taken(
        {"root.yaml": encoded(ROOT), "inner.yaml": encoded(INNER), "template-set.yaml": encoded(MANIFEST)}
    )
    assert own is not None
    assert own.own_prefix


@fuzzed(150)
@given(mutated(ROOT, json_values | snippets), st.none() | mutated(INNER, json_values | snippets))
@example(ROOT | {"Parameters": {"P": {"Type": "String", "MinLength": "abc"}}}, None)
@example(ROOT | {"Metadata": {"AWS::CloudFormation::Interface": {"ParameterLabels": "text"}}}, None)
@example(ROOT | {"Parameters": Raw("{? [a, b]: c}")}, None)
def test_any_templates(root: Any, inner: Any) -> None:
    taken({"root.yaml": encoded(root), "inner.yaml": encoded(INNER if inner is None else inner)})


@fuzzed(60)
@given(mutated(MANIFEST, json_values | snippets))
@example(MANIFEST | {"artifacts": [{"folder": "playbook"}]})
@example(MANIFEST | {"artifacts": {"key": "playbook.zip"}})
@example(MANIFEST | {"artifacts": [{"key": "x", "module": "x" * 300}]})
def test_any_manifest(manifest: Any) -> None:
    taken(
        {
            "root.yaml": encoded(ROOT),
            "inner.yaml": encoded(INNER),
            "template-set.yaml": encoded(manifest),
        }
    )


@fuzzed(100)
@given(st.binary(max_size=60) | st.lists(snippets | texts, max_size=6).map(" ".join).map(str.encode))
def test_any_file(content: bytes) -> None:
    taken({"root.yaml": content})
