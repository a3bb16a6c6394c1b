"""The sandbox's control plane (`/_sanso/…`) as the page asks it: dataclasses out, two errors up."""

from __future__ import annotations

import json
import math
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

READ_SECONDS = 3.0
ACT_SECONDS = 15.0
"""A booted machine's service takes seconds to stop."""
OPERATIONS = ("create", "update", "delete", "rollback")

Payload = Mapping[str, Any]
# Loopback is never asked through a proxy, whatever the environment says.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class SandboxUnavailable(Exception):
    """The sandbox does not answer, or not as this portal understands it."""


class SandboxRejected(Exception):
    """The sandbox would not do it; the message is its own sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What stands behind an instance. `tags` are the instance's; `service` is "" before it is set up."""

    instance: str
    tags: Mapping[str, str]
    address: str
    service: str
    running: bool
    broken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One instance of a cluster. `lag_ms` is None where it is not known."""

    instance: str
    writes: bool
    answers: bool
    follows: bool
    lag_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A database with its members, the writer first."""

    name: str
    writer_endpoint: str
    reader_endpoint: str
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceFault:
    """A resource that fails. `everywhere`: in every account, as scripts may ask."""

    key: str
    operation: str
    logical_id: str
    reason: str
    everywhere: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationFault:
    """An association that fails: on all instances (True), on so many, or on these."""

    name: str
    on: bool | int | tuple[str, ...]
    stdout: str
    stderr: str
    everywhere: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiFault:
    """API calls that fail: the first `skip` go through, the next `count` do not."""

    service: str
    action: str
    mode: str
    count: int
    skip: int
    everywhere: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxState:
    """Everything the page shows of the sandbox, in one account."""

    engine: str
    pace: float
    machines_kind: str
    database_kind: str
    machines: tuple[Machine, ...]
    machine_actions: tuple[str, ...]
    clusters: tuple[Cluster, ...]
    database_actions: tuple[str, ...]
    resources: tuple[ResourceFault, ...]
    associations: tuple[AssociationFault, ...]
    api: tuple[ApiFault, ...]

    @property
    def in_force(self) -> int:
        """Return how many faults there are."""
        return len(self.resources) + len(self.associations) + len(self.api)


