"""Builds the tree that all machines share, and the wheels of datelog for it: once, kept for the next time."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[5]
LOCK = REPOSITORY / "datelog" / "requirements.lock"
DEFAULT_CACHE = "/var/cache/sanso/machines"

RECIPE = 1  # to be raised when the functions below build another tree of the same ingredients
SUITE = "trixie"
FIRST_PACKAGES = "systemd,systemd-sysv,dbus,ca-certificates,python3,python3-apt"
# What the associations would install, and what their scripts use where it is there.
PACKAGES = (
    *("ansible-core", "apache2", "curl", "iproute2", "libmariadb3", "procps", "python3-venv", "unzip"),
)
BUILD_PACKAGES = ("gcc", "libmariadb-dev", "pkg-config", "python3-dev", "python3-setuptools", "python3-wheel")
# Nobody logs in on a console, and nothing is to be fetched.
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "console-getty.service", "dpkg-db-backup.timer")
WHEELHOUSE = "usr/local/share/datelog/wheelhouse"  # where the playbook looks for wheels of the image
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"}
PASSED_ON = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")

Report = Callable[[str], None]


class CommandFailed(Exception):
    """A command that was needed failed; the message has what it printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What a machine's overlay lies on."""

    tree: Path
    wheels: Path  # a layer over the tree that has them where WHEELHOUSE says

    def lower(self) -> str:
        """Return both as overlayfs takes them, the upper one first."""
        return f"{self.wheels}:{self.tree}"


def ready() -> Base | None:
    """Return what was built for the present recipe and lock file; None when it has to be built."""
    found = _base()
    return found if found.tree.is_dir() and found.wheels.is_dir() else None


def build(report: Report = lambda _line: None) -> Base:
    """Build what is missing, in about a minute. Raises CommandFailed; needs root and a network."""
    wanted = _base()
    folder = wanted.tree.parent
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not wanted.tree.is_dir():
            report(f"Building the machines' base tree in {wanted.tree} (about a minute, 500 MB)…")
            _build_tree(wanted.tree)
        if not wanted.wheels.is_dir():
            report("Building datelog's wheels for it…")
            _build_wheels(wanted)
    return wanted


def _base() -> Base:
    cache = Path(os.environ.get("SANSO_SANDBOX_MACHINE_CACHE") or DEFAULT_CACHE)
    ingredients = (RECIPE, SUITE, FIRST_PACKAGES, PACKAGES, MASKED)
    recipe = hashlib.sha256(repr(ingredients).encode()).hexdigest()[:12]
    wheels = hashlib.sha256(recipe.encode() + LOCK.read_bytes()).hexdigest()[:12]
    return Base(tree=cache / f"tree-{recipe}", wheels=cache / f"wheels-{wheels}")


def run(*command: str | Path, env: dict[str, str] | None = None) -> str:
    """Run a command and return what it printed. Raises CommandFailed."""
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


def _build_tree(tree: Path) -> None:
    unfinished = tree.with_name("unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    run("debootstrap", "--variant=minbase", f"--include={FIRST_PACKAGES}", SUITE, unfinished)
    with _borrowed_network(unfinished):
        _install(unfinished, *PACKAGES)
    shutil.rmtree(unfinished / "var/lib/apt/lists", ignore_errors=True)
    chroot = ("chroot", unfinished)
    run(*chroot, "apt-get", "clean", env=ENVIRONMENT)
    run(*chroot, "systemctl", "disable", "apache2", env=ENVIRONMENT)  # its association configures a server
    run(*chroot, "systemctl", "mask", *MASKED, env=ENVIRONMENT)
    unfinished.rename(tree)


def _build_wheels(base: Base) -> None:
    with overlay(base.tree) as root:
        shutil.copy(LOCK, root / "root/requirements.lock")
        with _borrowed_network(root):
            _install(root, *BUILD_PACKAGES)
            settings = {name: text for name, text in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
            environment = _environment() | settings
            chroot = ("chroot", root)
            run(*chroot, "python3", "-m", "venv", "--system-site-packages", "/root/venv", env=environment)
            pip = (*chroot, "/root/venv/bin/pip", "wheel", "-q", "--no-build-isolation", "--require-hashes")
            run(*pip, "-r", "/root/requirements.lock", "-w", "/root/wheels", env=environment)
        unfinished = base.wheels.with_name("unfinished-wheels")
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(root / "root/wheels", unfinished / WHEELHOUSE)
        unfinished.rename(base.wheels)


def _environment() -> dict[str, str]:
    return ENVIRONMENT | {name: os.environ[name] for name in PASSED_ON if name in os.environ}


@contextlib.contextmanager
def _borrowed_network(root: Path) -> Iterator[None]:
    """Let programs in the tree reach package sources as this host does, for as long as the block."""
    places = [Path("/etc/resolv.conf"), Path("/etc/pip.conf"), Path("/etc/ssl/certs/ca-certificates.crt")]
    places += Path("/etc/apt/apt.conf.d").glob("*")
    before: dict[Path, bytes | None] = {}
    for place in filter(Path.is_file, places):
        inside = root / place.relative_to("/")
        inside.parent.mkdir(parents=True, exist_ok=True)
        before[inside] = inside.read_bytes() if inside.is_file() else None
        inside.unlink(missing_ok=True)
        inside.write_bytes(place.read_bytes())
    try:
        yield
    finally:
        for inside, content in before.items():
            inside.unlink(missing_ok=True)
            if content is not None:
                inside.write_bytes(content)


def _install(root: Path, *packages: str) -> None:
    environment = _environment() | {"DEBIAN_FRONTEND": "noninteractive"}
    run("chroot", root, "apt-get", "-q", "update", env=environment)
    run("chroot", root, "apt-get", "-qy", "install", "--no-install-recommends", *packages, env=environment)


@contextlib.contextmanager
def overlay(tree: Path) -> Iterator[Path]:
    """Mount a tree so that what is written goes elsewhere, for as long as the block."""
    folder = Path(tempfile.mkdtemp(prefix="sanso-tree-"))
    for name in ("upper", "work", "root"):
        (folder / name).mkdir()
    layers = f"lowerdir={tree},upperdir={folder / 'upper'},workdir={folder / 'work'}"
    run("mount", "-t", "overlay", "overlay", "-o", layers, folder / "root")
    try:
        yield folder / "root"
    finally:
        run("umount", "--lazy", folder / "root")
        shutil.rmtree(folder, ignore_errors=True)
