"""cfn-lint has no findings, even with the root's values in the nested stacks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.infra.resolved_templates import CHOICES, TEMPLATES, literal, resolve


def findings(*arguments: str) -> list[str]:
    """Return cfn-lint's findings, with informational ones (.cfnlintrc includes them)."""
    run = [sys.executable, "-c", "import sys; from cfnlint.runner import main; sys.exit(main())"]
    done = subprocess.run(
        [*run, "--format", "json", *arguments], cwd=TEMPLATES, capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    return [
        f"{Path(m['Filename']).name}:{m['Location']['Start']['LineNumber']} {m['Rule']['Id']} {m['Message']}"
        for m in json.loads(done.stdout)
    ]


def test_the_templates_have_no_finding() -> None:
    assert findings() == []


@pytest.mark.parametrize("choice", CHOICES)
def test_the_templates_have_no_finding_with_the_roots_values(choice: str, tmp_path: Path) -> None:
    for file_name, template in resolve(CHOICES[choice]).items():
        save(tmp_path / f"default-{file_name}.json", template)
        save(tmp_path / f"literal-{file_name}.json", literal(template))

    assert findings("--config-file", ".cfnlintrc", *map(str, sorted(tmp_path.iterdir()))) == []


def test_the_linter_detects_a_retired_engine_version(tmp_path: Path) -> None:
    """With literal values, even a rule that checks only literals has a finding."""
    choices = {**CHOICES["defaults"], "EngineVersion": "8.0.mysql_aurora.3.01.0"}
    save(tmp_path / "aurora.json", literal(resolve(choices)["aurora.yaml"]))

    found = findings("--config-file", ".cfnlintrc", str(tmp_path / "aurora.json"))

    assert any("8.0.mysql_aurora.3.01.0" in finding for finding in found)


def save(path: Path, template: dict[str, Any]) -> None:
    path.write_text(json.dumps(template, indent=1))
