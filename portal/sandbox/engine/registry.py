"""The doors into MiniStack: resource types, API actions, ids and the account and region a thread works in.

Every module beside this one reaches MiniStack's tables through here, so that what we lean on is in one place.
"""

import contextvars
import secrets
import string
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeAlias

from ministack.core import responses
from ministack.services.cloudformation import provisioners

Properties: TypeAlias = dict[str, Any]
Attributes: TypeAlias = dict[str, Any]
Created: TypeAlias = tuple[str, Attributes]
Answer: TypeAlias = tuple[int, dict[str, str], bytes | str]
Parameters: TypeAlias = dict[str, Any]
Action: TypeAlias = Callable[[Parameters], Answer]
Record: TypeAlias = dict[str, Any]

Create: TypeAlias = Callable[[str, Properties, str], Created]
Update: TypeAlias = Callable[[str, Properties, Properties, str, str], Created]
Delete: TypeAlias = Callable[[str, Properties], None]


class Refused(ValueError):
    """AWS would not do this: its error code and its message.

    Raised by what both the API and CloudFormation do; an action answers with it, a resource fails with it.

    Args:
        handler_code: the HandlerErrorCode of the resource's reason, where it does not follow from the code.
        by_service: whether the text is the service's; else CloudFormation's own handler wrote it.
    """

    def __init__(self, code: str, message: str, *, handler_code: str = "", by_service: bool = True) -> None:
        super().__init__(message)
        self.code = code
        self.handler_code = handler_code
        self.by_service = by_service


class NameTaken(Refused):
    """Another resource has the name; CloudFormation never takes it over."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The account and region that MiniStack's stores are divided by."""

    account: str
    region: str

    def entered(self) -> AbstractContextManager[None]:
        """Make this thread work in the scope for the duration of a with block."""
        scope: AbstractContextManager[None] = responses.request_scope(self.account, self.region)
        return scope


def here() -> Scope:
    """Return the scope of the request or stack operation that this thread serves."""
    return Scope(responses.get_account_id(), responses.get_region())


def scopes_of(store: Any) -> Iterator[Scope]:
    """Walk the scopes in which a store of MiniStack's holds anything."""
    seen = {(account, region) for (account, region, _key), _value in store.all_items()}
    return (Scope(account, region) for account, region in sorted(seen))


def handler(resource_type: str) -> dict[str, Any]:
    """Return the handlers of a resource type, to be wrapped. Raises KeyError when there are none."""
    found: dict[str, Any] = provisioners._RESOURCE_HANDLERS[resource_type]
    return found


def provide(resource_type: str, create: Create, delete: Delete, update: Update | None = None) -> None:
    """Make a resource type known, or replace MiniStack's handlers of it.

    Without update a changed resource is created anew under a new name and the old one deleted, as
    CloudFormation does for properties that require replacement.
    """
    entry: dict[str, Any] = {
        "create": create,
        "delete": delete,
        "update": update or _replacing(create, delete),
    }
    entry["update_with_logical_id"] = True
    previous = provisioners._RESOURCE_HANDLERS.get(resource_type, {})
    provisioners._RESOURCE_HANDLERS[resource_type] = {**previous, **entry}


def ready_with(resource_type: str, ready: Callable[[str], None]) -> None:
    """Have something done to a resource when the time that AWS takes for it has passed.

    Args:
        ready: called with the physical id, also of a resource that is gone by then.
    """

    async def stabilize(physical_id: str, properties: Properties, stack: str) -> Attributes | None:
        ready(physical_id)
        return None

    provisioners._RESOURCE_HANDLERS[resource_type]["stabilize"] = stabilize


# What a handler reports of the resource that it works on; set around it by what called it.
noted: contextvars.ContextVar[Callable[[str], None]] = contextvars.ContextVar(
    "noted", default=lambda _text: None
)


def note(text: str) -> None:
    """Report, from within a handler, what the resource waits for: it becomes an event of its stack."""
    noted.get()(text)


def _replacing(create: Create, delete: Delete) -> Update:
    def update(physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Created:
        return replace(create, delete, physical_id, old, new, stack, logical_id)

    return update


def replace(
    create: Create,
    delete: Delete,
    physical_id: str,
    old: Properties,
    new: Properties,
    stack: str,
    logical_id: str,
) -> Created:
    """Create a successor under a new name; the predecessor goes in the stack's clean-up phase."""
    created: Created = provisioners._seeded_create(create, logical_id or physical_id, new, stack)
    if created[0] != physical_id:
        provisioners._delete_predecessor(delete, physical_id, old)
    return created


def physical_name(stack: str, logical_id: str, *, longest: int = 128, lowercase: bool = False) -> str:
    """Generate the name CloudFormation gives a resource whose template names none."""
    name: str = provisioners._physical_name(stack, logical_id, max_len=longest, lowercase=lowercase)
    return name


def new_id(prefix: str) -> str:
    """Generate an EC2-style id: the prefix, a hyphen and 17 hexadecimal digits."""
    return f"{prefix}-{secrets.token_hex(9)[:17]}"


def new_suffix(length: int = 16) -> str:
    """Generate the lower-case letters and digits that end an ELB ARN or an RDS host name."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(length))


def arn(service: str, resource: str) -> str:
    """Format an ARN of the current account and region."""
    scope = here()
    return f"arn:aws:{service}:{scope.region}:{scope.account}:{resource}"


def changed(old: Properties, new: Properties, *names: str) -> bool:
    """Return whether any of the named properties differs between two versions of a resource."""
    return any(old.get(name) != new.get(name) for name in names)


def truth(value: object, default: bool = False) -> bool:
    """Read a template's boolean, which YAML and parameters may carry as a string."""
    return default if value is None else str(value).lower() == "true"
