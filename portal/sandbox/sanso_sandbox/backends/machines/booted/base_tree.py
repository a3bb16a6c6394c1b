"""Builds the trees that all machines share, and datelog's wheels for them; later runs reuse both."""

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sanso_sandbox.backends.machines.booted import amazon_linux, amazon_linux_packages
from sanso_sandbox.backends.machines.booted.tree_building import (
    CommandFailed,
    borrowed_network,
    inside,
    install,
    network_environment,
    overlay,
    run,
    update_lists,
    written,
)

__all__ = ["Base", "CommandFailed", "System", "build", "ready"]

LOCKS = tuple(Path(__file__).with_name("locks") / name for name in ("requirements.lock", "ansible.lock"))
"""Those of datelog and of the playbook: links, so that they are installed with the sandbox."""
DEFAULT_CACHE = "/var/cache/sanso/machines"

RECIPE = 2  # increment it when the functions below build another tree from the same ingredients
SUITE = "trixie"
FIRST_PACKAGES = "systemd,systemd-sysv,dbus,ca-certificates,python3"
# For the playbook on Debian: the packages that it installs, and those that its tests use.
DEBIAN_PACKAGES = (
    *("ansible-core", "curl", "iproute2", "libmariadb3", "procps", "python3-apt", "python3-venv", "unzip"),
)
BUILD_PACKAGES = ("gcc", "mariadb-connector-c-devel", "pkgconf-pkg-config", "python3.12-devel")
# Nobody logs in on a console, and no downloads are possible.
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "console-getty.service", "dpkg-db-backup.timer")
# The package index of the machine's pip.
INDEX = "usr/share/amazon-linux/index"
PIP = f"[global]\nno-index = true\nfind-links = /{INDEX}\ndisable-pip-version-check = true\n"
WHEELHOUSE = "usr/local/share/datelog/wheelhouse"  # where the playbook looks for the image's wheels

Report = Callable[[str], None]


class System(StrEnum):
    """The system of a machine."""

    AMAZON = "amazon"  # the substitute for Amazon Linux 2023
    DEBIAN = "debian"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The lower layers of a machine's overlay, each on top of the one before."""

    tree: Path  # a minimal Debian that boots
    system: Path
    wheels: Path  # at WHEELHOUSE

    def lower(self) -> str:
        """Return the layers for overlayfs, the upper one first."""
        return f"{self.wheels}:{self.system}:{self.tree}"


def ready() -> Base | None:
    """Return the layers for the current recipe and lock files; None if they have to be built."""
    found = _base(System.AMAZON)
    return found if found.tree.is_dir() and found.system.is_dir() and found.wheels.is_dir() else None


def build(report: Report = lambda _line: None, system: System = System.AMAZON) -> Base:
    """Build missing layers in about two minutes. Raises CommandFailed; requires root and a network."""
    wanted, amazon = _base(system), _base(System.AMAZON)
    folder = wanted.tree.parent
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not wanted.tree.is_dir():
            report(f"Building the machines' base tree in {wanted.tree} (about two minutes, 900 MB)…")
            _build_tree(wanted.tree)
        if not amazon.system.is_dir():
            report("Building what stands for Amazon Linux…")
            _build_layer(amazon, lambda root: amazon_linux.build(root, amazon.tree))
        if not wanted.system.is_dir():
            report("Building what the playbook needs on Debian…")
            _build_layer(wanted, _install_debian)
        if not wanted.wheels.is_dir():
            report("Building datelog's wheels for it…")
            _build_wheels(amazon)
    return wanted


def _base(system: System) -> Base:
    cache = Path(os.environ.get("SANSO_SANDBOX_MACHINE_CACHE") or DEFAULT_CACHE)
    tree = _digest(RECIPE, SUITE, FIRST_PACKAGES, MASKED)
    modules = [Path(str(one.__file__)).read_bytes() for one in (amazon_linux, amazon_linux_packages)]
    layer = _digest(tree, *(DEBIAN_PACKAGES if system is System.DEBIAN else modules))
    amazon = _digest(tree, *modules)
    wheels = _digest(amazon, BUILD_PACKAGES, *(path.read_bytes() for path in LOCKS))
    return Base(
        tree=cache / f"tree-{tree}", system=cache / f"{system}-{layer}", wheels=cache / f"wheels-{wheels}"
    )


