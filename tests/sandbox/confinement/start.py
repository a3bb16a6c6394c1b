"""Confines attack.py in one way: `python -m tests.sandbox.confinement.start MODE FOLDER GOALS`.

MODE and GOALS are JSON, FOLDER is where rooms lie; prints what the program printed, or fails as it did.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from portal.process import protect
from portal.sandbox.backends.functions.confinement.workspace import Mode, Room
from tests.sandbox.confinement import attack

if __name__ == "__main__":
    protect()
    mode, folder, goals = sys.argv[1:]
    tempfile.tempdir = folder
    room = Room(Mode(**json.loads(mode)))
    command = [sys.executable, "-I", "-S", attack.__file__, goals]
    process = room.start(command, environment={}, folder=room.temporary, readable=[attack.__file__])
    out, err = process.communicate()
    room.remove()
    sys.stdout.write(out)
    sys.stderr.write(err)
    if Path(folder).exists() and any(Path(folder).iterdir()):
        raise SystemExit("something was left")
    raise SystemExit(process.returncode)
