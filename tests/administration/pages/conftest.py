"""Users, their browsers, and the template set of the form."""

from tests.browsing import browser, operator, template_set, viewer

__all__ = ["browser", "operator", "template_set", "viewer"]
