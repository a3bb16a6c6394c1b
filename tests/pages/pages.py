"""Read responses as pages: texts, links, fields."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from deployments.environments.display import badges

VOID = {"meta", "link", "input", "br", "hr", "img"}
SIGNS = {f"#i-{name}": glyph for glyph, name in badges.ICONS.items()} | {
    "#i-x": "✕",
    "#i-check": "✓",
    "#i-open": "↗",
    "#i-next": "▸",
}
"""What an icon stands for in the text of an element, as somebody would write it down."""


class Element:
    """One element with its content."""

    def __init__(self, name: str, attributes: dict[str, str], parent: Element | None) -> None:
        self.name, self.attributes, self.parent = name, attributes, parent
        self.parts: list[Element | str] = []

    @property
    def text(self) -> str:
        """Return the text inside, with single spaces."""
        if self.name == "use":
            return SIGNS.get(self["href"], "")
        return re.sub(r"\s+", " ", " ".join(p if isinstance(p, str) else p.text for p in self.parts)).strip()

    def all(self, name: str = "", /, **attributes: str) -> list[Element]:
        """Return the elements inside with this name, these attributes and the class `class_`."""
        found = [self] if self.is_like(name, attributes) else []
        return found + [e for p in self.parts if isinstance(p, Element) for e in p.all(name, **attributes)]

    def one(self, name: str = "", /, **attributes: str) -> Element:
        """Return the only matching element."""
        found = self.all(name, **attributes)
        assert len(found) == 1, f"{len(found)} of {name} {attributes}"
        return found[0]

    def is_like(self, name: str, attributes: dict[str, str]) -> bool:
        wanted = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
        classes = self.attributes.get("class", "").split()
        return (not name or self.name == name) and all(
            value in classes if key == "class" else self.attributes.get(key) == value
            for key, value in wanted.items()
        )

    def __getitem__(self, attribute: str) -> str:
        return self.attributes[attribute]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = self.at = Element("", {}, None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self.at)
        self.at.parts.append(element)
        if tag not in VOID:
            self.at = element

    def handle_endtag(self, tag: str) -> None:
        while self.at.parent is not None:
            closed, self.at = self.at, self.at.parent
            if closed.name == tag:
                break

    def handle_data(self, data: str) -> None:
        self.at.parts.append(data)


def page(response: Any) -> Element:
    """Return the page of a response."""
    reader = _Reader()
    reader.feed(response.content.decode())
    return reader.root


def rows(response: Any) -> list[str]:
    """Return the text of every row of the first table's body."""
    return [row.text for row in page(response).all("tbody")[0].all("tr")]
