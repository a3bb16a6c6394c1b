"""Rules that AWS's documentation leaves open: both readings are implemented; the stricter one is default."""

from typing import Final

from portal.sandbox.engine.registry import here

READINGS: Final = {
    "new_parameter_groups_are_ignored": "AU3: a group younger than five minutes sets no charset",
    "new_stacks_are_not_found": "CF2: reads do not find a stack for two seconds after its creation",
    "patterns_match_placeholders": "NC3: an AllowedPattern is matched with the placeholder of an output",
}

_kinder: dict[str, set[str]] = {}  # by account


def strict(name: str) -> bool:
    """Return whether the stricter reading of a rule applies in the current account."""
    return name not in _kinder.get(here().account, ())


def of(account: str) -> dict[str, bool]:
    """Return for each rule whether its stricter reading applies in an account."""
    return {name: name not in _kinder.get(account, ()) for name in READINGS}


def change(account: str, given: dict[str, object]) -> None:
    """Choose the readings of an account: true for the stricter one. Raises ValueError if one is invalid."""
    for name, is_strict in given.items():
        if name not in READINGS or not isinstance(is_strict, bool):
            raise ValueError(f"a reading is true or false, and one of {', '.join(READINGS)}")
    chosen = _kinder.setdefault(account, set())
    for name, is_strict in given.items():
        (chosen.discard if is_strict else chosen.add)(name)


def reset(account: str | None) -> None:
    """Reset an account, or all accounts, to the stricter readings."""
    if account is None:
        _kinder.clear()
    else:
        _kinder.pop(account, None)
