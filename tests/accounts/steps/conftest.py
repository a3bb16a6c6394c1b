"""An in-memory account."""

from tests.stepping import aws

__all__ = ["aws"]
