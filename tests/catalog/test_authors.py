"""docs/template-authors.md: the example is a valid set, and the documented keys are the manifest's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deployments import catalog
from deployments.catalog import lint, manifest
from tests.services import REPOSITORY

DOCUMENT = (REPOSITORY / "docs" / "template-authors.md").read_text()
SOURCE = Path(manifest.__file__).read_text()
NAMED = re.compile(r"^`([\w-]+\.yaml)`:\n\n```yaml\n(.*?)```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files of the document's example."""
    for name, text in re.findall(
        r"^`([\w-]+\.yaml)`:\n\n```yaml\n(.*?)```", DOCUMENT, re.MULTILINE | re.DOTALL
    ):
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_example_is_a_set_with_its_presets(folder: Path) -> None:
    example = catalog.load(folder)

    assert {file.name for file in folder.iterdir()} == {"root.yaml", "inner.yaml", "template-set.yaml"}
    assert [preset.label for preset in example.presets] == ["Trial", "Production"]
    assert example.choose_once == {"Region"}


def test_the_example_is_a_set_without_its_manifest_too(folder: Path) -> None:
    (folder / "template-set.yaml").unlink()

    assert "RetentionDays" in catalog.load(folder).parameters


def test_cfn_lint_finds_nothing_in_the_example(folder: Path) -> None:
    assert lint.findings(catalog.load(folder)) == []


def test_every_key_of_the_manifest_is_described_and_no_other() -> None:
    described = set(re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.MULTILINE))
    read = set(re.findall(r'\.get\("(\w+)"\)', SOURCE))

    assert described == read
