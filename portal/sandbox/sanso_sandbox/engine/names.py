"""Names that must be free: CloudFormation never takes over a resource that it did not create.

The services declare the property with a type's name, and the error for a name that is taken.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sanso_sandbox.engine.registry import NameTaken, Properties

# Takes a name; returns AWS's error if another resource has it.
Taken = Callable[[str], NameTaken | None]


@dataclass(frozen=True, slots=True)
class _Named:
    name_property: str
    taken: Taken


_named: dict[str, _Named] = {}


def declare(resource_type: str, name_property: str, taken: Taken) -> None:
    """Declare that a type's name in a template is checked before a resource is created or renamed."""
    _named[resource_type] = _Named(name_property, taken)


def require_free(resource_type: str, properties: Properties, old: Properties | None = None) -> None:
    """Raise NameTaken if the properties contain the name of an existing resource.

    Args:
        old: the properties before an update; their name is the resource's own.
    """
    named = _named.get(resource_type)
    name = str(properties.get(named.name_property) or "") if named else ""
    if named is None or not name or (old is not None and old.get(named.name_property) == name):
        return
    if refused := named.taken(name):
        raise refused
