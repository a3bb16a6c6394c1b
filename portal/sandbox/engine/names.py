"""Names that must be free: CloudFormation never takes over a resource that it did not create.

The services declare which property holds a type's name, and how they refuse one that is taken.
"""

from collections.abc import Callable
from dataclasses import dataclass

from portal.sandbox.engine.registry import NameTaken, Properties

# Given a name; returns AWS's refusal if another resource has it.
Taken = Callable[[str], NameTaken | None]


@dataclass(frozen=True, slots=True)
class _Named:
    name_property: str
    taken: Taken


_named: dict[str, _Named] = {}


def declare(resource_type: str, name_property: str, taken: Taken) -> None:
    """Have the name that a template gives a resource of the type checked before it is created or renamed."""
    _named[resource_type] = _Named(name_property, taken)


def require_free(resource_type: str, properties: Properties, old: Properties | None = None) -> None:
    """Raise NameTaken when the properties name a resource that exists already.

    Args:
        old: the properties before an update, whose name is the resource's own.
    """
    named = _named.get(resource_type)
    name = str(properties.get(named.name_property) or "") if named else ""
    if named is None or not name or (old is not None and old.get(named.name_property) == name):
        return
    if refused := named.taken(name):
        raise refused
