"""A broken ensurepip: the distribution's pip is installed, and installs into the environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.playbook.test_form import PLAYBOOK

PIP = "python3.12-pip"
PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - import_tasks: tasks/venv.yml
"""
# Instead of the distribution's packages: the pip of this Python, as the package provides it.
PACKAGES = """
- copy: {content: "{{ datelog_wanted_packages | join(' ') }}", dest: "{{ datelog_home }}/installed"}
"""
BROKEN = """#!/bin/sh
case "$*" in
  "-m venv --clear --without-pip "*) ;;
  "-m venv "*) echo "Error: Command '['ensurepip']' returned non-zero exit status 1." >&2; exit 1 ;;
esac
exec {python} "$@"
"""


def test_a_broken_ensurepip_is_replaced_by_the_distributions_pip(tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    shutil.copy(PLAYBOOK / "tasks/venv.yml", tmp_path / "tasks")
    (tmp_path / "tasks/packages.yml").write_text(PACKAGES)
    (tmp_path / "play.yml").write_text(PLAY)
    python = tmp_path / "python3.12"
    python.write_text(BROKEN.format(python=sys.executable))
    python.chmod(0o755)
    (tmp_path / "home").mkdir()

    assert "changed=3" in play(tmp_path, python)
    assert (tmp_path / "home/installed").read_text() == PIP
    assert "changed=0" in play(tmp_path, python)

    listed = subprocess.run(
        [tmp_path / "home/venv/bin/pip", "list", "--format=freeze"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout == ""  # of the environment, in which there is nothing yet


def play(folder: Path, python: Path) -> str:
    """Run the tasks that create the environment; return the output."""
    values = {"datelog_home": f"{folder}/home", "datelog_python": str(python), "datelog_pip_packages": [PIP]}
    programs = Path(sys.executable).parent
    done = subprocess.run(
        [
            programs / "ansible-playbook",
            "-i",
            "localhost,",
            "-c",
            "local",
            "-e",
            json.dumps(values),
            "play.yml",
        ],
        cwd=folder,
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
