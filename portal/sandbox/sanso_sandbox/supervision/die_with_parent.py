"""Runs a program that must not outlive the process that started it, even if that process is killed.

`python die_with_parent.py COMMAND ARGUMENT...` starts the command and waits for it. When its own standard
input ends, because the other end was closed or its process died, the command is terminated, and killed if it
does not end. Remaining processes of the command's process group are terminated too.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

TIMEOUT = 10  # seconds


def main() -> int:
    """Run the command; return its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # this process's inherited descriptors stay open; its own are closed
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
    if os.getpgrp() == os.getpid():  # the group contains only the command
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(0, signal.SIGTERM)
    sys.exit(code)
