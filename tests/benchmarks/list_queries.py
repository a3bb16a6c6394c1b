"""The queries that a list of the portal offers, read from its page: orders, filters, searches, next page."""

from __future__ import annotations

from html.parser import HTMLParser

MOST = 6
"""Number of measured choices of a filter; of a longer filter, the first and the last ones."""


class OfferedQueries(HTMLParser):
    """Collects the links of a list to itself, and the choices of its menus, by the name of the parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.by_name: dict[str, list[str]] = {}
        self._menu = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record a link that begins with a question mark, a menu, or one of its choices."""
        values = {name: value or "" for name, value in attrs}
        if tag == "a" and values.get("href", "").startswith("?") and len(values["href"]) > 1:
            query = values["href"].removeprefix("?")
            self._add(query.partition("=")[0], query)
        elif tag == "select":
            self._menu = values.get("name", "")
        elif tag == "option" and self._menu and values.get("value"):
            self._add(self._menu, f"{self._menu}={values['value']}")

    def handle_endtag(self, tag: str) -> None:
        """Record the end of a menu."""
        if tag == "select":
            self._menu = ""

    def _add(self, name: str, query: str) -> None:
        found = self.by_name.setdefault(name, [])
        if query not in found:
            found.append(query)


def offered_queries(page: str) -> list[str]:
    """Return the queries that the page of a list offers, including each order."""
    parser = OfferedQueries()
    parser.feed(page)
    found: list[str] = []
    for name, queries in parser.by_name.items():
        found += queries if name == "sort" or len(queries) <= MOST else [queries[0], queries[-1]]
    return found
