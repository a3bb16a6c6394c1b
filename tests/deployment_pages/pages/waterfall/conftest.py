"""Users and their browsers."""

from tests.browsing import browser, operator

__all__ = ["browser", "operator"]
