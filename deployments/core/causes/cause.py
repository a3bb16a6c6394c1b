"""What the catalogue says of one known cause: how to recognize it and the next steps."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum


class NextStep(StrEnum):
    """What a person can do about a failure. The pages make a button of each that is possible now."""

    EDIT = "edit"  # change a parameter and deploy again
    RETRY = "retry"  # deploy again as it was
    DELETE_FIRST = "delete_first"  # take away what is left, which keeps the name
    DELETE_AGAIN = "delete_again"
    QUOTAS = "quotas"  # AWS's Service Quotas of the service
    POLICY = "policy"  # copy a policy statement that allows what was denied
    RUN_AGAIN = "run_again"  # run the association again on the instances where it failed
    ENVIRONMENT = "environment"  # see targets, servers and their output
    TEMPLATE = "template"  # mend the template set


class Evidence(StrEnum):
    """What to put beside the reason."""

    FUNCTION_LOG = "function_log"
    ASSOCIATION_OUTPUT = "association_output"
    TARGET_REASONS = "target_reasons"
    SCALING_ACTIVITIES = "scaling_activities"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One signature and what helps.

    `reason` is searched for in AWS's reason; its named groups are the values of its words in
    deployments/wording.
    `types` are beginnings of resource types it is limited to, all when empty. `parameter` is a pattern of
    the template parameters that the form should show first. `example` is a reason as AWS writes it, which a
    test holds against the signature.
    """

    code: str
    reason: re.Pattern[str]
    steps: tuple[NextStep, ...]
    example: str
    types: tuple[str, ...] = ()
    parameter: str = ""
    service: str = ""  # the code of the service in Service Quotas
    evidence: tuple[Evidence, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizedCause:
    """A cause that was recognized, with the values that its signature found."""

    cause: Cause
    values: dict[str, str]


def signature(text: str) -> re.Pattern[str]:
    """Compile a signature: AWS changes capitals and spacing of its sentences now and then."""
    return re.compile(text, re.IGNORECASE | re.DOTALL)
