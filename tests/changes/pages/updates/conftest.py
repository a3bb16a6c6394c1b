"""A template set with a first version, and an environment that follows a channel of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User

from deployments.environments.models.environments import Environment
from deployments.template_sets.models.sources import TemplateSource
from deployments.template_sets.models.versions import TemplateVersion
from tests.changes.pages.updates.versions import PLAYBOOK
from tests.template_versions import ROOT, make_pinned, make_source, make_version


@pytest.fixture
def source(operator: User) -> TemplateSource:
    """A Git repository with templates."""
    return make_source()


@pytest.fixture
def first(source: TemplateSource, tmp_path: Path) -> TemplateVersion:
    """The first version, a release."""
    return make_version(source, tmp_path / "shop", "v1.0", files={"root.yaml": ROOT, **PLAYBOOK})


@pytest.fixture
def shop(first: TemplateVersion) -> Environment:
    """An environment with the first version, on the channel of releases."""
    return make_pinned("shop", first, channel="v1.*")
