"""Runs a program that must not outlive the process that started it, however that process ends.

`python die_with_parent.py COMMAND ARGUMENT...` starts the command and waits for it. When its own standard
input ends, because the process at its other end closed it or died, the command is terminated, and killed if
it does not end. What the command leaves in its process group is terminated, too.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

TIMEOUT = 10  # seconds


def main() -> int:
    """Run the command; returns its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # what this process was given stays open; its own descriptors are closed
    with subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, close_fds=False) as process:
        signal.signal(signal.SIGTERM, lambda _number, _frame: process.terminate())

        def end_with_input() -> None:
            while os.read(sys.stdin.fileno(), 4096):
                pass
            process.terminate()
            try:
                process.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()

        threading.Thread(target=end_with_input, daemon=True).start()
        return process.wait()


if __name__ == "__main__":
    code = main()
    if os.getpgrp() == os.getpid():  # the group is the command's alone
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(0, signal.SIGTERM)
    sys.exit(code)
