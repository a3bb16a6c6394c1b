"""What goes wrong on purpose: resources by logical id, associations by name, API calls by action."""

from dataclasses import asdict, dataclass, field
from typing import Any, Final

from ministack.core.responses import get_account_id

from portal.sandbox.journal import Call

MODES: Final = (
    "error_before",  # not carried out, answered with an error
    "error_after",  # carried out, answered with an error all the same
    "timeout",  # carried out, never answered
    "throttle",  # not carried out, answered with the service's throttling error
    "denied",  # not carried out, answered with the service's error for a missing permission
    "hold_before",  # waits for a word on the control plane, then carried out
    "hold_after",  # carried out, then waits before it is answered
)


class BadFault(Exception):
    """A fault that was asked for is not one; the message says why."""


@dataclass(slots=True, kw_only=True)
class ApiFault:
    """A fault of API calls: the first skip matching calls go through, the next count meet it."""

    service: str
    action: str = "*"
    mode: str
    count: int = 1
    skip: int = 0
    code: str = ""
    message: str = ""
    status: int = 0

    def matches(self, call: Call) -> bool:
        """Tell whether a call is one that this fault is about."""
        return self.service in ("*", call.service) and self.action in ("*", call.action)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationFault:
    """An association that fails on some instances: all, so many of them, or those with these ids.

    What the last step then prints can be given, such as what Ansible prints when a task fails.
    """

    on: bool | int | list[str] = True
    stdout: str = ""
    stderr: str = "The sandbox was asked to fail this association."

    def hits(self, instance_id: str, instances: list[str]) -> bool:
        """Tell whether it fails on one of the instances that it runs on."""
        if isinstance(self.on, bool):
            return self.on
        if isinstance(self.on, int):
            return instance_id in sorted(instances)[: self.on]
        return instance_id in self.on

    @classmethod
    def read(cls, asked: Any) -> "AssociationFault":
        """Read a fault as the control plane takes it. Raises BadFault for what is none."""
        told = asked if isinstance(asked, dict) else {"on": asked}
        try:
            fault = cls(**told)
        except TypeError as wrong:
            raise BadFault(f"not a fault of an association: {asked} ({wrong})") from wrong
        ids = isinstance(fault.on, list) and all(isinstance(key, str) for key in fault.on)
        texts: list[Any] = [fault.stdout, fault.stderr]
        if not (ids or isinstance(fault.on, int)) or not all(isinstance(text, str) for text in texts):
            raise BadFault(
                f"an association fails on true, a number or a list of instances and not {fault.on!r}"
            )
        return fault


@dataclass(slots=True)
class Faults:
    """The faults of one account, or those of every account."""

    resources: dict[str, str] = field(default_factory=dict)
    associations: dict[str, AssociationFault] = field(default_factory=dict)
    api: list[ApiFault] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Spell the faults for the control plane."""
        return {
            "resources": dict(self.resources),
            "associations": {name: asdict(fault) for name, fault in self.associations.items()},
            "api": [asdict(fault) for fault in self.api],
        }


_of_account: dict[str | None, Faults] = {}


def of(account: str | None) -> Faults:
    """Hand out the faults of one account, or those meant for every account."""
    return _of_account.setdefault(account, Faults())


def clear(account: str | None) -> None:
    """Take back the faults of one account, or every fault there is."""
    if account is None:
        _of_account.clear()
    else:
        _of_account.pop(account, None)


def merge(account: str | None, asked: dict[str, Any]) -> None:
    """Add faults; null takes one of a resource or an association back, and all of API calls.

    Raises BadFault for what is none, and adds nothing then.
    """
    unknown = set(asked) - {"resources", "associations", "api"}
    if unknown:
        raise BadFault(f"unknown kinds of fault: {', '.join(sorted(unknown))}")
    added = [_api_fault(entry) for entry in asked.get("api") or ()]
    faults = of(account)
    failing = {name: _read(value) for name, value in (asked.get("associations") or {}).items()}
    _put(faults.resources, asked.get("resources") or {})
    _put(faults.associations, failing)
    if "api" in asked and asked["api"] is None:
        faults.api.clear()
    faults.api.extend(added)


def _put(store: dict[str, Any], values: dict[str, Any]) -> None:
    for name, value in values.items():
        if value:
            store[name] = value
        else:
            store.pop(name, None)


def _read(value: Any) -> AssociationFault | None:
    return AssociationFault.read(value) if value else None


def _api_fault(entry: dict[str, Any]) -> ApiFault:
    try:
        fault = ApiFault(**entry)
    except TypeError as wrong:
        raise BadFault(f"not a fault of the API: {entry} ({wrong})") from wrong
    if fault.mode not in MODES:
        raise BadFault(f"mode {fault.mode!r} is none of {', '.join(MODES)}")
    return fault


def resource_failure(operation: str, logical_id: str) -> str | None:
    """Tell why an operation on a resource of the current account is to fail, or None.

    A bare logical id is about its creation; "update:", "delete:" and "rollback:" (the way back after a failed
    update) are about the others.
    """
    key = logical_id if operation == "create" else f"{operation}:{logical_id}"
    for account in (get_account_id(), None):
        if account in _of_account and key in _of_account[account].resources:
            return _of_account[account].resources[key]
    return None


def association_failure(account: str, name: str) -> AssociationFault | None:
    """Tell how an association fails on purpose; None when it does not."""
    for scope in (account, None):
        found = _of_account[scope].associations if scope in _of_account else {}
        for key in (name, "*"):
            if key in found:
                return found[key]
    return None


def next_for(call: Call) -> ApiFault | None:
    """Take the fault that a call meets, if any; it counts as met."""
    for account in (call.account, None):
        faults = _of_account.get(account)
        for fault in list(faults.api) if faults else ():
            if not fault.matches(call):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.count -= 1
            if fault.count <= 0 and faults is not None:
                faults.api.remove(fault)
            return fault
    return None
