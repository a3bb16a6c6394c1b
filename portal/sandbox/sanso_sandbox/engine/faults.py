"""Injected faults: of resources by logical id, of associations by name, of API calls by action."""

import re
import threading
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from ministack.core.responses import get_account_id

MODES: Final = (
    "error_before",  # not carried out; the response is an error
    "error_after",  # carried out, but the response is an error
    "timeout",  # carried out, without a response
    "throttle",  # not carried out; the response is the service's throttling error
    "denied",  # not carried out; the response is the service's error for a missing permission
    "hold_before",  # waits for a decision on the control API, then carried out
    "hold_after",  # carried out, then waits before the response
)
MOST: Final = 1_000  # faults of each kind in one account
MOST_CALLS: Final = 1_000_000
NAME_LENGTH: Final = 300
TEXT_LENGTH: Final = 100_000
# Reasons and messages become part of XML, which allows no control characters and no lone surrogates.
_NOT_IN_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_RESOURCE: Final = re.compile(r"((update|delete|rollback|hook):)?[A-Za-z0-9]{1,255}")
_NOT_PRINTED: Final = re.compile("[\x00\ud800-\udfff]")
_choosing = threading.Lock()  # an association runs on several instances at once


class BadFault(Exception):
    """A request for a fault is invalid; the message is the reason."""


@dataclass(slots=True, kw_only=True)
class ApiFault:
    """A fault of API calls: the first `skip` matching calls succeed, the next `count` get the fault."""

    service: str
    action: str = "*"
    mode: str
    count: int = 1
    skip: int = 0
    code: str = ""
    message: str = ""
    status: int = 0

    def matches(self, service: str, action: str) -> bool:
        """Return whether this fault applies to a call."""
        return self.service in ("*", service) and self.action in ("*", action)

    @classmethod
    def read(cls, given: Any) -> "ApiFault":
        """Return a fault from the control API's input. Raises BadFault if it is invalid."""
        try:
            fault = cls(**given)
        except TypeError as wrong:
            raise BadFault(f"not a fault of the API: {_short(given)} ({_short(wrong)})") from wrong
        if fault.mode not in MODES:
            raise BadFault(f"mode {_short(fault.mode)} is none of {', '.join(MODES)}")
        for name in ("service", "action"):
            _check_text(name, getattr(fault, name), NAME_LENGTH)
        _check_text("message", fault.message, TEXT_LENGTH)
        code: Any = fault.code
        if not isinstance(code, str) or not re.fullmatch(r"[A-Za-z0-9.:_-]{0,100}", code):
            raise BadFault(f"a code is letters and digits, 100 at most, and not {_short(code)}")
        _check_number("count", fault.count, 1, MOST_CALLS)
        _check_number("skip", fault.skip, 0, MOST_CALLS)
        if fault.status != 0:
            _check_number("status", fault.status, 200, 599)
        return fault


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationFault:
    """An association that fails on some instances: all, a number of them, or those with these ids.

    A number means the first instances that run the association: it keeps failing on these and on no others,
    even if more instances are launched. The output of the failed step can be set, for example to that of
    Ansible when a task fails.
    """

    on: bool | int | list[str] = True
    stdout: str = ""
    stderr: str = "A fault was injected into this association."
    _chosen: set[str] = field(default_factory=set, init=False, compare=False)

    def hits(self, instance_id: str) -> bool:
        """Return whether the association fails on an instance that runs it now."""
        if isinstance(self.on, bool):
            return self.on
        if isinstance(self.on, list):
            return instance_id in self.on
        with _choosing:
            if len(self._chosen) < self.on:
                self._chosen.add(instance_id)
            return instance_id in self._chosen

    def as_dict(self) -> dict[str, Any]:
        """Return the fault in the control API's format."""
        return {"on": self.on, "stdout": self.stdout, "stderr": self.stderr}

    @classmethod
    def read(cls, given: Any) -> "AssociationFault":
        """Return a fault from the control API's input. Raises BadFault if it is invalid."""
        fields = given if isinstance(given, dict) else {"on": given}
        try:
            fault = cls(**fields)
        except TypeError as wrong:
            raise BadFault(f"not a fault of an association: {_short(given)} ({_short(wrong)})") from wrong
        _check_text("stdout", fault.stdout, TEXT_LENGTH, _NOT_PRINTED)
        _check_text("stderr", fault.stderr, TEXT_LENGTH, _NOT_PRINTED)
        ids = isinstance(fault.on, list) and all(isinstance(key, str) for key in fault.on)
        if not ids and not isinstance(fault.on, int):
            raise BadFault(
                f"an association fails on true, a number or a list of instances and not {_short(fault.on)}"
            )
        if not isinstance(fault.on, list):
            _check_number("on", int(fault.on), 0, MOST)
        elif len(fault.on) > MOST:
            raise BadFault(f"an association fails on {MOST} instances at most")
        return fault


