"""Fixtures of the tests of views."""

from tests.views.conftest import browser, operator

__all__ = ["browser", "operator"]
