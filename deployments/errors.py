"""Every error that Sanso raises on purpose, drawn as one tree and split by who must act.

SansoError
├── UserFixable           a person changes what they asked for; shown, never retried
├── LostClaim             another worker owns the row now; the tick stops without a word
└── AwsFailure            AWS answered with an error; `verdicts` says which of these it is
    ├── AwsRetry          throttled, unavailable, timed out: the same call again, later
    ├── AwsAdopt          the wanted thing exists or is under way already: look and go on
    ├── AwsAsk            credentials or permissions: a person mends them, the work resumes
    └── AwsRefused        AWS will not do this, now or later: the deployment fails with the reason
        └── AwsMissing    what was asked about does not exist
"""

from __future__ import annotations


class SansoError(Exception):
    """The root of the tree. `code` is stable and may be relied on; the message is for people."""

    code = "Error"


class UserFixable(SansoError):
    """Raised when a person can mend the cause; `field` names the form field it belongs to, if any."""

    def __init__(self, code: str, message: str, field: str = "") -> None:
        super().__init__(code, message, field)
        self.code, self.message, self.field = code, message, field

    def __str__(self) -> str:
        return self.message


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


class AwsRetry(AwsFailure):
    """Raised when the same call may succeed later: throttling, faults of AWS, lost answers."""


class AwsAdopt(AwsFailure):
    """Raised when what was asked for exists already or is under way."""


class AwsAsk(AwsFailure):
    """Raised when a person must mend credentials or permissions before the work can go on."""


class AwsRefused(AwsFailure):
    """Raised when AWS refuses and trying again changes nothing."""


class AwsMissing(AwsRefused):
    """Raised when the stack, change set or bucket that was named does not exist."""
