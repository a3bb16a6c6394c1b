"""One known cause: its signature, the next steps, and the template parameter that it names."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum


class NextStep(StrEnum):
    """What a user can do about a failure. Pages show a button for each that is possible now."""

    EDIT = "edit"  # change a parameter and deploy again
    RETRY = "retry"  # deploy again without changes
    DELETE_FIRST = "delete_first"  # delete the remaining resources, which occupy the name
    DELETE_AGAIN = "delete_again"
    QUOTAS = "quotas"  # AWS's Service Quotas of the service
    POLICY = "policy"  # copy a policy statement that allows the denied action
    RUN_AGAIN = "run_again"  # run the association again on the instances where it failed
    ENVIRONMENT = "environment"  # see targets, servers and their output
    TEMPLATE = "template"  # fix the template set


class EvidenceKind(StrEnum):
    """What pages show next to the reason."""

    FUNCTION_LOG = "function_log"
    ASSOCIATION_OUTPUT = "association_output"
    TARGET_REASONS = "target_reasons"
    SCALING_ACTIVITIES = "scaling_activities"
    CONNECTIONS = "connections"
    TRAIL = "trail"
    VALIDATION = "validation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A signature and the next steps.

    `reason` is searched for in AWS's reason; its named groups are the values of its text in
    the texts of `failures`. `types` are prefixes of the resource types it is limited to; all types if empty.
    `parameter` is a pattern of the template parameters that the form shows first. `example` is a reason as
    AWS writes it; a test compares it with the signature.
    """

    code: str
    reason: re.Pattern[str]
    steps: tuple[NextStep, ...]
    example: str
    types: tuple[str, ...] = ()
    parameter: str = ""
    service: str = ""  # the code of the service in Service Quotas
    evidence: tuple[EvidenceKind, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizedCause:
    """A cause that was recognized, with the values that its signature found."""

    cause: Cause
    values: dict[str, str]


def signature(text: str) -> re.Pattern[str]:
    """Compile a signature. Case is ignored: AWS sometimes changes it."""
    return re.compile(text, re.IGNORECASE | re.DOTALL)


_IN_REASON = ("name", "names", "parameter")
"""The named groups of signatures that can hold names of parameters."""


def named_parameter(known: RecognizedCause | None, declared: Collection[str]) -> str:
    """Return the parameter that AWS's reason names, else the first that fits the cause; "" for none.

    Args:
        known: the recognized cause, None without one.
        declared: the names of the template's parameters, in its order.
    """
    if known is None:
        return ""
    for group in _IN_REASON:
        for found in re.finditer(r"\w+", known.values.get(group, "")):
            if found[0] in declared:
                return found[0]
    pattern = known.cause.parameter
    if not pattern:
        return ""
    return next((name for name in declared if re.search(pattern, name, re.IGNORECASE)), "")
