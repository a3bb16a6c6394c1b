"""Every error that Sanso raises on purpose: one tree, split by who must act.

SansoError
├── UserFixable             the user changes their input; shown, never retried
│   └── FetchFailed         a source of template sets does not respond; a later fetch may succeed
├── LostClaim               another worker has claimed the row; the step stops and reports nothing
└── AwsFailure              AWS returned an error; `deployments.aws.error_mapping` maps it to one of these
    ├── AwsRetryable        throttled, unavailable or timed out: the same call is made again later
    │   └── QuotaExhausted  the call was not made: the account's API quota is used up; never reported
    ├── AwsAlreadyDone      the resource exists, or the operation is in progress: read its state and continue
    ├── AwsAccessError      an operator must fix credentials or permissions; then the work continues
    └── AwsRejected         AWS rejects the call, also when it is repeated: the deployment fails with the
    reason
        └── AwsNotFound     the stack, change set or bucket does not exist
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deployments.common.message_codes import Code


@dataclass(frozen=True, slots=True)
class Message:
    """What happened: a stable code with values. Its text is in `deployments.common.texts`.

    `request_id` is AWS's id of the request that failed, "" where there was none.
    """

    code: Code
    params: Mapping[str, str] = field(default_factory=dict)
    request_id: str = ""

    def __str__(self) -> str:
        """Return code and values, for logs."""
        return " ".join([str(self.code), *(f"{name}={value}" for name, value in self.params.items())])

    def as_json(self) -> dict[str, object]:
        """Return the message as it is stored in a JSON column."""
        kept: dict[str, object] = {"code": str(self.code), "params": dict(self.params)}
        return kept | ({"request_id": self.request_id} if self.request_id else {})


class SansoError(Exception):
    """The root of the tree. `code` is stable; the message is for people."""

    code = "Error"


class UserFixable(SansoError):
    """Raised when the user can fix the cause; `field` is the name of the form field, if there is one.

    `params` are the values of the message.
    """

    def __init__(self, code: str, message: Code, /, field: str = "", **params: object) -> None:
        super().__init__(code, message, field, params)
        self.code, self.field = code, field
        self.message = Message(message, {name: str(value) for name, value in params.items()})

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def refuse(code: str, why: Message | None, field: str = "") -> None:
    """Raise UserFixable with a message that says why; nothing if there is none."""
    if why is not None:
        raise UserFixable(code, why.code, field, **why.params)


class FetchFailed(UserFixable):
    """Raised when a source of template sets does not respond; a later fetch may succeed."""


class LostClaim(SansoError):
    """Raised when another step has claimed the row in the meantime."""

    code = "LostClaim"


class AwsFailure(SansoError):
    """An error response of AWS. `operation` is `service:Action`; the message is AWS's own."""

    def __init__(self, code: str, message: str, operation: str, request_id: str = "") -> None:
        super().__init__(code, message, operation, request_id)
        self.code, self.message, self.operation, self.request_id = code, message, operation, request_id

    def __str__(self) -> str:
        return f"{self.operation}: {self.message} ({self.code})"


class AwsRetryable(AwsFailure):
    """Raised when the same call may succeed later: throttling, faults of AWS, lost responses."""


class QuotaExhausted(AwsRetryable):
    """Raised when a call was not made because the API quota is used up; it may be made in `seconds`."""

    def __init__(self, operation: str, seconds: float) -> None:
        super().__init__("QuotaExhausted", "Too many calls at once", operation)
        self.seconds = seconds


class AwsAlreadyDone(AwsFailure):
    """Raised when the resource exists already, or the operation is in progress."""


class AwsAccessError(AwsFailure):
    """Raised when an operator must fix credentials or permissions before the work can continue."""


class AwsRejected(AwsFailure):
    """Raised when AWS rejects the call and a retry would not help."""


class AwsNotFound(AwsRejected):
    """Raised when the stack, change set or bucket does not exist."""
