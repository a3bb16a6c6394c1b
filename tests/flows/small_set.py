"""A portal with the test module's own template set, which is deployed and changed in seconds.

The tests of a module share its processes, and each has fresh accounts and users. A module imports all
fixtures of this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from deployments.template_sets import template_files
from deployments.template_sets.models.stored_sets import TemplateCheck
from tests.flows.web import Web, environment_of_processes, start_web
from tests.running import Portal
from tests.services import Redis, Sandbox

MANIFEST = "root: root.yaml\nbucket_parameter: Bucket\nprefix_parameter: Prefix\n"


@pytest.fixture(scope="module")
def template_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The module's `TEMPLATE_SET`, a folder, or its `TEMPLATES`, a mapping of file names to texts."""
    given: Path | None = getattr(request.module, "TEMPLATE_SET", None)
    if given is not None:
        return given
    folder = tmp_path_factory.mktemp("small")
    for name, text in {"template-set.yaml": MANIFEST, **request.module.TEMPLATES}.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def shared_portal(
    django_db_setup: None,
    sandbox: Sandbox,
    redis_server: Redis,
    template_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Portal]:
    """A worker and a dispatcher for the tests of a module."""
    folder = tmp_path_factory.mktemp("portal")
    environment = environment_of_processes() | {
        "SANSO_TEMPLATE_SET": str(template_folder),
        "SANSO_DATA_DIR": str(folder / "data"),
        "SANSO_DISPATCH_INTERVAL": "0.3",
    }
    running = Portal(environment, folder, sandbox)
    running.start()
    yield running
    running.kill()


@pytest.fixture(scope="module")
def portal_web(shared_portal: Portal) -> Iterator[Web]:
    """A web process for the tests of a module, which uses the worker's database."""
    server = start_web(shared_portal.folder / "web", shared_portal.environment)
    yield server
    server.stop()


@pytest.fixture
def portal(
    shared_portal: Portal, template_folder: Path, transactional_db: None, settings: Settings
) -> Iterator[Portal]:
    """The portal of the module, at rest before and after each test."""
    settings.SANSO_TEMPLATE_SET = template_folder
    digest = template_files.load(template_folder).digest
    TemplateCheck.objects.get_or_create(digest=digest, defaults={"findings": []})
    shared_portal.resume()
    yield shared_portal
    shared_portal.rest()
