"""Log groups and parameters without a name get the same one each time a stack is created (MiniStack 1.5.33).

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resources-section-structure.html (Physical ID)
"""

import functools
from collections.abc import Callable
from typing import Any

from sanso_sandbox.engine.registry import Created, Properties, handler, physical_name


def install() -> None:
    """Generate a name where the template has none."""
    _generate("AWS::Logs::LogGroup", "LogGroupName", physical_name)
    _generate("AWS::SSM::Parameter", "Name", lambda _stack, logical_id: physical_name("CFN", logical_id))


def _generate(resource_type: str, name_property: str, generated: Callable[[str, str], str]) -> None:
    """Generate names for a type's resources that have none, as CloudFormation does."""
    found = handler(resource_type)
    create, update = found["create"], found["update"]

    @functools.wraps(create)  # its module too, which marks it as not blocking
    def created(logical_id: str, properties: Properties, stack: str) -> Created:
        name = properties.get(name_property) or generated(stack, logical_id)
        made: Created = create(logical_id, {**properties, name_property: name}, stack)
        return made

    @functools.wraps(update)  # its module too, which marks it as not blocking
    def updated(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Created:
        if not new.get(name_property) and not old.get(name_property):
            pinned = {name_property: physical_id}
            old, new = {**old, **pinned}, {**new, **pinned}
        made: Created = update(physical_id, old, new, *rest)
        return made

    found.update(create=created, update=updated)
