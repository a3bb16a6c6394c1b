"""A client of the sandbox's control API (`/_sanso/…`): it returns dataclasses and raises two errors."""

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
"""Timeout of an action in seconds: the service of a booted machine takes seconds to stop."""
OPERATIONS = ("create", "update", "delete", "rollback", "hook")

Payload = Mapping[str, Any]
# Loopback is never accessed through a proxy, also if the environment configures one.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class SandboxUnavailable(Exception):
    """Raised when the sandbox does not respond, or its response is invalid."""


class SandboxRejected(Exception):
    """Raised when the sandbox rejects the request; the message is its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine of an instance. `tags` are the instance's; `service` is "" before it is configured.

    `disk_full` is None for a machine without a disk of its own.
    """

    instance: str
    tags: Mapping[str, str]
    address: str
    service: str
    running: bool
    broken: bool
    disk_full: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One instance of a cluster. `lag_ms` is None if it is unknown."""

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
    """A resource that fails. `everywhere`: in every account, which scripts may request."""

    key: str
    operation: str
    logical_id: str
    reason: str
    everywhere: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationFault:
    """An association that fails: on all instances (True), on this many, or on these."""

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
    def active_faults(self) -> int:
        """Return the number of active faults."""
        return len(self.resources) + len(self.associations) + len(self.api)


class ControlPlane:
    """The control plane of a sandbox, for one account in it.

    All methods raise SandboxUnavailable; those that change something also raise SandboxRejected.
    """

    def __init__(self, url: str, account: str, token: str) -> None:
        self.url, self.account, self._token = url.rstrip("/"), account, token

    def state(self) -> SandboxState:
        """Return the running parts and the injected failures."""
        about, machines, databases = self._call("about"), self._call("machines"), self._call("databases")
        own = self._call("faults")
        shared = self._call("faults", everywhere=True) if self.account else {}
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
            raise SandboxUnavailable(f"invalid response: {strange!r}") from strange

    def log(self, instance: str) -> str:
        """Return the end of a machine's log. Raise SandboxRejected if there is no such machine."""
        return str(self._call(f"machines/{quote(instance, safe='')}/log").get("log", ""))

    def act_on_machine(self, instance: str, action: str) -> str:
        """Perform an action on a machine; return the instance."""
        return str(self._call(f"machines/{quote(instance, safe='')}", {"action": action})["instance"])

    def act_on_database(self, cluster: str, action: str) -> str:
        """Perform an action on a cluster; return the affected instance."""
        return str(self._call("databases", {"cluster": cluster, "action": action}).get("affected", ""))

    def set_time_scale(self, pace: float) -> None:
        """Set the account's time scale."""
        self._call("pace", {"pace": pace})

    def add_faults(self, *, everywhere: bool = False, **faults: Any) -> None:
        """Add faults by their kind (resources, associations, api); None removes them."""
        self._call("faults", faults, everywhere=everywhere)

    def remove_api_faults(self) -> None:
        """Remove the faults of API calls that are active in the account."""
        self.add_faults(api=None)
        if self.account:
            self.add_faults(api=None, everywhere=True)

    def clear_faults(self) -> None:
        """Remove every fault that is active in the account."""
        self._call("faults", method="DELETE")
        if self.account:
            shared = self._call("faults", everywhere=True)
            named = {kind: dict.fromkeys(shared.get(kind) or {}) for kind in ("resources", "associations")}
            self.add_faults(api=None, everywhere=True, **named)

    def _call(
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
            with _opener.open(request, timeout=seconds) as response:
                payload = json.load(response)
        except urllib.error.HTTPError as error:
            raise _rejection(error) from error
        except (OSError, ValueError) as problem:
            raise SandboxUnavailable(str(problem)) from problem
        if not isinstance(payload, dict):
            raise SandboxUnavailable("invalid response")
        return payload


def _rejection(error: urllib.error.HTTPError) -> SandboxRejected | SandboxUnavailable:
    with error:
        if error.code == 401:
            return SandboxUnavailable("returns 401: SANSO_SANDBOX_TOKEN_FILE is not the file with its token")
        try:
            sentence = str(json.load(error)["error"])
        except (OSError, ValueError, KeyError, TypeError):
            return SandboxUnavailable(f"returns {error.code}")
    return SandboxRejected(sentence)


def _finite(value: Any) -> float:
    """Return a number. Raise ValueError if it is infinite or NaN, which Python's JSON allows."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is not a finite number")
    return number


def _machine(payload: Payload) -> Machine:
    return Machine(
        instance=str(payload["instance"]),
        tags=dict(payload.get("tags") or {}),
        address=str(payload.get("address") or ""),
        service=str(payload.get("service") or ""),
        running=bool(payload["running"]),
        broken=bool(payload.get("broken")),
        disk_full=None if payload.get("disk_full") is None else bool(payload["disk_full"]),
    )


def _cluster(payload: Payload) -> Cluster:
    members = [
        Member(
            instance=str(one["instance"]),
            writes=one["role"] == "writer",
            answers=bool(one["answers"]),
            follows=bool(one["follows"]),
            lag_ms=None if one.get("lag_ms") is None else _finite(one["lag_ms"]),
        )
        for one in payload["instances"]
    ]
    return Cluster(
        name=str(payload["cluster"]),
        writer_endpoint=str(payload["writer_endpoint"]),
        reader_endpoint=str(payload["reader_endpoint"]),
        members=tuple(sorted(members, key=lambda one: (not one.writes, one.instance))),
    )


def _resources(payload: Payload, everywhere: bool) -> Iterable[ResourceFault]:
    for key, reason in (payload.get("resources") or {}).items():
        operation, _, logical_id = key.rpartition(":")
        yield ResourceFault(
            key=key,
            operation=operation or "create",
            logical_id=logical_id,
            reason=str(reason),
            everywhere=everywhere,
        )


def _associations(payload: Payload, everywhere: bool) -> Iterable[AssociationFault]:
    for name, fault in (payload.get("associations") or {}).items():
        on = fault["on"]
        yield AssociationFault(
            name=name,
            on=tuple(map(str, on)) if isinstance(on, list) else on,
            stdout=str(fault["stdout"]),
            stderr=str(fault["stderr"]),
            everywhere=everywhere,
        )


def _api(payload: Payload, everywhere: bool) -> Iterable[ApiFault]:
    for fault in payload.get("api") or ():
        yield ApiFault(
            service=str(fault["service"]),
            action=str(fault["action"]),
            mode=str(fault["mode"]),
            count=int(fault["count"]),
            skip=int(fault["skip"]),
            everywhere=everywhere,
        )
