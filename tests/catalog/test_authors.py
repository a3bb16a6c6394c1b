"""docs/template-authors.md: its example is a set, its policy is enough, and its keys are the manifest's."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployments import catalog
from deployments.catalog import lint, manifest, yaml_files
from portal.sandbox.engine.permissions import handlers
from tests.permissions.role_policies import Role, Statement, Template
from tests.services import REPOSITORY

DOCUMENT = (REPOSITORY / "docs" / "template-authors.md").read_text()
SOURCE = Path(manifest.__file__).read_text()
NAMED = re.compile(r"^`([\w-]+\.yaml)`:\n\n```yaml\n(.*?)```", re.MULTILINE | re.DOTALL)


def example() -> dict[str, str]:
    """Return the files of the document's example by name."""
    return dict(NAMED.findall(DOCUMENT))


def policy() -> dict[str, Any]:
    """Return the policy that the document adds to CloudFormation's role for the example."""
    (text,) = re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files of the document's example."""
    for name, text in example().items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_example_is_a_set_with_its_presets(folder: Path) -> None:
    example = catalog.load(folder)

    assert {file.name for file in folder.iterdir()} == {"root.yaml", "inner.yaml", "template-set.yaml"}
    assert [preset.label for preset in example.presets] == ["Trial", "Production"]
    assert example.choose_once == {"Region"}


def test_the_example_is_a_set_without_its_manifest_too(folder: Path) -> None:
    (folder / "template-set.yaml").unlink()

    found = catalog.load(folder)

    assert set(found.parameters) == {"Prefix", "Name", "RetentionDays", "Region"}
    assert (found.bucket_parameter, found.prefix_parameter) == ("Bucket", "Prefix")
    assert found.missing_templates({"Prefix": "orders"}) == []


def test_cfn_lint_finds_nothing_in_the_example(folder: Path) -> None:
    assert lint.findings(catalog.load(folder)) == []


def test_every_key_of_the_manifest_is_described_and_no_other() -> None:
    described = set(re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.MULTILINE))
    read = set(re.findall(r'\.get\("(\w+)"\)', SOURCE))

    assert described == read


UNUSED = {
    "iam:GetRole": "DeliveryStatusLogging",
    "iam:PassRole": "DeliveryStatusLogging",
    "sns:PutDataProtectionPolicy": "DataProtectionPolicy",
    "sns:Subscribe": "Subscription",
    "sns:Unsubscribe": "Subscription",
}
"""Writes of the handlers of a topic that only a property needs which the example's topic does not have."""


def service_role() -> Role:
    roles = Template(REPOSITORY / "infra_templates" / "account.yaml").roles()
    return next(role for role in roles if role.name == "CloudFormationRole")


def lacks(role: Role, texts: dict[str, str], folder: Path) -> set[str]:
    """Return the actions of the handlers of a set's types that a role may not call."""
    found = set()
    for name in texts:
        for resource in yaml_files.read(folder / name).get("Resources", {}).values():
            if resource["Type"] == "AWS::CloudFormation::Stack":
                continue
            for operation in ("create", "read", "update", "delete"):
                for action in handlers.permissions(resource["Type"], operation):
                    needs = UNUSED.get(action) in (None, *resource.get("Properties", {}))
                    allowed = any(one.names(action) for one in role.allowed)
                    if needs and not allowed:
                        found.add(action)
    return found


def test_the_policy_is_what_the_role_lacks_for_the_example_by_awss_data(folder: Path) -> None:
    (role, added), texts = (service_role(), policy()["Statement"]), example()
    statements = [Statement(one["Effect"], tuple(one["Action"]), (one["Resource"],), ()) for one in added]

    with_policy = replace(role, statements=(*role.statements, *statements))

    assert lacks(role, texts, folder) == {action for one in added for action in one["Action"]}
    assert lacks(with_policy, texts, folder) == set()


def test_the_command_that_adds_the_policy_names_the_role_and_the_file() -> None:
    command = next(text for text in re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL) if "put-role" in text)
    properties = Template(REPOSITORY / "infra_templates" / "account.yaml").resources["CloudFormationRole"]

    assert f"--role-name {properties['Properties']['RoleName']} " in command
    assert "file://orders-policy.json" in command
