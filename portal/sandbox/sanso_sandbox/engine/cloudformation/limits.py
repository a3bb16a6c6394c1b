"""Limits of templates and parameters, which CloudFormation checks before any operation.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""

import re
from typing import Any, Final

MOST: Final = {"Resources": 500, "Parameters": 200, "Outputs": 200, "Mappings": 200}
LARGEST_VALUE: Final = 4_096  # bytes of a parameter's value
TOKEN: Final = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]{0,127}")


def check_template(template: dict[str, Any]) -> None:
    """Raise ValueError with CloudFormation's message for a template with too many entries in a section."""
    for section, most in MOST.items():
        count = len(template.get(section) or {})
        if count > most:
            raise ValueError(
                f"Template format error: Number of {section.lower()}, {count}, is greater than maximum "
                f"allowed, {most}"
            )


def check_value(name: str, value: object) -> None:
    """Raise ValueError for a parameter's value that is too long."""
    if len(str(value).encode()) > LARGEST_VALUE:
        raise ValueError(f"Parameter '{name}' exceeds the maximum length of {LARGEST_VALUE} bytes")


def check_token(token: str) -> None:
    """Raise ValueError for a client request token that does not match its pattern."""
    if token and not TOKEN.fullmatch(token):
        constraint = (
            "Member must have length less than or equal to 128"
            if len(token) > 128
            else "Member must satisfy regular expression pattern: [a-zA-Z0-9][-a-zA-Z0-9]*"
        )
        raise ValueError(
            f"1 validation error detected: Value '{token}' at 'clientRequestToken' failed to satisfy "
            f"constraint: {constraint}"
        )
