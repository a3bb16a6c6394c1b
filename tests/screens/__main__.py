"""Run a separate portal and take its screens: `python -m tests.screens`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.screens.running import running_portal
from tests.services import REPOSITORY

FOLDER = REPOSITORY / ".screens"
TAKE = """
import sys, pathlib, django
django.setup()
from tests.screens.take import main
sys.exit(main(sys.argv[1], pathlib.Path(sys.argv[2])) > 0)
"""


def main() -> int:
    """Take all screens, in a process that uses the database of the portal."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    with tempfile.TemporaryDirectory(prefix="sanso-screens-") as work, running_portal(Path(work)) as run:
        command = [sys.executable, "-c", TAKE, run.url, work]
        return subprocess.run(command, env=run.environment, cwd=REPOSITORY, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