def _digest(*ingredients: object) -> str:
    return hashlib.sha256(repr(ingredients).encode()).hexdigest()[:12]


def _build_tree(tree: Path) -> None:
    unfinished = _unfinished(tree)
    run("debootstrap", "--variant=minbase", f"--include={FIRST_PACKAGES}", SUITE, unfinished)
    shutil.rmtree(unfinished / "var/lib/apt/lists", ignore_errors=True)
    inside(unfinished, "apt-get", "clean")
    inside(unfinished, "systemctl", "mask", *MASKED)
    unfinished.rename(tree)


def _build_layer(base: Base, change: Callable[[Path], None]) -> None:
    with overlay(base.tree) as root:
        with borrowed_network(root):
            change(root)
        with contextlib.suppress(OSError):
            shutil.rmtree(root / "var/lib/apt/lists")
        shutil.rmtree(root / "var/cache/apt", ignore_errors=True)
        unfinished = _unfinished(base.system)
        run("cp", "-a", written(root), unfinished)
        unfinished.rename(base.system)


def _install_debian(root: Path) -> None:
    update_lists(root)
    install(root, *DEBIAN_PACKAGES)


def _build_wheels(amazon: Base) -> None:
    """Build the wheels of the lock files as the first server of an environment would."""
    with overlay(amazon.system, amazon.tree) as root:
        for lock in LOCKS:
            shutil.copy(lock, root / "root")
        inside(root, "dnf", "-qy", "install", "python3.12", *BUILD_PACKAGES)
        inside(root, "python3.12", "-m", "venv", "/root/venv")
        with borrowed_network(root):
            pip = ("/root/venv/bin/pip", "wheel", "-q", "--require-hashes", "-w", "/root/wheels")
            for lock in LOCKS:
                inside(root, *pip, "-r", f"/root/{lock.name}", env=network_environment())
            # The index has sources instead of the wheels built here, and the packages to build them.
            built = [path.name.split("-")[0] for path in (root / "root/wheels").glob("*-linux_*.whl")]
            sources = ("download", "-q", "--no-deps", "--no-build-isolation", "--no-binary", ":all:")
            constraint = ("-c", "/root/constraints.txt", "-d", "/root/sources")
            (root / "root/constraints.txt").write_text(_versions(LOCKS))
            inside(
                root, "/root/venv/bin/pip", "install", "-q", "setuptools", "wheel", env=network_environment()
            )
            inside(root, "/root/venv/bin/pip", *sources, *constraint, *built, env=network_environment())
            download = ("/root/venv/bin/pip", "download", "-q", "-d", "/root/sources", "setuptools", "wheel")
            inside(root, *download, env=network_environment())
        unfinished = _unfinished(amazon.wheels)
        shutil.copytree(root / "root/wheels", unfinished / WHEELHOUSE)
        shutil.copytree(root / "root/sources", unfinished / INDEX)
        for wheel in (root / "root/wheels").glob("*.whl"):
            if wheel.name.split("-")[0] not in built:
                shutil.copy(wheel, unfinished / INDEX)
        (unfinished / "etc").mkdir()
        (unfinished / "etc/pip.conf").write_text(PIP)
        unfinished.rename(amazon.wheels)


def _versions(locks: Iterable[Path]) -> str:
    lines = [line for lock in locks for line in lock.read_text().splitlines()]
    return "".join(f"{line.split()[0]}\n" for line in lines if "==" in line)


def _unfinished(path: Path) -> Path:
    unfinished = path.with_name(f"unfinished-{path.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    return unfinished
