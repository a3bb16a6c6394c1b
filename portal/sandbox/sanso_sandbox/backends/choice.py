"""Chooses the backends of a sandbox by its settings and by the programs on this machine.

The choice is stored in the data folder, so that a sandbox that restarts during a run has the same backends.
In another run of the portal (SANSO_RUN_MARK), they are chosen again.
"""

import json
import os
from pathlib import Path
from typing import Final

from sanso_sandbox.backends.balancers import haproxy
from sanso_sandbox.backends.balancers.none import NoBalancers
from sanso_sandbox.backends.balancers.reconciler import HAProxyBalancers
from sanso_sandbox.backends.databases.aurora import MariaDBDatabases
from sanso_sandbox.backends.databases.embedded.cluster import EmbeddedDatabases
from sanso_sandbox.backends.functions.processes import ConfinedFunctions
from sanso_sandbox.backends.machines import uwsgi
from sanso_sandbox.backends.machines.booted import base_tree, requirements
from sanso_sandbox.backends.machines.booted.fleet import Booted
from sanso_sandbox.backends.machines.processes import Processes
from sanso_sandbox.backends.machines.records import Records
from sanso_sandbox.protocols.balancers import Balancers
from sanso_sandbox.protocols.databases import Databases
from sanso_sandbox.protocols.in_use import Backends
from sanso_sandbox.protocols.machines import Cloud, Machines
from sanso_sandbox.supervision.programs import program

FILE: Final = "backends.json"
RUN_MARK: Final = "SANSO_RUN_MARK"  # set by the supervisor of `make run` for all its processes
# Each setting with its kinds; with the first kind, the sandbox chooses one itself.
KINDS: Final = {
    "MACHINES": ("auto", "booted", "processes", "records"),
    "DATABASE": ("auto", "mariadb", "embedded"),
    "BALANCERS": ("auto", "haproxy"),
}

Kinds = dict[str, str]


def choose(folder: Path, cloud: Cloud) -> Backends:
    """Return the backends for SANSO_SANDBOX_MACHINES, _DATABASE and _BALANCERS, and store their kinds.

    Raises ValueError for an unknown kind, and if a requested or stored kind is not available.
    """
    settings, before = _settings(), _kept(folder)
    wanted = {name: before.get(name, "auto") if kind == "auto" else kind for name, kind in settings.items()}
    # A kind that worked before is not checked again, since the check may fail on a busy machine.
    kind, hint = _kind_of_machines(wanted["MACHINES"], tried=wanted["MACHINES"] == before.get("MACHINES"))
    balancers = _balancers(wanted["BALANCERS"], kind)
    chosen = Backends(
        machines=_machines(kind, cloud, balancers),
        balancers=balancers,
        databases=_databases(wanted["DATABASE"]),
        functions=ConfinedFunctions(),
        hint=hint,
    )
    _keep(
        folder,
        {
            "MACHINES": chosen.machines.name,
            "DATABASE": chosen.databases.name,
            **({"BALANCERS": chosen.balancers.name} if chosen.balancers.name != "none" else {}),
        },
    )
    return chosen


def _settings() -> Kinds:
    wanted = {
        "MACHINES": os.environ.get("SANSO_SANDBOX_MACHINES", "auto"),
        "DATABASE": os.environ.get("SANSO_SANDBOX_DATABASE", "auto"),
        "BALANCERS": os.environ.get("SANSO_SANDBOX_BALANCERS", "auto"),
    }
    for setting, kind in wanted.items():
        if kind not in KINDS[setting]:
            kinds = ", ".join(KINDS[setting])
            raise ValueError(f"SANSO_SANDBOX_{setting} is one of {kinds} and not {kind!r}")
    return wanted


def _run() -> str:
    """Return the mark of the portal's run that the sandbox belongs to; empty without one."""
    return os.environ.get(RUN_MARK, "")


def _kept(folder: Path) -> Kinds:
    try:
        kept = json.loads((folder / FILE).read_text())
        return dict(kept["kinds"]) if kept["run"] == _run() else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _keep(folder: Path, kinds: Kinds) -> None:
    unfinished = folder / f"{FILE}.new"
    unfinished.write_text(json.dumps({"run": _run(), "kinds": kinds}) + "\n")
    unfinished.replace(folder / FILE)


def _kind_of_machines(wanted: str, *, tried: bool) -> tuple[str, str]:
    """Return the kind of machines, and the reason why it is not a better one."""
    if wanted in ("auto", "booted"):
        problem = "" if tried else requirements.why_not()
        problem = problem or ("" if base_tree.ready() else "their base tree is not built yet")
        if not problem:
            return "booted", ""
        if wanted == "booted":
            raise ValueError(f"SANSO_SANDBOX_MACHINES is booted, and {problem}; see `make run-full`")
        hint = (
            f"machines can't be booted yet: {problem}. `make run-full` (Debian, root) brings what they take"
        )
        if uwsgi.program() is None or haproxy.program() is None:
            return "records", f"{hint}; without uWSGI and HAProxy they serve nothing"
        return "processes", hint
    if wanted == "processes" and uwsgi.program() is None:
        raise ValueError("SANSO_SANDBOX_MACHINES is processes, for which uWSGI (pyuwsgi) is needed")
    return wanted, ""


def _balancers(wanted: str, machines: str) -> Balancers:
    if wanted == "haproxy" and haproxy.program() is None:
        raise ValueError("SANSO_SANDBOX_BALANCERS is haproxy, which is not installed")
    return NoBalancers() if machines == "records" or haproxy.program() is None else HAProxyBalancers()


def _machines(kind: str, cloud: Cloud, balancers: Balancers) -> Machines:
    base = base_tree.ready()
    if kind == "booted" and base is not None:
        return Booted(base, cloud)
    return Processes(cloud, balancers.resolve) if kind == "processes" else Records()


def _databases(wanted: str) -> Databases:
    installed = bool(program("mariadbd") and program("mariadb-install-db"))
    if wanted == "mariadb" and not installed:
        raise ValueError("SANSO_SANDBOX_DATABASE is mariadb, which is not installed")
    return MariaDBDatabases() if wanted != "embedded" and installed else EmbeddedDatabases()
