"""Instance types that some zones do not offer or have no capacity for, set through the control API.

No table could contain the offers of each zone: they differ between accounts, and change daily.
"""

from typing import Final

from sanso_sandbox.engine.registry import here

KINDS: Final = ("not_offered", "no_capacity")
MOST: Final = 1_000

# By account and kind: the zones without an instance type.
_missing: dict[str, dict[str, dict[str, list[str]]]] = {}


def of(account: str) -> dict[str, dict[str, list[str]]]:
    """Return the shortages in an account, by kind and instance type."""
    return {kind: dict(_missing.get(account, {}).get(kind, {})) for kind in KINDS}


def change(account: str, given: dict[str, object]) -> None:
    """Set the zones without instance types. Raises ValueError for invalid input."""
    for kind, types in given.items():
        if kind not in KINDS or not isinstance(types, dict) or len(types) > MOST:
            raise ValueError(f'shortages are {" and ".join(KINDS)}, each {{"type": ["zone", …]}}')
        for zones in types.values():
            if not isinstance(zones, list) or not all(isinstance(zone, str) for zone in zones):
                raise ValueError("the zones of an instance type are a list of names")
    kept = _missing.setdefault(account, {})
    for kind, types in given.items():
        if isinstance(types, dict):
            kept[kind] = {str(name): [str(zone) for zone in zones] for name, zones in types.items()}


def reset(account: str | None) -> None:
    """Remove all shortages of an account, or of all accounts."""
    if account is None:
        _missing.clear()
    else:
        _missing.pop(account, None)


def missing(kind: str, instance_type: str, zone: str) -> bool:
    """Return whether a zone lacks an instance type for the current account."""
    return zone in _missing.get(here().account, {}).get(kind, {}).get(instance_type, ())
