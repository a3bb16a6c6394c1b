"""Users and their browsers, and an in-memory account."""

from tests.browsing import browser, operator, template_set, viewer
from tests.stepping import aws

__all__ = ["aws", "browser", "operator", "template_set", "viewer"]
