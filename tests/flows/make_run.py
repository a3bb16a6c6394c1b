"""`manage.py run` as `make run` starts it, on a machine with only Python."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.services import LIMIT, REPOSITORY, free_port


class Run:
    """`manage.py run` with a PATH that has no Redis, MariaDB or Apache, of the code in `directory`."""

    def __init__(self, folder: Path, directory: Path = REPOSITORY) -> None:
        self.folder, self.port = folder, free_port()
        self.process = subprocess.Popen(
            [sys.executable, str(directory / "manage.py"), "run"],
            cwd=directory,
            env={
                "HOME": str(folder),
                "PATH": str(Path(sys.executable).parent),
                "SANSO_DATA_DIR": str(folder / "data"),
                "SANSO_SANDBOX_PACE": "0.1",
                "PORT": str(self.port),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.printed = ""
        assert self.process.stdout is not None
        while "Log in as" not in self.printed:
            line = self.process.stdout.readline()
            assert line, self.printed
            self.printed += line

    @property
    def login(self) -> tuple[str, str]:
        found = re.search(r"Log in as (\S+) with the password (\S+)", self.printed)
        assert found, self.printed
        return found[1], found[2]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=LIMIT)

    def processes(self) -> list[str]:
        """Return the command lines of the processes that have this run's data folder in their environment."""
        wanted = f"SANSO_DATA_DIR={self.folder}/data".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if wanted in (entry / "environ").read_bytes() and int(entry.name) != os.getpid():
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found


def log_in(chromium: Browser, run: Run, locale: str = "en") -> Page:
    """Log in with the printed credentials, in a browser of this language."""
    context = chromium.new_context(locale=locale, base_url=run.url)
    context.set_default_timeout(LIMIT * 1000)
    page = context.new_page()
    user, password = run.login
    page.goto(run.url)
    page.locator("input[name=username]").fill(user)
    page.locator("input[name=password]").fill(password)
    page.keyboard.press("Enter")
    return page
