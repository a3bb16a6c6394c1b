"""Rules that AWS's documentation leaves open: both readings are implemented; the stricter one is default.

Those of `SLOW` are AWS's own, and cost time: they apply where a test chooses them.
"""

from typing import Final

from sanso_sandbox.engine.registry import here

READINGS: Final = {
    "agents_ask_every_ten_minutes": "SM9: agents ask for associations at boot, after 30 s, every 10 minutes",
    "handlers_make_all_listed_calls": "PE1: a handler makes every call that its schema lists, reads as well",
    "nested_change_sets_use_the_service_role": "PE3: nested change sets are created as the service role",
    "nested_stacks_are_passed_the_service_role": "PE5: CloudFormation passes its role to each nested stack",
    "new_parameter_groups_are_ignored": "AU3: a group younger than five minutes sets no charset",
    "new_stacks_are_not_found": "CF2: reads do not find a stack for two seconds after its creation",
    "patterns_match_placeholders": "NC3: an AllowedPattern is matched with the placeholder of an output",
    "roles_are_assumed_without_source_keys": "PE4: CloudFormation sends no aws:SourceAccount with AssumeRole",
    "wildcard_types_match_nothing": "PE2: a wildcard in place of an ARN's resource type matches nothing",
}

SLOW: Final = frozenset({"agents_ask_every_ten_minutes"})

_changed: dict[str, set[str]] = {}  # those that are not the default ones, by account


def strict(name: str) -> bool:
    """Return whether the stricter reading of a rule applies in the current account."""
    return _is_strict(here().account, name)


def of(account: str) -> dict[str, bool]:
    """Return for each rule whether its stricter reading applies in an account."""
    return {name: _is_strict(account, name) for name in READINGS}


def _is_strict(account: str, name: str) -> bool:
    return (name in SLOW) == (name in _changed.get(account, ()))


def change(account: str, given: dict[str, object]) -> None:
    """Choose the readings of an account: true for the stricter one. Raises ValueError if one is invalid."""
    for name, is_strict in given.items():
        if name not in READINGS or not isinstance(is_strict, bool):
            raise ValueError(f"a reading is true or false, and one of {', '.join(READINGS)}")
    changed = _changed.setdefault(account, set())
    for name, is_strict in given.items():
        is_default = is_strict != (name in SLOW)
        (changed.discard if is_default else changed.add)(name)


def reset(account: str | None) -> None:
    """Reset an account, or all accounts, to the default readings."""
    if account is None:
        _changed.clear()
    else:
        _changed.pop(account, None)
