"""Commands that build trees of machines: in an overlay, with Debian packages and the host's network."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"}
PASSED_ON = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


class CommandFailed(Exception):
    """A required command failed; the message contains its output."""


def run(*command: str | Path, env: dict[str, str] | None = None) -> str:
    """Run a command and return its output. Raises CommandFailed."""
    done = subprocess.run(
        list(map(str, command)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        env=env,
    )
    if done.returncode:
        raise CommandFailed(f"{' '.join(map(str, command))}:\n{done.stdout}")
    return done.stdout


def inside(root: Path, *command: str | Path, env: dict[str, str] | None = None) -> str:
    """Run a command in a tree. Raises CommandFailed."""
    return run("chroot", root, *command, env=ENVIRONMENT | (env or {}))


def network_environment() -> dict[str, str]:
    """Return the host's variables for package sources: proxies, settings of pip."""
    wanted = {name: text for name, text in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
    return wanted | {name: os.environ[name] for name in PASSED_ON if name in os.environ}


@contextlib.contextmanager
def borrowed_network(root: Path) -> Iterator[None]:
    """Give programs in the tree the host's access to package sources for the duration of the block."""
    places = [Path("/etc/resolv.conf"), Path("/etc/pip.conf"), Path("/etc/ssl/certs/ca-certificates.crt")]
    places += Path("/etc/apt/apt.conf.d").glob("*")
    before: dict[Path, bytes | None] = {}
    for place in filter(Path.is_file, places):
        copy = root / place.relative_to("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        before[copy] = copy.read_bytes() if copy.is_file() else None
        copy.unlink(missing_ok=True)
        copy.write_bytes(place.read_bytes())
    try:
        yield
    finally:
        for copy, content in before.items():
            copy.unlink(missing_ok=True)
            if content is not None:
                copy.write_bytes(content)


def update_lists(root: Path) -> None:
    """Download apt's lists of packages."""
    inside(root, "apt-get", "-q", "update", env=network_environment())


def install(root: Path, *packages: str) -> None:
    """Install Debian packages in a tree that has apt's lists."""
    environment = network_environment() | {"DEBIAN_FRONTEND": "noninteractive"}
    inside(root, "apt-get", "-qy", "install", "--no-install-recommends", *packages, env=environment)


@contextlib.contextmanager
def overlay(*lower: Path) -> Iterator[Path]:
    """Mount trees, the upper ones first, with writes in a separate folder, for the duration of the block.

    Yields the root; the written files are in `written(root)`.
    """
    folder = Path(tempfile.mkdtemp(prefix="sanso-tree-"))
    for name in ("upper", "work", "root"):
        (folder / name).mkdir()
    below = ":".join(map(str, lower))
    layers = f"lowerdir={below},upperdir={folder / 'upper'},workdir={folder / 'work'}"
    run("mount", "-t", "overlay", "overlay", "-o", layers, folder / "root")
    try:
        yield folder / "root"
    finally:
        run("umount", "--lazy", folder / "root")
        shutil.rmtree(folder, ignore_errors=True)


def written(root: Path) -> Path:
    """Return the folder with the files that were written to an overlay."""
    return root.with_name("upper")
