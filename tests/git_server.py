"""A bare Git repository that tests commit to, and a server that serves it over HTTP on loopback."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LOOPBACK = "127.0.0.1"
AUTHOR = "Aiko Tanaka <aiko@example.com>"
AUTHORED = 1_790_000_000


class GitRepository:
    """A bare repository, independent of the developer's configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--bare", "--quiet", "--initial-branch=main", ".")

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run git in the repository, and return its output."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_COMMITTER_NAME": "Aiko Tanaka",
            "GIT_COMMITTER_EMAIL": "aiko@example.com",
        }
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            env=environment,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def commit(
        self, files: Mapping[str, str | bytes], message: str = "Change it", branch: str = "main"
    ) -> str:
        """Add or replace files on a branch, and return the commit."""
        ref = f"refs/heads/{branch}"
        lines = [b"commit %s\n" % ref.encode()]
        lines += [b"%s %s %d +0900\n" % (who, AUTHOR.encode(), AUTHORED) for who in (b"author", b"committer")]
        lines.append(_data(message.encode()))
        if self.git("for-each-ref", ref):
            lines.append(b"from %s^0\n" % ref.encode())
        for path, body in files.items():
            lines.append(b"M 100644 inline %s\n" % path.encode())
            lines.append(_data(body.encode() if isinstance(body, str) else body))
        self.git("fast-import", "--quiet", "--force", stdin=b"".join(lines))
        return self.git("rev-parse", ref)

    def tag(self, name: str, at: str = "main", message: str = "") -> None:
        """Tag a commit, as an annotated tag if there is a message. An existing tag of this name is moved."""
        self.git("tag", "--force", *(["-m", message] if message else []), name, at)

    def delete(self) -> None:
        """Remove the repository."""
        shutil.rmtree(self.folder)


def _data(body: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(body), body)


class GitServer(ThreadingHTTPServer):
    """Serves the repositories of a folder, `NAME.git`. A token, if given, is required as the password."""

    daemon_threads = True

    def __init__(self, folder: Path, token: str = "") -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.folder, self.token = folder, token
        self.requests: list[str] = []
        self.answering = threading.Event()
        """While it is not set, requests are received but not answered."""
        self.answering.set()

    def url(self, name: str) -> str:
        """Return the URL of a repository."""
        return f"http://{LOOPBACK}:{self.server_port}/{name}.git"

    def create(self, name: str) -> GitRepository:
        """Create a repository to serve."""
        return GitRepository(self.folder / f"{name}.git")


class _Handler(BaseHTTPRequestHandler):
    server: GitServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(b"")

    def do_POST(self) -> None:
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))

    def answer(self, body: bytes) -> None:
        self.server.requests.append(f"{self.command} {self.path}")
        self.server.answering.wait()
        if self.server.token and not self.knows_the_token():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        done = subprocess.run(
            ["git", "-c", "safe.directory=*", "http-backend"],
            input=body,
            capture_output=True,
            check=False,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.server.folder),
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_PROJECT_ROOT": str(self.server.folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
            },
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = [line.decode().split(": ", 1) for line in head.split(b"\r\n") if b": " in line]
        status = next((value for name, value in headers if name == "Status"), "200 OK")
        self.send_response(int(status.split()[0]))
        for name, value in headers:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def knows_the_token(self) -> bool:
        _, _, sent = self.headers.get("Authorization", "").partition(" ")
        return base64.b64decode(sent).decode().partition(":")[2] == self.server.token

    def log_message(self, *_arguments: object) -> None:
        """Log nothing."""


@contextmanager
def git_server(folder: Path, token: str = "") -> Iterator[GitServer]:
    """Serve repositories of a folder until the end of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    server = GitServer(folder, token)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.answering.set()
        server.shutdown()
        server.server_close()
        thread.join()
