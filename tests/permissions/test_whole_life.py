"""The whole life of an environment under the boundary, with each preset and database: nothing is denied."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from deployments.template_sets import template_files
from tests.permissions import granted_actions
from tests.permissions.conftest import TEMPLATES
from tests.permissions.lifecycle import Life
from tests.running import Portal, client, new_account
from tests.services import REPOSITORY
from tests.template_versions import make_source, make_version

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(900),
]
PRESETS = {one.name: dict(one.values) for one in template_files.load(TEMPLATES).presets}


@pytest.mark.parametrize(
    ("preset", "scope", "records"),
    [
        ("trial", "strict", "embedded"),
        ("standard", "standard", "mariadb"),
        ("production", "strict", "embedded"),
    ],
    indirect=["records"],
)
def test_an_environment_is_created_changed_released_rolled_back_and_deleted(
    portal: Portal, tmp_path: Path, preset: str, scope: str
) -> None:
    life = Life(portal, new_account(), options=PRESETS[preset])
    life.prepare()
    account = life.account.sandbox_account_id
    iam = client(life.account, "iam", portal.sandbox)
    granted_actions.put(iam, account, RolesNeedBoundary="true", Scope=scope)
    for part in ("infra_templates", "playbook", "datelog"):
        shutil.copytree(REPOSITORY / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    folder = tmp_path / "infra_templates"
    version = make_version(make_source(), folder, "v2", files={"../datelog/added.py": "ADDED = 1\n"})

    assert life.go("deploy"), life.texts()
    assert life.go("change"), life.texts()
    assert life.release(version), life.texts()
    assert life.roll_back(), life.texts()
    assert life.go("delete"), life.texts()
    made = granted_actions.decisions(portal.sandbox, account)
    assert [one for one in made if not one["allowed"]] == []
