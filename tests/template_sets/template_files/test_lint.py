"""cfn-lint itself, on valid and broken sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments.common.errors import UserFixable
from deployments.template_sets.template_files.archive import packed, unpacked
from deployments.template_sets.template_files.lint import findings
from deployments.template_sets.template_files.template_set import load


def folder_with(folder: Path, root: str, lintrc: str = "") -> Path:
    (folder / "root.yaml").write_text(root)
    if lintrc:
        (folder / ".cfnlintrc").write_text(lintrc)
    return folder


def test_an_error_has_its_rule_file_and_line(tmp_path: Path) -> None:
    root = "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties: {Nonsense: true}\n"

    found = findings(load(folder_with(tmp_path, root)))

    errors = [f for f in found if f["level"] == "Error"]
    assert [(f["file"], f["line"], f["rule"]) for f in errors] == [("root.yaml", "4", "E3002")]
    assert "Nonsense" in errors[0]["message"]


def test_warnings_are_distinguished_from_errors_and_a_clean_set_has_neither(tmp_path: Path) -> None:
    clean = "Resources: {Topic: {Type: AWS::SNS::Topic}}\n"
    assert findings(load(folder_with(tmp_path, clean))) == []

    unused = "Parameters: {Unused: {Type: String}}\n" + clean
    assert [f["level"] for f in findings(load(folder_with(tmp_path, unused)))] == ["Warning"]


def test_the_lint_configuration_of_the_set_is_used(tmp_path: Path) -> None:
    unused = "Parameters: {Unused: {Type: String}}\nResources: {Topic: {Type: AWS::SNS::Topic}}\n"

    assert findings(load(folder_with(tmp_path, unused, "ignore_checks: [W2001]\n"))) == []


def test_a_linter_that_does_not_start_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")

    with pytest.raises(UserFixable, match="lint_failed"):
        findings(load(folder_with(tmp_path, "Resources: {Topic: {Type: AWS::SNS::Topic}}\n")))


def test_a_set_cannot_make_cfn_lint_run_its_own_code(tmp_path: Path) -> None:
    code = f"from pathlib import Path; Path({str(tmp_path / 'ran')!r}).touch()"
    folder = tmp_path / "set"
    (folder / "rules").mkdir(parents=True)
    (folder / "rules" / "own.py").write_text(code)
    (folder / "cfnlint.py").write_text(code)
    (folder / ".cfnlintrc").write_text("append_rules: [rules]\nignore_checks: [W]\n")
    (folder / "root.yaml").write_text("Resources: {Topic: {Type: 'AWS::SNS::Topic'}}\n")
    (folder / "template-set.yaml").write_text("artifacts: [{key: a.zip, folder: .}]\n")
    assert findings(unpacked(packed(load(folder)))) == []
    assert not (tmp_path / "ran").exists()
