"""Every error that Sanso raises on purpose, drawn as one tree and split by who must act.

SansoError
├── UserFixable           a person changes what they asked for; shown, never retried
├── LostClaim             another worker owns the row now; the tick stops without a word
└── AwsFailure            AWS answered with an error; `verdicts` says which of these it is
    ├── AwsRetry          throttled, unavailable, timed out: the same call again, later
    │   └── BudgetSpent   not asked at all: the account's calls of this second are made; no news to anybody
    ├── AwsAdopt          the wanted thing exists or is under way already: look and go on
    ├── AwsAsk            credentials or permissions: a person mends them, the work resumes
    └── AwsRefused        AWS will not do this, now or later: the deployment fails with the reason
        └── AwsMissing    what was asked about does not exist
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deployments.message_codes import Code


@dataclass(frozen=True, slots=True)
class Message:
    """What happened, for people: a stable code with values. `deployments.wording` has the words.

    `request_id` is AWS's id of the request that failed, "" where there was none.
    """

    code: Code
    params: Mapping[str, str] = field(default_factory=dict)
    request_id: str = ""

    def __str__(self) -> str:
        """Return code and values, for logs."""
        return " ".join([str(self.code), *(f"{name}={value}" for name, value in self.params.items())])

    def as_json(self) -> dict[str, object]:
        """Return what a JSON column keeps."""
        kept: dict[str, object] = {"code": str(self.code), "params": dict(self.params)}
        return kept | ({"request_id": self.request_id} if self.request_id else {})


class SansoError(Exception):
    """The root of the tree. `code` is stable and may be relied on; the message is for people."""

    code = "Error"


class UserFixable(SansoError):
    """Raised when a person can fix the cause; `field` names the form field it belongs to, if any.

    `params` are the values of the message.
    """

    def __init__(self, code: str, message: Code, field: str = "", **params: object) -> None:
        super().__init__(code, message, field, params)
        self.code, self.field = code, field
        self.message = Message(message, {name: str(value) for name, value in params.items()})

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class LostClaim(SansoError):
    """Raised when a row was claimed by another tick in the meantime."""

    code = "LostClaim"


class AwsFailure(SansoError):
    """An error answer of AWS. `operation` is `service:Action`; the message is AWS's own."""

    def __init__(self, code: str, message: str, operation: str, request_id: str = "") -> None:
        super().__init__(code, message, operation, request_id)
        self.code, self.message, self.operation, self.request_id = code, message, operation, request_id

    def __str__(self) -> str:
        return f"{self.operation}: {self.message} ({self.code})"


class AwsRetryable(AwsFailure):
    """Raised when the same call may succeed later: throttling, faults of AWS, lost answers."""


class QuotaExhausted(AwsRetryable):
    """Raised when a call was not made, to spare the account. `seconds`: when it may be tried again."""

    def __init__(self, operation: str, seconds: float) -> None:
        super().__init__("BudgetSpent", "Too many calls at once", operation)
        self.seconds = seconds


class AwsAlreadyDone(AwsFailure):
    """Raised when what was asked for exists already or is under way."""


class AwsAccessError(AwsFailure):
    """Raised when a person must mend credentials or permissions before the work can go on."""


class AwsRejected(AwsFailure):
    """Raised when AWS refuses and trying again changes nothing."""


class AwsNotFound(AwsRejected):
    """Raised when the stack, change set or bucket that was named does not exist."""
