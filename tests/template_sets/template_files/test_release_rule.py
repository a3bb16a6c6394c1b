"""The release rules in a manifest: parsed, rejected with the key in the error, compared between two sets."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from deployments.cloudformation.release_kind import ReleaseRule
from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.template_sets.template_files.archive import packed, unpacked
from deployments.template_sets.template_files.artifacts import differing_files
from deployments.template_sets.template_files.template_set import load
from tests.template_sets.template_files.test_template_set import make_set

RULE = "release: {artifacts: [playbook.zip], servers: Inner, code: ['app/datelog/*']}\n"
FILLED = "bucket_parameter: Bucket\nprefix_parameter: Prefix\n"
FILES = {"playbook/playbook.yml": "- hosts: all\n", "playbook/app/datelog/wsgi.py": "one\n"}


def test_the_rule_of_a_manifest_is_kept_with_the_set(tmp_path: Path) -> None:
    found = load(make_set(tmp_path, **FILES, **{"template-set.yaml": FILLED + RULE}))
    rule = ReleaseRule(artifacts=("playbook.zip",), servers="Inner", code=("app/datelog/*",))

    assert found.release == rule
    assert unpacked(packed(found)).release == rule


def test_a_set_without_a_rule_has_none(tmp_path: Path) -> None:
    assert load(make_set(tmp_path, **FILES, **{"template-set.yaml": FILLED})).release is None


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        (FILLED + "release: [a]", "template-set.yaml: release must be a mapping."),
        (FILLED + "release: {servers: Inner}", "template-set.yaml: release.artifacts is missing."),
        (
            FILLED + "release: {artifacts: playbook.zip, servers: Inner}",
            "template-set.yaml: release.artifacts must be a list.",
        ),
        (
            FILLED + "release: {artifacts: [other.zip], servers: Inner}",
            "template-set.yaml: release.artifacts[0]: the set has no artifact other.zip.",
        ),
        (
            FILLED + "release: {artifacts: [playbook.zip]}",
            "template-set.yaml: release.servers is missing.",
        ),
        (
            FILLED + "release: {artifacts: [playbook.zip], servers: Outer}",
            "template-set.yaml: release.servers: root.yaml has no nested stack Outer.",
        ),
        (
            FILLED + "release: {artifacts: [playbook.zip], servers: Inner, code: {a: b}}",
            "template-set.yaml: release.code must be a list.",
        ),
        (
            "bucket_parameter: Bucket\nprefix_parameter: ''\n" + RULE,
            "template-set.yaml: release needs prefix_parameter: the address of an artifact must change with "
            "its content.",
        ),
    ],
)
def test_the_error_names_the_file_and_the_key(tmp_path: Path, manifest: str, expected: str) -> None:
    folder = make_set(tmp_path, **FILES, **{"template-set.yaml": manifest})

    with pytest.raises(UserFixable) as caught:
        load(folder)
    assert error_text(caught.value) == expected


def test_the_files_of_the_artifacts_are_compared(tmp_path: Path) -> None:
    manifest = {"template-set.yaml": FILLED + RULE}
    before = load(make_set(tmp_path / "a", **FILES, **manifest))
    changed = {"playbook/app/datelog/wsgi.py": "two\n", "playbook/tasks/new.yml": "[]\n"}
    after = load(make_set(tmp_path / "b", **(FILES | changed), **manifest))

    assert differing_files(before, before, ["playbook.zip"]) == []
    assert differing_files(before, after, ["playbook.zip"]) == ["app/datelog/wsgi.py", "tasks/new.yml"]
    assert differing_files(after, before, ["playbook.zip"]) == ["app/datelog/wsgi.py", "tasks/new.yml"]
    assert differing_files(before, after, ["other.zip"]) == []


def test_the_bundled_set_names_datelog_as_code() -> None:
    bundled = load(settings.SANSO_TEMPLATE_SET)

    assert bundled.release is not None
    assert bundled.release.servers == "AppServers"
    assert bundled.release.is_code("app/datelog/templates/datelog/view.html")
    assert not bundled.release.is_code("playbook.yml")
