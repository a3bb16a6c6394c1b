"""Turns a Debian tree into what stands for Amazon Linux 2023: its names, its bare Python, a real dnf.

The machine's dnf and rpm are Debian's. Their repository is a folder of the tree with the packages of
amazon_linux_packages.py: an RPM has names, requirements and conflicts, and when it is installed, it copies
the files of the Debian packages that stand in. apt and dpkg are not there.
"""

import os
import shutil
import stat
from pathlib import Path

from sanso_sandbox.backends.machines.booted.amazon_linux_packages import (
    IMAGE,
    PACKAGES,
    RELEASE,
    SYSTEM_PYTHON,
    Package,
)
from sanso_sandbox.backends.machines.booted.tree_building import (
    inside,
    install,
    overlay,
    update_lists,
    written,
)

DEBIAN_PACKAGES = ("createrepo-c", "curl", "dnf", "iproute2", "procps", "rpm")
PAYLOADS = "usr/share/amazon-linux/payloads"
REPOSITORY = "usr/share/amazon-linux/repository"
# What Debian's own package management wrote, and what only people read.
LEFT_OUT = (
    *("etc/ld.so.cache", "etc/apt", "root", "tmp", "var/cache", "var/lib/apt", "var/lib/dpkg", "var/log"),
    *("usr/share/doc", "usr/share/info", "usr/share/lintian", "usr/share/locale", "usr/share/man"),
)
NOT_THERE = (
    *("usr/lib/apt", "usr/lib/dpkg", "var/lib/apt", "var/lib/dpkg", "etc/debian_version"),
    *("usr/bin/apt", "usr/bin/apt-cache", "usr/bin/apt-config", "usr/bin/apt-get", "usr/bin/apt-mark"),
    *("usr/bin/dpkg", "usr/bin/dpkg-deb", "usr/bin/dpkg-query", "usr/bin/createrepo_c"),
)
# As on an instance: cat /etc/os-release, cat /etc/system-release.
FILES = {
    "etc/os-release": """NAME="Amazon Linux"
VERSION="2023"
ID="amzn"
ID_LIKE="fedora"
VERSION_ID="2023"
PLATFORM_ID="platform:al2023"
PRETTY_NAME="Amazon Linux 2023"
VENDOR_NAME="AWS"
""",
    "etc/system-release": "Amazon Linux release 2023 (Amazon Linux)\n",
    "etc/dnf/vars/releasever": f"{RELEASE}\n",
    # Never refreshed: the repositories of a release do not change.
    "etc/yum.repos.d/amazonlinux.repo": f"""[amazonlinux]
name=Amazon Linux 2023 repository
baseurl=file:///{REPOSITORY}
gpgcheck=0
metadata_expire=-1
""",
}


def build(root: Path, tree: Path) -> None:
    """Change the overlay `root` of the Debian tree; needs a network."""
    update_lists(root)
    install(root, *DEBIAN_PACKAGES)
    debians = _rename_python(root)
    _take_payloads(root, tree)
    debians.unlink()
    for name, content in FILES.items():
        path = root / name
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (root / "etc/sysconfig").mkdir(exist_ok=True)
    _build_repository(root)
    for name in NOT_THERE:
        path = root / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _rename_python(root: Path) -> Path:
    """Give the system's Python its name on Amazon Linux; return Debian's, which its packages need."""
    python = root / SYSTEM_PYTHON.removeprefix("/")
    debians = (root / "usr/bin/python3").resolve()
    shutil.copy(debians, python)
    (root / "usr/bin/python3").unlink()
    (root / "usr/bin/python3").symlink_to(python.name)
    return debians


def _take_payloads(root: Path, tree: Path) -> None:
    """Install each package's Debian packages on top of its requirements; keep the files that this adds."""
    for package in PACKAGES:
        payload = root / PAYLOADS / package.name
        payload.mkdir(parents=True)
        with overlay(
            *(root / PAYLOADS / name for name in reversed(package.requires)), written(root), tree
        ) as top:
            if package.debian:
                install(top, *package.debian)
            if package.arrange:
                inside(top, "sh", "-euc", package.arrange)
            _copy(written(top), payload)


def _copy(source: Path, target: Path) -> None:
    for name in LEFT_OUT:
        shutil.rmtree(source / name, ignore_errors=True)
        (source / name).unlink(missing_ok=True)
    for folder, _folders, files in os.walk(source):
        for name in files:
            path = Path(folder, name)
            if stat.S_ISCHR(path.lstat().st_mode):
                path.unlink()  # the mark of a file that was removed
    inside(Path("/"), "cp", "-a", "--no-preserve=xattr", f"{source}/.", target)


def _build_repository(root: Path) -> None:
    build_root = root / "root/rpmbuild"
    specs = build_root / "SPECS"
    specs.mkdir(parents=True)
    image = Package(name="system-image", version=RELEASE)
    for package in (image, *PACKAGES):
        (specs / f"{package.name}.spec").write_text(_spec(package, IMAGE if package is image else ()))
    names = [f"/root/rpmbuild/SPECS/{package.name}.spec" for package in (image, *PACKAGES)]
    inside(root, "rpmbuild", "-bb", "--quiet", *names)
    (root / REPOSITORY).mkdir(parents=True)
    for path in build_root.glob("RPMS/noarch/*.rpm"):
        shutil.copy(path, root / REPOSITORY)
    shutil.rmtree(build_root)
    inside(root, "createrepo_c", "--quiet", f"/{REPOSITORY}")
    inside(root, "rpm", "-i", f"/{REPOSITORY}/system-image-{RELEASE}-1.noarch.rpm")
    inside(root, "dnf", "-q", "makecache")


def _spec(package: Package, provides: tuple[str, ...]) -> str:
    lines = [
        f"Name: {package.name}",
        f"Version: {package.version}",
        "Release: 1",
        f"Summary: {package.name} of Amazon Linux",
        "License: none",
        "BuildArch: noarch",
        "AutoReqProv: no",
        *(f"Requires: {name}" for name in package.requires),
        *(f"Conflicts: {name}" for name in package.conflicts),
        *(f"Provides: {name} = {package.version}" for name in provides),
    ]
    if provides:
        lines.append("Provides: /bin/sh")
        return "\n".join([*lines, "%description", "The packages of the image.", "%files", ""])
    install_files = f"cp -a /{PAYLOADS}/{package.name}/. /\nldconfig\n"
    script = f"%post\n{package.before}{install_files}{package.after}"
    return "\n".join([*lines, "%description", "Stands in.", script, "%files", ""])
