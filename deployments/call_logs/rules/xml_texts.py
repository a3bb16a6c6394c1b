"""The texts of an XML document with the names around them, to be replaced without changing the rest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, unescape

MAX_DEPTH = 60
_ENTITIES = {"&quot;": '"', "&apos;": "'"}
_PIECE = re.compile(r"<[^>]*>|[^<]+")
_ATTRIBUTES = r"(?:\s+[\w:.-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*\s*"
_TAG = re.compile(rf"<(?P<end>/?)(?P<name>[\w:.-]+){_ATTRIBUTES}(?P<empty>/?)>")
_ATTRIBUTE = re.compile(r"([\w:.-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_NAMESPACE = re.compile(r"https?://[\w./-]{1,100}")
_DECLARATION = re.compile(r"<\?xml version=[\"']1\.0[\"'](?: encoding=[\"'][Uu][Tt][Ff]-8[\"'])?\s*\?>")
_CHARACTER = re.compile(r"&#(?:x([0-9A-Fa-f]{1,6})|([0-9]{1,7}));")
_IN_LISTS = frozenset({"member", "item", "entry"})


class NotPlain(Exception):
    """Raised for a document that has more than elements and texts, or is not well-formed."""


@dataclass(slots=True)
class Element:
    """An element: its name without prefix, its parent, its children, and the position of its text."""

    name: str
    parent: Element | None = None
    children: list[Element] = field(default_factory=list)
    position: int = -1
    text: str = ""

    @property
    def named(self) -> Element:
        """Return the element itself; of an item of a list, the element of the list."""
        found = self
        while found.name in _IN_LISTS and found.parent is not None:
            found = found.parent
        return found

    def around(self) -> Iterator[Element]:
        """Yield the elements around it, from the inside."""
        found = self.parent
        while found is not None:
            yield found
            found = found.parent


def parsed(document: str) -> Document:
    """Return a document whose texts can be replaced. Raise NotPlain."""
    found = Document(_PIECE.findall(document))
    if "".join(found.pieces) != document:
        raise NotPlain
    found.read()
    return found


@dataclass(slots=True)
class Document:
    """The tags and texts of a document in their order, and its elements."""

    pieces: list[str]
    elements: list[Element] = field(default_factory=list)
    _open: list[Element] = field(default_factory=list)

    def replaced(self, of_text: Callable[[Element], str]) -> str:
        """Return the document with other texts, without attributes except namespaces."""
        written = [_without_attributes(one) if one.startswith("<") else one for one in self.pieces]
        for element in self.elements:
            if element.position >= 0:
                written[element.position] = escape(of_text(element))
        return "".join(written)

    def read(self) -> None:
        """Find the elements. Raise NotPlain."""
        for position, piece in enumerate(self.pieces):
            if not piece.startswith("<"):
                self._read_text(position, piece)
            elif self.elements or not _DECLARATION.fullmatch(piece):
                self._read_tag(piece)
        if self._open or not self.elements:
            raise NotPlain

    def _read_text(self, position: int, piece: str) -> None:
        if not piece.strip():
            return
        if not self._open or self._open[-1].children or self._open[-1].position >= 0:
            raise NotPlain  # text beside elements
        self._open[-1].position, self._open[-1].text = position, _plain(piece)

    def _read_tag(self, piece: str) -> None:
        tag = _TAG.fullmatch(piece)
        if tag is None:  # a comment, CDATA or a document type
            raise NotPlain
        name = tag["name"].rpartition(":")[2]
        if tag["end"]:
            if not self._open or self._open.pop().name != name:
                raise NotPlain
            return
        parent = self._open[-1] if self._open else None
        if len(self._open) >= MAX_DEPTH or (parent is None and self.elements) or (parent and parent.text):
            raise NotPlain
        element = Element(name, parent)
        if parent is not None:
            parent.children.append(element)
        self.elements.append(element)
        if not tag["empty"]:
            self._open.append(element)


def _plain(text: str) -> str:
    def character(found: re.Match[str]) -> str:
        number = int(found[1], 16) if found[1] else int(found[2])
        if number > 0x10FFFF:
            raise NotPlain
        return chr(number)

    # Numbers first: "&amp;#65;" is the text "&#65;", in which nothing is left to decode.
    return unescape(_CHARACTER.sub(character, text), _ENTITIES)


def _without_attributes(tag: str) -> str:
    def kept(found: re.Match[str]) -> str:
        name, value = found[1], found[2] or found[3] or ""
        if name == "xmlns" or name.startswith("xmlns:"):
            if not _NAMESPACE.fullmatch(value):
                raise NotPlain
            return found[0]
        return f'{name}=""'

    return tag if tag.startswith("<?") else _ATTRIBUTE.sub(kept, tag)
