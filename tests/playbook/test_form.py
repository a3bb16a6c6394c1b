"""Static checks of the playbook: linter, syntax, required settings."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.services import REPOSITORY

PLAYBOOK = REPOSITORY / "playbook"
SERVICE = (PLAYBOOK / "templates/uwsgi.service.j2").read_text()


def run(folder: Path, program: str, *arguments: str) -> str:
    """Run a program of this environment in the playbook's folder; return its output, or fail if it fails."""
    programs = Path(sys.executable).parent
    done = subprocess.run(
        [programs / program, *arguments],
        cwd=PLAYBOOK,
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_linter_finds_nothing_under_its_strictest_profile(tmp_path: Path) -> None:
    found = run(tmp_path, "ansible-lint", "--offline", "--profile", "production", "playbook.yml")
    assert "Passed: 0 failure(s), 0 warning(s)" in found


def test_the_syntax_is_valid(tmp_path: Path) -> None:
    run(tmp_path, "ansible-playbook", "--syntax-check", "-i", "localhost,", "playbook.yml")


def test_no_task_with_a_secret_logs_its_arguments() -> None:
    tasks = [task for path in (PLAYBOOK / "tasks").glob("*.yml") for task in yaml.safe_load(path.read_text())]
    handling = [task for task in tasks if "environment.j2" in str(task) or "datelog_environment" in str(task)]
    assert len(handling) >= 2
    for task in handling:
        if "include_vars" not in str(task) and "datelog_environment_file" not in str(
            task.get("register", "")
        ):
            assert task.get("no_log"), task["name"]


@pytest.mark.parametrize(
    "line",
    [
        "Type=notify",
        "EnvironmentFile={{ datelog_environment_file }}",
        "Restart=on-failure",
        "DynamicUser=yes",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "CapabilityBoundingSet=",
    ],
)
def test_the_unit_is_hardened_and_restarts(line: str) -> None:
    assert line in SERVICE.splitlines()


def test_uwsgi_exits_without_the_app_and_replaces_stuck_workers() -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None, inline_comment_prefixes=None)
    parser.read(PLAYBOOK / "files/uwsgi.ini")
    settings = parser["uwsgi"]
    assert settings["need-app"] == settings["master"] == settings["lazy-apps"] == "true"
    assert settings["processes"] == "%k"
    # longer than Apache's timeout of 60 seconds
    assert int(settings["harakiri"]) > 60
    assert settings["stats"].startswith("$(RUNTIME_DIRECTORY)/")
