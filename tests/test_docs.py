"""The documents are correct: commands, links, paths and permissions in them exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from deployments.template_sets.template_files import yaml_files
from tests import mentions
from tests.services import REPOSITORY
from tests.test_project import settings_in_example, tracked

DOCUMENTS = tracked("*.md")
DECISIONS = sorted((REPOSITORY / "docs" / "adr").glob("*.md"))


def text_of(*parts: str) -> str:
    return REPOSITORY.joinpath(*parts).read_text()


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", text_of("Makefile"), re.MULTILINE))


WITHOUT_A_CALL = {
    "iam:PassRole",  # checked when a request names the service role
    "cloudformation:TagResource",  # checked when a request names tags
    "rds:AddTagsToResource",  # the same
    "cloudformation:CancelUpdateStack",
    "cloudformation:ContinueUpdateRollback",
    "cloudformation:DeleteChangeSet",
    "cloudformation:GetTemplate",
    "cloudformation:RollbackStack",
    "cloudformation:SetStackPolicy",
    # Service Quotas reads the values of the services with the caller's rights.
    "cloudformation:DescribeAccountLimits",
    "elasticloadbalancing:DescribeAccountLimits",
    "rds:DescribeAccountAttributes",
}


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
def test_links_to_files_and_headings_exist(document: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)(?:#([^)\s]+))?\)", document.read_text())

    for file, heading in links:
        target = document.parent / file
        assert target.exists(), file
        if heading:
            headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            assert heading in {title.lower().replace(" ", "-") for title in headings}


def test_every_path_that_documents_and_comments_name_exists() -> None:
    assert not mentions.mentioned(
        mentions.PATH, lambda path, _file: not mentions.is_path(path.rstrip("."), [REPOSITORY])
    )
    others = mentions.OF_OTHER_PROJECTS
    assert not mentions.mentioned(
        mentions.SHORT_PATH,
        lambda path, file: path not in others and not mentions.is_short_path(path, file),
    )


def test_every_file_that_documents_and_comments_name_exists() -> None:
    known = {file.name for file in mentions.TRACKED} | mentions.OF_OTHER_PROJECTS

    assert not mentions.mentioned(mentions.FILE, lambda name, _file: name not in known)


def test_every_module_and_name_in_it_that_documents_and_comments_name_exists() -> None:
    def is_missing(dotted: str, _file: Path) -> bool:
        return not mentions.is_module_or_name(dotted) and not mentions.PERMISSION.fullmatch(dotted)

    assert not mentions.mentioned(mentions.MODULE, is_missing)


def test_every_command_that_documents_and_comments_name_exists() -> None:
    assert not mentions.mentioned(mentions.COMMAND, lambda command, _file: command not in get_commands())


def test_documents_and_comments_refer_to_nothing_outside_of_the_repository() -> None:
    assert not mentions.mentioned(mentions.PAPERS, lambda _paper, _file: True)


@pytest.mark.parametrize(
    ("dotted", "exists"),
    [
        ("deployments.cloudformation.status.is_final", True),
        ("deployments.cloudformation.status.Status.final", True),
        ("deployments.cloudformation.status.is_over", False),
        ("deployments.core.no_such_module", False),
        ("tests.services", True),
    ],
)
def test_a_name_in_a_module_is_looked_up(dotted: str, exists: bool) -> None:
    assert mentions.is_module_or_name(dotted) is exists


def test_paths_with_braces_and_stars_are_looked_up() -> None:
    assert mentions.is_path("deployments/cloudformation/{status,stuck_resources}.py", [REPOSITORY])
    assert mentions.is_path("docs/*.md", [REPOSITORY])
    assert not mentions.is_path("deployments/cloudformation/{status,no_such_module}.py", [REPOSITORY])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_every_setting_that_a_document_names_exists(document: Path) -> None:
    named = set(re.findall(r"\b(SANSO_[A-Z_]+)", document.read_text()))

    assert named <= set(settings_in_example())


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda file: file.stem)
def test_a_decision_is_short_and_has_three_parts(decision: Path) -> None:
    text = decision.read_text()

    assert len(text.splitlines()) < 40
    assert text.startswith(f"# {int(decision.name[:4])}. ")
    assert re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_every_runbook_is_in_the_list_of_what_follows_it() -> None:
    runbooks = re.findall(r"^## (.+)$", text_of("docs", "runbooks.md"), re.MULTILINE)
    followed = text_of("docs", "reliability.md").partition("## Runbooks\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| .+ \|$", followed, re.MULTILINE)

    assert rows[1:] == runbooks


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(file.name[:4]) for file in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def test_the_portals_role_allows_every_call_of_the_gateways_and_little_else() -> None:
    gateways = [file.read_text() for file in (REPOSITORY / "deployments" / "aws").glob("*.py")]
    called = {name for text in gateways for name in re.findall(r'calling\("([\w]+:\w+)"', text)}
    role = yaml_files.read(REPOSITORY / "infra_templates" / "account.yaml")["Resources"]["PortalRole"]
    statements = [
        s for policy in role["Properties"]["Policies"] for s in policy["PolicyDocument"]["Statement"]
    ]
    allowed = {
        name for s in statements for name in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])
    }

    assert called - {"sts:GetCallerIdentity"} <= allowed  # AWS allows it without a permission
    assert allowed - called <= WITHOUT_A_CALL


def test_the_changelog_has_an_unreleased_section() -> None:
    assert "\n## Unreleased\n" in text_of("CHANGELOG.md")


def test_every_fix_on_the_security_page_names_existing_tests() -> None:
    fixes = text_of("SECURITY.md").partition("## Vulnerabilities found")[2].splitlines()[4:]

    assert len(fixes) >= 13
    for fix in fixes:
        named = re.findall(r"`((?:portal/sandbox/sandbox_)?tests/[^`]+)`", fix)
        assert named, fix
        assert [path for path in named if not (REPOSITORY / path).is_file()] == [], fix
