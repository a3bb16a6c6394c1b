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


def N_(sentence: str) -> str:  # the name that extractors of translations know
    """Return the sentence itself: marks it for translation where it is written, not where it is shown."""
    return sentence


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence for people: an English template with %(name)s places, translated where it is shown."""

    template: str
    values: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.template % self.values if self.values else self.template

    def as_json(self) -> dict[str, object]:
        """Return what a JSON column keeps."""
        return {"template": self.template, "values": dict(self.values)}


class SansoError(Exception):
    """The root of the tree. `code` is stable and may be relied on; the message is for people."""

    code = "Error"


class UserFixable(SansoError):
    """Raised when a person can mend the cause; `field` names the form field it belongs to, if any.

    `values` fill the places of the sentence.
    """

    def __init__(self, code: str, template: str, field: str = "", **values: object) -> None:
        super().__init__(code, template, field, values)
        self.code, self.field = code, field
        self.sentence = Sentence(template, {name: str(value) for name, value in values.items()})

    @property
    def message(self) -> str:
        """Return the sentence in English."""
        return str(self.sentence)

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
