"""Runs a server that must not outlive the process that started it, however that process ends.

`python die_with_parent.py COMMAND ARGUMENT...` starts the command and waits for it. When its own standard
input ends, because whoever held the other end closed it or died, the command is terminated, and killed if it
lingers.
"""

import os
import signal
import subprocess
import sys
import threading

PATIENCE = 10  # seconds


def main() -> int:
    """Run the command; returns its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL) as process:
        signal.signal(signal.SIGTERM, lambda _number, _frame: process.terminate())

        def hold() -> None:
            while os.read(sys.stdin.fileno(), 4096):
                pass
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()

        threading.Thread(target=hold, daemon=True).start()
        return process.wait()


if __name__ == "__main__":
    sys.exit(main())
