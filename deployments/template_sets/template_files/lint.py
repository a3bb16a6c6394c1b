"""Run cfn-lint on a template set, in a separate process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.template_sets.template_files import yaml_files
from deployments.template_sets.template_files.template_set import TemplateSet

LIMIT_SECONDS = 120
CONFIG = ".cfnlintrc"
_TAKEN = (
    "configure_rules",
    "ignore_checks",
    "include_checks",
    "include_experimental",
    "mandatory_checks",
    "regions",
)
"""The keys that a set may configure. Other keys name files; one, append_rules, names Python code to run."""
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ")


def findings(template_set: TemplateSet) -> list[dict[str, str]]:
    """Return cfn-lint's errors and warnings: level, rule, file, line, message.

    cfn-lint stores the templates in module globals, so it runs outside the worker, without its secrets. Of a
    `.cfnlintrc` in the set's folder it uses the keys that configure its own rules.

    Raise UserFixable if cfn-lint itself fails.
    """
    with tempfile.TemporaryDirectory(prefix="sanso-lint-") as home:
        config = Path(home) / "config.yaml"
        config.write_text(json.dumps(_config(template_set.folder)))
        done, matches = _run(template_set, config)
    if done.returncode and not matches:
        raise UserFixable("LintFailed", Code.LINT_FAILED, why=done.stderr[-500:])
    return [
        {
            "level": match["Level"],
            "rule": match["Rule"]["Id"],
            "file": Path(match["Filename"]).name,
            "line": str(match["Location"]["Start"]["LineNumber"]),
            "message": match["Message"],
        }
        for match in matches
        if match["Level"] in ("Error", "Warning")
    ]


def _config(folder: Path) -> dict[str, Any]:
    """Return the configuration of a set. Raise UserFixable if it cannot be read."""
    path = folder / CONFIG
    content = yaml_files.read(path) if path.exists() else {}
    return {key: content[key] for key in _TAKEN if key in content}


def _run(template_set: TemplateSet, config: Path) -> tuple[subprocess.CompletedProcess[str], Any]:
    command = [
        sys.executable,
        "-P",  # do not import a module from the set's folder
        "-c",
        "import sys; from cfnlint.runner import main; sys.exit(main())",
        "--format",
        "json",
        "--config-file",
        str(config),
        "--",
        *(path.name for path in template_set.templates),
    ]
    try:
        done = subprocess.run(
            command,
            cwd=template_set.folder,
            env={name: os.environ[name] for name in _KEPT if name in os.environ}
            | {"HOME": str(config.parent)},
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
        return done, json.loads(done.stdout or "[]")
    except (subprocess.TimeoutExpired, json.JSONDecodeError) as exc:
        raise UserFixable("LintFailed", Code.LINT_FAILED, why=exc) from exc
