"""Fetched files as a template set."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.template_sets import template_files

ROOT = b"Resources: {A: {Type: AWS::SNS::Topic}}"
MANIFEST = "artifacts: [{key: playbook.zip, %s: %s}]"


def test_fetched_files_are_the_set_that_their_folder_would_be(tmp_path: Path) -> None:
    files = {"set/root.yaml": ROOT, "set/playbook/a.yml": b"a", "beside.txt": b""}
    for name, body in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(body)

    found = template_files.as_template_set(files, "set")

    assert found.digest == template_files.load(tmp_path / "set").digest
    assert [name for name, _body in template_files.build_objects(found)] == ["root.yaml", "playbook.zip"]


def test_the_bundled_set_is_the_same_when_it_is_fetched() -> None:
    base = settings.BASE_DIR
    paths = [p for folder in ("infra_templates", "playbook", "datelog") for p in (base / folder).rglob("*")]
    files = {
        path.relative_to(base).as_posix(): path.read_bytes()
        for path in paths
        if path.is_file() and "__pycache__" not in path.parts
    }

    found = template_files.as_template_set(files, "infra_templates")

    assert found.digest == template_files.load(base / "infra_templates").digest


@pytest.mark.parametrize("reference", ["/etc", "../../../../../../../etc", "../.."])
def test_a_manifest_does_not_bring_files_of_this_machine(reference: str) -> None:
    files = {"root.yaml": ROOT, "template-set.yaml": (MANIFEST % ("folder", reference)).encode()}

    with pytest.raises(UserFixable) as refused:
        template_files.as_template_set(files, "")

    assert refused.value.message.code == Code.SOURCE_OUTSIDE


def test_a_broken_set_is_refused_as_one_in_a_folder_is() -> None:
    with pytest.raises(UserFixable) as refused:
        template_files.as_template_set({"root.yaml": b"- a list"}, "")

    assert refused.value.message.code == Code.FILE_UNREADABLE


def test_a_name_that_leads_elsewhere_is_never_written() -> None:
    with pytest.raises(UserFixable) as refused:
        template_files.as_template_set({"root.yaml": ROOT, "../../escaped": b""}, "")

    assert refused.value.message.code == Code.SOURCE_NAME_NOT_ALLOWED
