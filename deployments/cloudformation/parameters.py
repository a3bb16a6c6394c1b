"""A template's parameters: their constraints, and the problems of a value.

The rules are CloudFormation's: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/
parameters-section-structure.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network

from deployments.cloudformation import patterns
from deployments.common.errors import Message
from deployments.common.message_codes import Code

MAX_PARAMETERS, MAX_NAME = 200, 255
MAX_VALUE = 4096
"""Maximum number of bytes of a value:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a root template. If `default` is None, a value is required.

    `new_environment` is the default of new environments in the set's manifest. A parameter with `choose_once`
    keeps the value that its environment was created with. ARNs in one with `same_region` are of the region of
    the environment. The form shows the parameters that are not `is_main` on request only, and never
    those that are `is_internal`: only commands of Sanso set them.
    """

    name: str
    type: str = "String"
    default: str | None = None
    allowed_values: tuple[str, ...] = ()
    allowed_pattern: str = ""
    constraint_description: str = ""
    min_length: int | None = None
    max_length: int | None = None
    min_value: float | None = None
    max_value: float | None = None
    no_echo: bool = False
    description: str = ""
    label: str = ""
    new_environment: str | None = None
    choose_once: bool = False
    same_region: bool = False
    is_main: bool = True
    is_internal: bool = False

    @property
    def initial(self) -> str | None:
        """Return the default value of a new environment, None if there is none."""
        return self.default if self.new_environment is None else self.new_environment

    @property
    def is_list(self) -> bool:
        """Return whether the value is a comma-separated list."""
        return self.type == "CommaDelimitedList" or "List<" in self.type

    @property
    def is_number(self) -> bool:
        """Return whether the value is one number."""
        return self.type == "Number"

    @property
    def has_unchecked_pattern(self) -> bool:
        """Return whether only CloudFormation can check the pattern: RE2 has less than Java."""
        return bool(self.allowed_pattern) and not patterns.is_checked(self.allowed_pattern)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Values of several parameters that belong together, such as those of a small environment."""

    name: str
    label: str
    description: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterGroup:
    """A group of parameters of the template's AWS::CloudFormation::Interface."""

    label: str
    parameters: tuple[Parameter, ...]


def problem(parameter: Parameter, value: str) -> Message | None:
    """Return the problem that CloudFormation would report for a value; None if there is none.

    The template's own description comes first, if it has one. A pattern that is not checked here is left to
    CloudFormation.
    """
    own = {"constraint": parameter.constraint_description} if parameter.constraint_description else {}
    if value == "" and parameter.default != "" and not _may_be_empty(parameter):
        return Message(Code.PARAMETER_REQUIRED_AS if own else Code.PARAMETER_REQUIRED, own)
    if len(value.encode(errors="surrogatepass")) > MAX_VALUE:
        return Message(Code.PARAMETER_TOO_LARGE, {"max": str(MAX_VALUE)})
    items = [item.strip() for item in value.split(",")] if parameter.is_list else [value]
    allowed = frozenset(parameter.allowed_values)
    for item in items:
        found = _problem_of_item(parameter, item, allowed)
        if found:
            is_own = bool(own) and found.code != Code.PARAMETER_HOST_BITS
            return Message(Code.PARAMETER_CONSTRAINT, own) if is_own else found
    return None


def _may_be_empty(parameter: Parameter) -> bool:
    if parameter.type != "String" or parameter.min_length:
        return False
    if parameter.allowed_values:
        return "" in parameter.allowed_values
    if parameter.min_length == 0:
        return True
    return bool(parameter.allowed_pattern) and patterns.matches(parameter.allowed_pattern, "") is not False


def _problem_of_item(parameter: Parameter, item: str, allowed: frozenset[str]) -> Message | None:
    if allowed and item not in allowed:
        return Message(Code.PARAMETER_NOT_ONE_OF, {"allowed": ", ".join(parameter.allowed_values)})
    if parameter.type in ("Number", "List<Number>"):
        return _problem_of_number(parameter, item)
    low, high = parameter.min_length, parameter.max_length
    if (low is not None and len(item) < low) or (high is not None and len(item) > high):
        return _outside("PARAMETER_LENGTH", str(low or ""), "" if high is None else str(high))
    if parameter.allowed_pattern and patterns.matches(parameter.allowed_pattern, item) is False:
        return Message(Code.PARAMETER_PATTERN, {"pattern": parameter.allowed_pattern})
    return _problem_of_network(parameter.default or "", item)


def _outside(what: str, low: str, high: str) -> Message:
    """Return the problem of a length or a number that is outside of its limits; "" is no limit."""
    if low and high:
        return Message(Code[what], {"min": low, "max": high})
    return Message(Code[f"{what}_MIN"], {"min": low}) if low else Message(Code[f"{what}_MAX"], {"max": high})


def _problem_of_network(default: str, item: str) -> Message | None:
    """Return the problem of an IPv4 range, by a default that is one: AWS rejects it later, or cuts it."""
    if not item or not default or _network(default) != default:
        return None
    meant = _network(item)
    if not meant:
        return Message(Code.PARAMETER_NO_NETWORK, {"example": default})
    return Message(Code.PARAMETER_HOST_BITS, {"value": item, "network": meant}) if meant != item else None


def _network(value: str) -> str:
    """Return the IPv4 range that a value is in: 10.0.0.0/16 for 10.0.0.5/16. Empty if it is none."""
    if "/" not in value:
        return ""
    try:
        return str(IPv4Network(value, strict=False))
    except ValueError:
        return ""


def _problem_of_number(parameter: Parameter, item: str) -> Message | None:
    if not _NUMBER.fullmatch(item):
        return Message(Code.PARAMETER_NO_NUMBER)
    number = float(item)
    low, high = parameter.min_value, parameter.max_value
    if (low is not None and number < low) or (high is not None and number > high):
        return _outside("PARAMETER_RANGE", _short(low), _short(high))
    return None


def _short(number: float | None) -> str:
    return "" if number is None else f"{number:g}"
