"""The limits of an association's settings, with the messages of State Manager's API and of CloudFormation.

Patterns and sizes are those of CloudFormation's schema, aws-ssm-association.json in
https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-ssm, and of
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateAssociation.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sanso_sandbox.engine.registry import Properties, Record, Refused

PATTERNS = {
    "AssociationName": r"^[a-zA-Z0-9_\-.]{3,128}$",
    "MaxConcurrency": r"^([1-9][0-9]{0,6}|[1-9][0-9]%|[1-9]%|100%)$",
    "MaxErrors": r"^([1-9][0-9]{0,6}|[0]|[1-9][0-9]%|[0-9]%|100%)$",
}
WAIT = (15, 172800)  # seconds of WaitForSuccessTimeoutSeconds
TARGETS = 5
VALUES = 50  # for a target
SHORTEST_RATE = 30  # minimum minutes between two runs of a rate expression
PER_ACCOUNT = 2000
PER_NODE = 20
_RATE = re.compile(r"rate\(([1-9][0-9]*) (minutes?|hours?|days?)\)")
_MINUTES = {"minute": 1, "hour": 60, "day": 1440}


@dataclass(frozen=True, slots=True)
class Violation:
    """A setting that does not match: its name, the keyword of JSON schema, and the API's message."""

    name: str
    keyword: str
    constraint: str


def check_properties(properties: Properties) -> None:
    """Raise Refused with CloudFormation's message for properties that its schema does not allow."""
    wait = properties.get("WaitForSuccessTimeoutSeconds")
    found = list(_violations(properties))
    if wait is not None and not WAIT[0] <= float(wait) <= WAIT[1]:
        keyword = "minimum" if float(wait) < WAIT[0] else "maximum"
        found.insert(0, Violation("WaitForSuccessTimeoutSeconds", keyword, ""))
    for one in found:
        where = f"#/{one.name}: failed validation constraint for keyword [{one.keyword}]"
        raise Refused("InvalidRequest", f"Model validation failed ({where})")
    check_schedule(properties)


def check_request(request: Record) -> None:
    """Raise Refused with the API's message for settings outside of its limits."""
    for one in _violations(request):
        at = f"{one.name[0].lower()}{one.name[1:]}"
        raise Refused(
            "ValidationException",
            f"1 validation error detected: Value '{request[one.name]}' at '{at}' failed to satisfy "
            f"constraint: {one.constraint}",
        )
    check_schedule(request)


def _violations(settings: Record) -> Iterator[Violation]:
    for name, pattern in PATTERNS.items():
        if settings.get(name) is not None and not re.fullmatch(pattern, str(settings[name])):
            yield Violation(name, "pattern", f"Member must satisfy regular expression pattern: {pattern}")
    targets = settings.get("Targets") or []
    if len(targets) > TARGETS:
        yield Violation("Targets", "maxItems", f"Member must have length less than or equal to {TARGETS}")
    if any(len(target.get("Values") or []) > VALUES for target in targets):
        yield Violation("Targets", "maxItems", f"Member must have length less than or equal to {VALUES}")


def check_schedule(settings: Record) -> None:
    """Raise Refused for a schedule that State Manager does not accept.

    ApplyOnlyAtCronInterval "is not supported for rate expressions" (API_CreateAssociation); the shortest rate
    is 30 minutes (systems-manager/latest/userguide/reference-cron-and-rate-expressions.html).
    """
    expression = str(settings.get("ScheduleExpression") or "")
    only_at_cron = str(settings.get("ApplyOnlyAtCronInterval") or "false").lower() == "true"
    if only_at_cron and not expression.startswith("cron("):
        raise Refused(
            "ValidationException", "ApplyOnlyAtCronInterval is only supported for cron expressions."
        )
    if expression and not expression.startswith(("cron(", "at(")):
        minutes = rate(expression)
        if minutes is None:
            raise Refused("InvalidSchedule", f"Invalid schedule expression: {expression}")
        if minutes < SHORTEST_RATE:
            raise Refused("InvalidSchedule", f"The minimum rate is {SHORTEST_RATE} minutes: {expression}")


def rate(expression: str) -> int | None:
    """Return the minutes of a rate expression, None for any other schedule."""
    found = _RATE.fullmatch(expression)
    return int(found[1]) * _MINUTES[found[2].removesuffix("s")] if found else None


def check_number(present: int) -> None:
    """Raise Refused if an account has the maximum number of associations."""
    if present >= PER_ACCOUNT:
        raise Refused("AssociationLimitExceeded", f"You can have at most {PER_ACCOUNT} active associations.")


def share(text: object, whole: int, *, least: int = 1) -> int:
    """Return a limit such as "50%" or "3" as a number out of the whole."""
    match = re.fullmatch(r"(\d+)(%?)", str(text))
    if match is None:
        return least
    number = int(match[1]) * whole // 100 if match[2] else int(match[1])
    return max(least, number)
