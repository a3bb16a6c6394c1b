"""Confines attack.py in one way: `python -m sandbox_tests.confinement.run_confined MODE FOLDER GOALS`.

MODE and GOALS are JSON, FOLDER contains the workspaces. Prints the program's output, or fails as it did.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from sandbox_tests.confinement import attack
from sanso_sandbox.backends.functions.confinement.workspace import Mode, Workspace
from sanso_sandbox.supervision.protection import protect

if __name__ == "__main__":
    protect()
    mode, folder, goals = sys.argv[1:]
    tempfile.tempdir = folder
    workspace = Workspace(Mode(**json.loads(mode)))
    command = [sys.executable, "-I", "-S", attack.__file__, goals]
    process = workspace.start(command, environment={}, folder=workspace.temporary, readable=[attack.__file__])
    out, err = process.communicate()
    workspace.remove()
    sys.stdout.write(out)
    sys.stderr.write(err)
    if Path(folder).exists() and any(Path(folder).iterdir()):
        raise SystemExit("something was left")
    raise SystemExit(process.returncode)
