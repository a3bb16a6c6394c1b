"""A portal with the template set that ships, in a sandbox without real machines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from deployments.template_sets import template_files
from deployments.template_sets.models.stored_sets import TemplateCheck
from tests.running import Portal
from tests.services import REPOSITORY, Redis, Sandbox, start_sandbox

TEMPLATES = REPOSITORY / "infra_templates"


@pytest.fixture(scope="session")
def records(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox whose machines are records, with the embedded database, or the one that a test names."""
    server = start_sandbox(
        tmp_path_factory.mktemp("records"),
        machines="records",
        database=getattr(request, "param", "embedded"),
        permissions="enforce",
    )
    yield server
    server.stop()


@pytest.fixture
def portal(
    process_environment: dict[str, str],
    records: Sandbox,
    redis_server: Redis,
    settings: Settings,
    tmp_path: Path,
) -> Iterator[Portal]:
    """A running portal with the template set that ships."""
    settings.SANSO_TEMPLATE_SET = TEMPLATES
    for name, value in records.portal_settings.items():
        setattr(settings, name, value)
    TemplateCheck.objects.create(digest=template_files.load(TEMPLATES).digest, findings=[])
    environment = process_environment | {
        **records.portal_settings,
        "SANSO_TEMPLATE_SET": str(TEMPLATES),
        "SANSO_DISPATCH_INTERVAL": "0.1",
        "SANSO_DATA_DIR": str(tmp_path / "data"),
    }
    running = Portal(environment, tmp_path, records)
    running.start()
    yield running
    running.stop()