@dataclass(slots=True)
class Faults:
    """The faults of one account, or those for all accounts."""

    resources: dict[str, str] = field(default_factory=dict)
    associations: dict[str, AssociationFault] = field(default_factory=dict)
    api: list[ApiFault] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the faults for the control API."""
        return {
            "resources": dict(self.resources),
            "associations": {name: fault.as_dict() for name, fault in self.associations.items()},
            "api": [asdict(fault) for fault in self.api],
        }


_of_account: dict[str | None, Faults] = {}


def of(account: str | None) -> Faults:
    """Return the faults of one account, or those for all accounts."""
    return _of_account.setdefault(account, Faults())


def clear(account: str | None) -> None:
    """Remove the faults of one account, or all faults."""
    if account is None:
        _of_account.clear()
    else:
        _of_account.pop(account, None)


def merge(account: str | None, given: dict[str, Any]) -> None:
    """Add faults; null removes the one of a resource or an association, or all of API calls.

    Raises BadFault if one is invalid, without adding any.
    """
    unknown = set(given) - {"resources", "associations", "api"}
    if unknown:
        raise BadFault(f"unknown kinds of fault: {_short(', '.join(sorted(unknown)))}")
    added = [ApiFault.read(entry) for entry in _list(given.get("api"))]
    resources = _mapping("resources", given.get("resources"))
    for logical_id, reason in resources.items():
        if not _RESOURCE.fullmatch(logical_id):
            raise BadFault(
                f"{_short(logical_id)} is not the logical ID of a resource, alone or after "
                "update:, delete:, rollback: or hook:"
            )
        _check_text(f"the reason of {_short(logical_id)}", reason or "", TEXT_LENGTH)
    failing = {
        name: AssociationFault.read(value) if value else None
        for name, value in _mapping("associations", given.get("associations")).items()
    }
    faults = of(account)
    api = [] if "api" in given and given["api"] is None else faults.api
    if max(map(len, (resources, failing, [*api, *added]))) > MOST:
        raise BadFault(f"an account has {MOST} faults of a kind at most")
    _put(faults.resources, resources)
    _put(faults.associations, failing)
    faults.api[:] = [*api, *added]


def _list(value: Any) -> list[Any]:
    if value is not None and not isinstance(value, list):
        raise BadFault(f"api is a list of faults and not {_short(value)}")
    return value or []


def _mapping(name: str, value: Any) -> dict[str, Any]:
    if value is not None and not isinstance(value, dict):
        raise BadFault(f"{name} are an object with a fault for each name and not {_short(value)}")
    for key in value or ():
        _check_text("a name", key, NAME_LENGTH)
    return value or {}


def _check_text(what: str, value: Any, length: int, never: re.Pattern[str] = _NOT_IN_XML) -> None:
    if not isinstance(value, str) or len(value) > length or never.search(value):
        raise BadFault(f"{what} is a text of {length} printable characters at most, not {_short(value)}")


def _check_number(what: str, value: Any, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadFault(f"{what} is a whole number from {least} to {most} and not {_short(value)}")


def _short(value: Any) -> str:
    """Return a value as messages quote it."""
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _put(store: dict[str, Any], values: dict[str, Any]) -> None:
    for name, value in values.items():
        if value:
            store[name] = value
        else:
            store.pop(name, None)


def resource_failure(operation: str, logical_id: str) -> str | None:
    """Return the reason for which an operation on a resource of the current account must fail, or None.

    A logical id alone is for its creation; "update:", "delete:" and "rollback:" (restoring it after a failed
    update) are prefixes for the other operations, and "hook:" for a hook that is called before it is created
    or updated.
    """
    key = logical_id if operation == "create" else f"{operation}:{logical_id}"
    for account in (get_account_id(), None):
        if account in _of_account and key in _of_account[account].resources:
            return _of_account[account].resources[key]
    return None


def association_failure(account: str, name: str) -> AssociationFault | None:
    """Return the injected fault of an association; None without one."""
    for scope in (account, None):
        found = _of_account[scope].associations if scope in _of_account else {}
        for key in (name, "*"):
            if key in found:
                return found[key]
    return None


def next_for(account: str, service: str, action: str) -> ApiFault | None:
    """Return the fault for a call, if any, and count it."""
    for scope in (account, None):
        faults = _of_account.get(scope)
        for fault in list(faults.api) if faults else ():
            if not fault.matches(service, action):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.count -= 1
            if fault.count <= 0 and faults is not None:
                faults.api.remove(fault)
            return fault
    return None