class ControlPlane:
    """The control plane of a sandbox, for one account in it.

    Everything raises SandboxSilent; what changes something raises SandboxRefused as well.
    """

    def __init__(self, url: str, account: str, token: str) -> None:
        self.url, self.account, self._token = url.rstrip("/"), account, token

    def state(self) -> SandboxState:
        """Return what runs and what is broken on purpose."""
        about, machines, databases = self._ask("about"), self._ask("machines"), self._ask("databases")
        own = self._ask("faults")
        shared = self._ask("faults", everywhere=True) if self.account else {}
        try:
            return SandboxState(
                engine=str(about["engine"]),
                pace=_finite(about["pace"]),
                machines_kind=str(about["machines"]),
                database_kind=str(about["database"]),
                machines=tuple(map(_machine, machines["machines"])),
                machine_actions=tuple(machines.get("actions", ())),
                clusters=tuple(map(_cluster, databases["databases"])),
                database_actions=tuple(databases.get("actions", ())),
                resources=(*_resources(own, False), *_resources(shared, True)),
                associations=(*_associations(own, False), *_associations(shared, True)),
                api=(*_api(own, False), *_api(shared, True)),
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as strange:
            raise SandboxUnavailable(f"answers in another way: {strange!r}") from strange

    def log(self, instance: str) -> str:
        """Return the end of a machine's log. Raise SandboxRefused if there is no such machine."""
        return str(self._ask(f"machines/{quote(instance, safe='')}/log").get("log", ""))

    def act_on_machine(self, instance: str, action: str) -> str:
        """Do something to a machine; return the instance."""
        return str(self._ask(f"machines/{quote(instance, safe='')}", {"action": action})["instance"])

    def act_on_database(self, cluster: str, action: str) -> str:
        """Do something to a cluster; return the instance that it affected."""
        return str(self._ask("databases", {"cluster": cluster, "action": action}).get("affected", ""))

    def set_time_scale(self, pace: float) -> None:
        """Let the account's time pass at another pace."""
        self._ask("pace", {"pace": pace})

    def add_faults(self, *, everywhere: bool = False, **faults: Any) -> None:
        """Add faults by their kind (resources, associations, api); None takes back."""
        self._ask("faults", faults, everywhere=everywhere)

    def remove_api_faults(self) -> None:
        """Take back the faults of API calls that are in force in the account."""
        self.add_faults(api=None)
        if self.account:
            self.add_faults(api=None, everywhere=True)

    def clear_faults(self) -> None:
        """Take back every fault that is in force in the account."""
        self._ask("faults", method="DELETE")
        if self.account:
            shared = self._ask("faults", everywhere=True)
            named = {kind: dict.fromkeys(shared.get(kind) or {}) for kind in ("resources", "associations")}
            self.add_faults(api=None, everywhere=True, **named)

    def _ask(
        self, path: str, body: Payload | None = None, *, method: str = "", everywhere: bool = False
    ) -> Payload:
        query = f"?{urlencode({'account': self.account})}" if self.account and not everywhere else ""
        request = urllib.request.Request(  # noqa: S310  # the address is our setting
            f"{self.url}/_sanso/{path}{query}",
            method=method or ("GET" if body is None else "POST"),
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
        )
        seconds = READ_SECONDS if request.method == "GET" else ACT_SECONDS
        try:
            with _opener.open(request, timeout=seconds) as answer:
                told = json.load(answer)
        except urllib.error.HTTPError as error:
            raise _refusal(error) from error
        except (OSError, ValueError) as problem:
            raise SandboxUnavailable(str(problem)) from problem
        if not isinstance(told, dict):
            raise SandboxUnavailable("answers in another way")
        return told


def _refusal(error: urllib.error.HTTPError) -> SandboxRejected | SandboxUnavailable:
    with error:
        if error.code == 401:
            return SandboxUnavailable("answers 401: SANSO_SANDBOX_TOKEN_FILE is not the file with its token")
        try:
            sentence = str(json.load(error)["error"])
        except (OSError, ValueError, KeyError, TypeError):
            return SandboxUnavailable(f"answers {error.code}")
    return SandboxRejected(sentence)


def _finite(value: Any) -> float:
    """Return a number. Raise ValueError for one that cannot be calculated with: Python's JSON has such."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is not a finite number")
    return number


def _machine(told: Payload) -> Machine:
    return Machine(
        instance=str(told["instance"]),
        tags=dict(told.get("tags") or {}),
        address=str(told.get("address") or ""),
        service=str(told.get("service") or ""),
        running=bool(told["running"]),
        broken=bool(told.get("broken")),
    )


def _cluster(told: Payload) -> Cluster:
    members = [
        Member(
            instance=str(one["instance"]),
            writes=one["role"] == "writer",
            answers=bool(one["answers"]),
            follows=bool(one["follows"]),
            lag_ms=None if one.get("lag_ms") is None else _finite(one["lag_ms"]),
        )
        for one in told["instances"]
    ]
    return Cluster(
        name=str(told["cluster"]),
        writer_endpoint=str(told["writer_endpoint"]),
        reader_endpoint=str(told["reader_endpoint"]),
        members=tuple(sorted(members, key=lambda one: (not one.writes, one.instance))),
    )


def _resources(told: Payload, everywhere: bool) -> Iterable[ResourceFault]:
    for key, reason in (told.get("resources") or {}).items():
        operation, _, logical_id = key.rpartition(":")
        yield ResourceFault(
            key=key,
            operation=operation or "create",
            logical_id=logical_id,
            reason=str(reason),
            everywhere=everywhere,
        )


def _associations(told: Payload, everywhere: bool) -> Iterable[AssociationFault]:
    for name, fault in (told.get("associations") or {}).items():
        on = fault["on"]
        yield AssociationFault(
            name=name,
            on=tuple(map(str, on)) if isinstance(on, list) else on,
            stdout=str(fault["stdout"]),
            stderr=str(fault["stderr"]),
            everywhere=everywhere,
        )


def _api(told: Payload, everywhere: bool) -> Iterable[ApiFault]:
    for fault in told.get("api") or ():
        yield ApiFault(
            service=str(fault["service"]),
            action=str(fault["action"]),
            mode=str(fault["mode"]),
            count=int(fault["count"]),
            skip=int(fault["skip"]),
            everywhere=everywhere,
        )
