"""The browsers that the tests of views have, too."""

from tests.views.conftest import browser, operator

__all__ = ["browser", "operator"]
