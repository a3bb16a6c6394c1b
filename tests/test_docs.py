"""The documents say what is so: commands exist, links lead somewhere, permissions are those needed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.services import REPOSITORY
from tests.test_project import settings_in_example, tracked

DOCUMENTS = tracked("*.md")
DECISIONS = sorted((REPOSITORY / "docs" / "adr").glob("*.md"))


def text_of(*parts: str) -> str:
    return REPOSITORY.joinpath(*parts).read_text()


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", text_of("Makefile"), re.MULTILINE))


def test_readme_starts_with_the_two_commands() -> None:
    first = text_of("README.md").splitlines()[:6]

    assert any(line.startswith("make run ") for line in first)
    assert any(line.startswith("make test ") for line in first)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_every_make_target_that_a_document_names_exists(document: Path) -> None:
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", document.read_text(), re.MULTILINE))

    assert named <= targets()


def test_every_make_target_is_explained_to_contributors() -> None:
    explained = set(re.findall(r"`make ([a-z-]+)`", text_of("CONTRIBUTING.md")))

    assert targets() - {"help"} <= explained


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_links_to_files_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)(?:#([^)\s]+))?\)", document.read_text())

    for file, heading in links:
        target = document.parent / file
        assert target.exists(), file
        if heading:
            headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            assert heading in {title.lower().replace(" ", "-") for title in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_every_setting_that_a_document_names_exists(document: Path) -> None:
    named = set(re.findall(r"\b(SANSO_[A-Z_]+)", document.read_text()))

    assert named <= set(settings_in_example())


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda file: file.stem)
def test_a_decision_is_short_and_has_its_three_parts(decision: Path) -> None:
    text = decision.read_text()

    assert len(text.splitlines()) < 40
    assert text.startswith(f"# {int(decision.name[:4])}. ")
    assert re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(file.name[:4]) for file in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def test_the_documented_role_allows_exactly_what_the_gateways_call() -> None:
    gateways = [file.read_text() for file in (REPOSITORY / "deployments" / "aws").glob("*.py")]
    called = {name for text in gateways for name in re.findall(r'calling\("([\w]+:\w+)"', text)}
    allowed = set(re.findall(r'"((?:cloudformation|s3|sts|\w+):[A-Z]\w+)"', text_of("docs", "production.md")))

    assert allowed - {"sts:AssumeRole", "iam:PassRole", "sts:ExternalId", "iam:PassedToService"} == called


def test_the_changelog_has_a_place_for_what_is_next() -> None:
    assert "\n## Unreleased\n" in text_of("CHANGELOG.md")
