"""Run cfn-lint on a template set, in a separate process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from deployments.catalog.template_set import TemplateSet
from deployments.errors import UserFixable
from deployments.message_codes import Code

LIMIT_SECONDS = 120


def findings(template_set: TemplateSet) -> list[dict[str, str]]:
    """Return cfn-lint's errors and warnings: level, rule, file, line, message.

    cfn-lint stores the templates in module globals, so it runs outside the worker. It uses a `.cfnlintrc` in
    the set's folder.

    Raise UserFixable if cfn-lint itself fails.
    """
    command = [
        sys.executable,
        "-c",
        "import sys; from cfnlint.runner import main; sys.exit(main())",
        "--format",
        "json",
        *(path.name for path in template_set.templates),
    ]
    try:
        done = subprocess.run(
            command,
            cwd=template_set.folder,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
        matches = json.loads(done.stdout or "[]")
    except (subprocess.TimeoutExpired, json.JSONDecodeError) as exc:
        raise UserFixable("LintFailed", Code.LINT_FAILED, why=exc) from exc
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
