"""Boots a machine in separate namespaces, so that none of its processes and mounts outlives this process.

It is process 1 of namespaces for processes, mounts and the network (COMMAND): when it ends, even if it is
killed, the kernel ends every process of the machine and removes its mounts, interfaces and routes. It ends
when its input does, and therefore when the sandbox is killed.

It prints "up" when the machine has booted. It reads a command: "off" shuts the machine down. The end of the
input switches it off.
Only the standard library is imported, so that it starts quickly and stays small.
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

COMMAND = (
    *("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"),
    *(sys.executable, "-I", "-S", __file__),
)
SHUTDOWN = 8.0  # seconds for a graceful shutdown of a machine
CGROUPS = Path("/sys/fs/cgroup")
GROUP = "sanso-"
DISK = "1g"  # of which a configured server uses about 120 MB; a full one takes as much memory
TRIES = 50  # 0.1 s apart: the kernel keeps a control group for a moment after its last process


def main() -> int:
    """Boot, and return when the machine has ended."""
    spec: dict[str, Any] = json.loads(sys.argv[1])
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the sandbox closes the input to end the machine
    os.umask(0o022)  # the sandbox's is stricter: users of the machine could not read root's files
    os.chdir(spec["folder"])
    _move_into_own_groups(spec["name"])
    _mount(spec["base"])
    _write_files(spec["files"])
    _connect(spec)
    return _boot(spec)


def _run(*command: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip()}")


def _mount(base: str) -> None:
    """Mount the machine's root. What it writes is in memory, in a file system of a fixed size."""
    for name in ("disk", "root"):
        Path(name).mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={DISK},mode=755", "tmpfs", "disk")
    for name in ("disk/upper", "disk/work"):
        Path(name).mkdir()
    layers = f"lowerdir={base},upperdir=disk/upper,workdir=disk/work"
    _run("mount", "-t", "overlay", "overlay", "-o", layers, "root")
    # nspawn's records about the machine disappear with the namespace too.
    Path("/run/systemd/nspawn").mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "tmpfs", "/run/systemd/nspawn")


def _write_files(files: dict[str, str]) -> None:
    for name, content in files.items():
        path = Path("root") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(content)


def _connect(spec: dict[str, Any]) -> None:
    """Connect the machine to the host with a veth pair. network.py explains the addresses."""
    address, link = spec["address"], spec["link"]
    on_host = ("nsenter", f"--net=/proc/1/fd/{spec['network']}", "--")
    localnet = "net/ipv4/conf/{}/route_localnet"
    _run(*on_host, "ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", "1")
    Path("/proc/sys", localnet.format("eth0")).write_text("1")
    _run(*on_host, "sh", "-c", f"echo 1 >/proc/sys/{localnet.format(link)}")
    _run("ip", "link", "set", "lo", "up")
    for own in (address, spec["private"]):
        _run("ip", "address", "add", f"{own}/32", "dev", "eth0")
    _run("ip", "link", "set", "eth0", "up")
    _run(*on_host, "ip", "link", "set", link, "up")
    route = ("ip", "route", "add", "table", "local")
    _run(*on_host, *route, f"{address}/32", "dev", link, "src", spec["host"])
    for network in spec["reachable"]:
        _run(*route, network, "dev", "eth0", "src", address)


def _boot(spec: dict[str, Any]) -> int:
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications,
        Path("console.log").open("wb") as console,
    ):
        notifications.bind(f"\0sanso-machine-{spec['name']}")
        nspawn = subprocess.Popen(
            [
                *("systemd-nspawn", "--directory=root", "--boot"),
                *(f"--machine={spec['name']}", f"--hostname={spec['hostname']}", "--register=no"),
                *("--keep-unit", "--network-namespace-path=/proc/self/ns/net", "--notify-ready=yes"),
                *("--resolv-conf=off", "--timezone=off", "--link-journal=no", "--settings=no", "--quiet"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            env={"PATH": os.environ["PATH"], "NOTIFY_SOCKET": f"@sanso-machine-{spec['name']}"},
        )
        _follow(nspawn, notifications)
        return nspawn.poll() or 0


def _follow(nspawn: "subprocess.Popen[bytes]", notifications: socket.socket) -> None:
    """Report when nspawn has booted, and return when it or the input ends."""
    ended = os.pidfd_open(nspawn.pid)
    while True:
        ready, _, _ = select.select([sys.stdin.fileno(), notifications, ended], [], [])
        if notifications in ready and "READY=1" in notifications.recv(4096).decode().splitlines():
            with contextlib.suppress(BrokenPipeError):
                os.write(1, b"up\n")
        if ended in ready:
            return
        if sys.stdin.fileno() in ready:
            if b"off" in os.read(sys.stdin.fileno(), 4096):
                nspawn.terminate()
                select.select([ended], [], [], SHUTDOWN)
            return


def _move_into_own_groups(name: str) -> None:
    """Move into a separate control group in every hierarchy that systemd uses.

    In a shared group, systemd would treat processes of other machines as remains of its own services.
    """
    for parent in groups():
        group = parent / f"{GROUP}{name}"
        group.mkdir(exist_ok=True)
        (group / "cgroup.procs").write_text("0")


def groups() -> list[Path]:
    """Return the control groups of this process, in the hierarchies that systemd uses."""
    found: list[Path] = []
    if not CGROUPS.is_dir():
        return found
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _number, controllers, path = line.split(":", 2)
        roots = {"": [CGROUPS / "unified", CGROUPS], "name=systemd": [CGROUPS / "systemd"]}
        present = [Path(f"{root}{path}") for root in roots.get(controllers, [])]
        found += [group for group in present if (group / "cgroup.procs").exists()][:1]
    return found


def remove_groups(name: str = "*") -> None:
    """Remove the control groups of a machine, or of all ended machines: those without processes."""
    for parent in groups():
        for group in parent.glob(f"{GROUP}{name}"):
            for _attempt in range(TRIES):
                if _remove_group(group) or (name == "*" and _has_processes(group)):
                    break
                time.sleep(0.1)


def _remove_group(group: Path) -> bool:
    """Remove a control group and those below it; return whether it is gone."""
    for folder, _folders, _files in os.walk(group, topdown=False):
        with contextlib.suppress(OSError):
            Path(folder).rmdir()
    return not group.exists()


def _has_processes(group: Path) -> bool:
    """Return whether a machine of any sandbox still runs in the group."""
    for processes in group.rglob("cgroup.procs"):
        with contextlib.suppress(OSError):
            if processes.read_text().strip():
                return True
    return False


if __name__ == "__main__":
    sys.exit(main())
