"""A booted Debian machine for one test: shared base tree, overlay, own network without a way out."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.services import REPOSITORY, wait_until

# Kept between runs, outside the repository: making it takes a minute and some hundred megabytes.
CACHE = Path(os.environ.get("SANSO_MACHINE_CACHE") or "/var/cache/sanso-tests/machine")
SUITE = "trixie"
FIRST_PACKAGES = "systemd,systemd-sysv,dbus,ca-certificates,python3,python3-apt"
PACKAGES = ("ansible-core", "libmariadb3", "procps", "python3-venv")
BUILD_PACKAGES = ("gcc", "libmariadb-dev", "pkg-config", "python3-dev", "python3-setuptools", "python3-wheel")
PROGRAMS = ("systemd-nspawn", "debootstrap", "ip", "nsenter", "chroot")
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"}


def why_not() -> str:
    """Say why this host can't have such a machine; empty where it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "a booted machine needs Linux and root"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"a booted machine needs {', '.join(missing)}" if missing else ""


def run(*command: str | Path, **more: object) -> str:
    """Run a command, return what it printed; what went wrong is in the error."""
    done = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        check=False,
        **more,  # type: ignore[call-overload]
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}:\n{done.stdout}\n{done.stderr}")
    return str(done.stdout)


def base_tree() -> Path:
    """Return the tree that all machines share, made at the first need."""
    CACHE.mkdir(parents=True, exist_ok=True)
    tree = CACHE / f"{SUITE}-base"
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not tree.exists():
            making = CACHE / "making"
            shutil.rmtree(making, ignore_errors=True)
            run("debootstrap", "--variant=minbase", f"--include={FIRST_PACKAGES}", SUITE, making)
            _borrow_network(making)
            _install(making, *PACKAGES)
            making.rename(tree)
    return tree


def wheelhouse() -> Path:
    """Return a folder with all wheels of datelog's lock for the machine's Python, made at the first need."""
    lock_file = REPOSITORY / "datelog/requirements.lock"
    tree = base_tree()
    wheels = CACHE / "wheels"
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made_of = wheels / "made-of.lock"
        if not made_of.exists() or made_of.read_text() != lock_file.read_text():
            shutil.rmtree(wheels, ignore_errors=True)
            with overlay(tree) as root:
                shutil.copy(lock_file, root / "root/requirements.lock")
                _build_wheels(root)
                shutil.copytree(root / "root/wheels", wheels)
            shutil.copy(lock_file, made_of)
    return wheels


def _borrow_network(root: Path) -> None:
    """Let programs in the tree reach the package sources as those of this host do."""
    places = [Path("/etc/resolv.conf"), Path("/etc/pip.conf"), Path("/etc/ssl/certs/ca-certificates.crt")]
    places += Path("/etc/apt/apt.conf.d").glob("*")
    for place in places:
        if place.is_file():
            (root / place.relative_to("/")).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(place, root / place.relative_to("/"))


def _install(root: Path, *packages: str) -> None:
    environment = ENVIRONMENT | {"DEBIAN_FRONTEND": "noninteractive"}
    run("chroot", root, "apt-get", "-q", "update", env=environment)
    run("chroot", root, "apt-get", "-qy", "install", "--no-install-recommends", *packages, env=environment)


def _build_wheels(root: Path) -> None:
    settings = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
    environment = ENVIRONMENT | settings
    chroot = ("chroot", root)
    _borrow_network(root)
    _install(root, *BUILD_PACKAGES)
    run(*chroot, "python3", "-m", "venv", "--system-site-packages", "/root/venv", env=environment)
    pip = (*chroot, "/root/venv/bin/pip", "wheel", "-q", "--no-build-isolation")
    run(*pip, "--require-hashes", "-r", "/root/requirements.lock", "-w", "/root/wheels", env=environment)


@contextmanager
def overlay(tree: Path) -> Iterator[Path]:
    """Mount a tree so that what is written goes elsewhere, for as long as the block."""
    folder = Path(tempfile.mkdtemp(prefix="sanso-machine-"))
    for name in ("upper", "work", "root"):
        (folder / name).mkdir()
    layers = f"lowerdir={tree},upperdir={folder / 'upper'},workdir={folder / 'work'}"
    run("mount", "-t", "overlay", "overlay", "-o", layers, folder / "root")
    try:
        yield folder / "root"
    finally:
        run("umount", "--lazy", folder / "root")
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(kw_only=True)
class Machine:
    """A machine that runs."""

    root: Path
    pid: int  # of its first process, as this host sees it

    def run(self, *command: str) -> str:
        """Run a command in it."""
        return run("nsenter", "-t", str(self.pid), "-a", *command, env=ENVIRONMENT)

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command in it."""
        return subprocess.Popen(
            ["nsenter", "-t", str(self.pid), "-a", *command],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            text=True,
        )


@contextmanager
def booted_machine() -> Iterator[Machine]:
    """Boot one; it is gone after the block."""
    network = f"sanso-{os.getpid()}"
    with overlay(base_tree()) as root, contextlib.ExitStack() as ends:
        run("ip", "netns", "add", network)
        ends.callback(run, "ip", "netns", "del", network)
        run("ip", "-n", network, "link", "set", "lo", "up")
        nspawn = subprocess.Popen(
            [
                *("systemd-nspawn", "-D", root, f"--machine={network}", "--register=no", "--keep-unit"),
                *(f"--network-namespace-path=/run/netns/{network}", "--resolv-conf=off", "-b"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        ends.callback(_stop, nspawn)
        wait_until(lambda: _first_process(nspawn.pid) is not None, what="the first process")
        machine = Machine(root=root, pid=_first_process(nspawn.pid) or 0)
        wait_until(lambda: _is_up(machine), seconds=60, what="the end of the boot")
        yield machine


def _first_process(nspawn: int) -> int | None:
    """Return the process that is number 1 inside: a child of nspawn, or of its child."""
    ahead = [nspawn]
    while ahead:
        parent = ahead.pop()
        children = run_quietly("pgrep", "-P", str(parent)).split()
        for child in map(int, children):
            status = Path(f"/proc/{child}/status").read_text()
            numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()
            if numbers[-1] == "1" and len(numbers) > 2:
                return child
            ahead.append(child)
    return None


def run_quietly(*command: str) -> str:
    """Run a command that may fail; return what it printed."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _is_up(machine: Machine) -> bool:
    state = run_quietly("nsenter", "-t", str(machine.pid), "-a", "systemctl", "is-system-running")
    return state.strip() in ("running", "degraded")


def _stop(nspawn: subprocess.Popen[bytes]) -> None:
    nspawn.terminate()
    try:
        nspawn.wait(30)
    except subprocess.TimeoutExpired:
        nspawn.kill()
        nspawn.wait(30)
