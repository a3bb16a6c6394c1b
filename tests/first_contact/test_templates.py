"""The templates of the small stacks agree with those of environments."""

from __future__ import annotations

from pathlib import Path

from deployments.first_contact.steps import small_stack
from deployments.template_sets.template_files import yaml_files
from tests.services import REPOSITORY


def engine_version(template: Path) -> str:
    return str(yaml_files.read(template)["Parameters"]["EngineVersion"]["Default"])


def test_the_database_has_the_engine_version_of_new_environments() -> None:
    own = Path(small_stack.__file__).parent / "database.yaml"

    assert engine_version(own) == engine_version(REPOSITORY / "infra_templates" / "aurora.yaml")
