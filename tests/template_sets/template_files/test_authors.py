"""docs/template-authors.md: its example is a set, its policy is enough, and its keys are the manifest's."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from deployments.template_sets import template_files
from deployments.template_sets.template_files import lint, manifest
from tests.permissions.role_policies import Template
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
    example = template_files.load(folder)

    assert {file.name for file in folder.iterdir()} == {"root.yaml", "inner.yaml", "template-set.yaml"}
    assert [preset.label for preset in example.presets] == ["Trial", "Production"]
    assert example.choose_once == {"Region"}


def test_the_example_is_a_set_without_its_manifest_too(folder: Path) -> None:
    (folder / "template-set.yaml").unlink()

    found = template_files.load(folder)

    assert set(found.parameters) == {"Prefix", "Name", "RetentionDays", "Region"}
    assert (found.bucket_parameter, found.prefix_parameter) == ("Bucket", "Prefix")
    assert found.missing_templates({"Prefix": "orders"}) == []


def test_cfn_lint_finds_nothing_in_the_example(folder: Path) -> None:
    assert lint.findings(template_files.load(folder)) == []


def test_every_key_of_the_manifest_is_described_and_no_other() -> None:
    described = set(re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.MULTILINE))
    read = set(re.findall(r'\.get\("(\w+)"\)', SOURCE))

    assert described == read


def test_the_policy_is_what_the_command_writes_for_the_example(folder: Path) -> None:
    written = StringIO()

    call_command("role_policy", str(folder), stdout=written)

    assert json.loads(written.getvalue()) == policy()


def test_the_command_that_adds_the_policy_names_the_role_and_the_file() -> None:
    commands = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)
    command = next(text for text in commands if "attach-role-policy" in text)
    properties = Template(REPOSITORY / "infra_templates" / "account.yaml").resources["CloudFormationRole"]

    assert f"--role-name {properties['Properties']['RoleName']} " in command
    assert "file://orders-policy.json" in command
