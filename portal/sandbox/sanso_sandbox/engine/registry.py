"""Access to MiniStack's tables: resource types, API actions, ids, and a thread's account and region.

The sandbox's other modules access these tables through here, so that all dependencies are in one place.
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
    """A rejection by AWS, with its error code and message.

    Raised by code that the API and CloudFormation share: it is an action's response, or fails a resource.

    Args:
        handler_code: the HandlerErrorCode of the resource's reason, if it does not follow from the code.
        by_service: whether the text is the service's; otherwise it is from CloudFormation's own handler.
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
    """An account and region, the key of MiniStack's stores."""

    account: str
    region: str

    def entered(self) -> AbstractContextManager[None]:
        """Set the account and region of this thread for the duration of a with block."""
        scope: AbstractContextManager[None] = responses.request_scope(self.account, self.region)
        return scope


def here() -> Scope:
    """Return the scope of this thread's request or stack operation."""
    return Scope(responses.get_account_id(), responses.get_region())


def scopes_of(store: Any) -> Iterator[Scope]:
    """Yield the scopes in which a store of MiniStack contains data."""
    seen = {(account, region) for (account, region, _key), _value in store.all_items()}
    return (Scope(account, region) for account, region in sorted(seen))


def handler(resource_type: str) -> dict[str, Any]:
    """Return the handlers of a resource type, for wrapping. Raises KeyError if there are none."""
    found: dict[str, Any] = provisioners._RESOURCE_HANDLERS[resource_type]
    return found


def provide(resource_type: str, create: Create, delete: Delete, update: Update | None = None) -> None:
    """Register a resource type, or replace MiniStack's handlers for it.

    Without `update`, a changed resource is created again with a new name and the old one is deleted, as
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
    """Call a function for each created resource after AWS's duration of the creation.

    Args:
        ready: called with the physical id, even if the resource has been deleted by then.
    """

    async def stabilize(physical_id: str, properties: Properties, stack: str) -> Attributes | None:
        ready(physical_id)
        return None

    provisioners._RESOURCE_HANDLERS[resource_type]["stabilize"] = stabilize


# Reports what a handler's resource waits for; set by the caller of the handler.
noted: contextvars.ContextVar[Callable[[str], None]] = contextvars.ContextVar(
    "noted", default=lambda _text: None
)


def note(text: str) -> None:
    """Report what a handler's resource waits for, as an event of its stack."""
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
    """Create a successor with a new name; the cleanup phase of the stack deletes the predecessor."""
    created: Created = provisioners._seeded_create(create, logical_id or physical_id, new, stack)
    if created[0] != physical_id:
        provisioners._delete_predecessor(delete, physical_id, old)
    return created


def physical_name(stack: str, logical_id: str, *, longest: int = 128, lowercase: bool = False) -> str:
    """Return the name that CloudFormation generates for a resource without a name in the template."""
    name: str = provisioners._physical_name(stack, logical_id, max_len=longest, lowercase=lowercase)
    return name


def new_id(prefix: str) -> str:
    """Return an EC2-style id: the prefix, a hyphen and 17 hexadecimal digits."""
    return f"{prefix}-{secrets.token_hex(9)[:17]}"


def new_suffix(length: int = 16) -> str:
    """Return random lower-case letters and digits, as at the end of an ELB ARN or an RDS host name."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(length))


def arn(service: str, resource: str) -> str:
    """Return an ARN in the current account and region."""
    scope = here()
    return f"arn:aws:{service}:{scope.region}:{scope.account}:{resource}"


def changed(old: Properties, new: Properties, *names: str) -> bool:
    """Return whether any of these properties differs between two versions of a resource."""
    return any(old.get(name) != new.get(name) for name in names)


def truth(value: object, default: bool = False) -> bool:
    """Return a template's boolean, which may be a string in YAML and parameters."""
    return default if value is None else str(value).lower() == "true"
