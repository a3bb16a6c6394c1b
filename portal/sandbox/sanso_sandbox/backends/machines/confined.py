"""Executes a program that may read and write only some paths, if the kernel supports Landlock.

Started as `python -I -S confined.py PATHS COMMAND ARGUMENT…`, with the readable PATHS as JSON. Confines the
code of a deployed zip, which must not access the portal's files, keys and processes. Open sockets are kept.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sanso_sandbox.backends.functions.confinement import kernel
elif sys.platform == "linux":
    # loaded by path, because the project is not on the path of this program
    _confinement = Path(__file__).resolve().parents[1] / "functions/confinement"
    _found = importlib.util.spec_from_file_location("kernel", _confinement / "kernel.py")
    kernel = importlib.util.module_from_spec(_found)
    _found.loader.exec_module(kernel)

DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")


def main() -> None:
    """Drop rights and execute the program."""
    readable, command = json.loads(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        kernel.drop_capabilities()
        kernel.forbid_new_privileges()
        kernel.restrict_files([*readable, "/proc"], DEVICES)
    os.execv(command[0], command)  # noqa: S606 - a path and no shell


if __name__ == "__main__":
    main()
