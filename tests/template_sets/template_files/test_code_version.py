"""The version that a set's code reports is computed without installing it."""

from __future__ import annotations

from pathlib import Path

from datelog.version import compute_version
from deployments.template_sets import template_files
from tests.services import REPOSITORY


def test_the_version_of_the_bundled_set_is_the_one_that_datelog_reports() -> None:
    bundled = template_files.load(REPOSITORY / "infra_templates")

    assert template_files.code_version(bundled) == compute_version(REPOSITORY / "datelog")


def test_a_set_stored_with_a_deployment_has_the_same_version() -> None:
    bundled = template_files.load(REPOSITORY / "infra_templates")

    stored = template_files.unpacked(template_files.packed(bundled))

    assert template_files.code_version(stored) == template_files.code_version(bundled)


def test_a_set_whose_code_reports_no_version_has_none(tmp_path: Path) -> None:
    (tmp_path / "root.yaml").write_text("Resources: {Topic: {Type: AWS::SNS::Topic}}")
    (tmp_path / "playbook/app/datelog").mkdir(parents=True)
    (tmp_path / "playbook/app/datelog/views.py").write_text("")

    assert template_files.code_version(template_files.load(tmp_path)) == ""
