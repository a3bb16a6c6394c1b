"""A portal with the test module's own template set, which is deployed and changed in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from deployments import catalog
from deployments.models import TemplateCheck
from tests.running import Portal
from tests.services import Redis, Sandbox


@pytest.fixture
def portal(
    request: pytest.FixtureRequest,
    process_environment: dict[str, str],
    sandbox: Sandbox,
    redis_server: Redis,
    settings: Settings,
    tmp_path: Path,
) -> Iterator[Portal]:
    """A worker and a dispatcher with the test module's `TEMPLATES`, a mapping of file names to texts."""
    folder = tmp_path / "small"
    folder.mkdir()
    for name, text in request.module.TEMPLATES.items():
        (folder / name).write_text(text)
    (folder / "template-set.yaml").write_text(
        "root: root.yaml\nbucket_parameter: Bucket\nprefix_parameter: Prefix\n"
    )
    settings.SANSO_TEMPLATE_SET = folder
    TemplateCheck.objects.create(digest=catalog.load(folder).digest, findings=[])
    environment = process_environment | {
        "SANSO_TEMPLATE_SET": str(folder),
        "SANSO_DATA_DIR": str(tmp_path / "data"),
    }
    running = Portal(environment, tmp_path, sandbox)
    running.start()
    yield running
    running.stop()
