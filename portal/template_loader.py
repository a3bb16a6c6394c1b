"""Load the templates of pages without their indentation, which is only for readability.

A line break is removed at the inner edge of an element (after `<td>`, before `</td>`), and between an
element and the inner edge of a template block (`{% if … %}`, `{% endif %}`). Elsewhere it stays: beside a
word or between two inline elements it is a space on the page.
"""

from __future__ import annotations

import re
from typing import Final

from django.template import Origin
from django.template.loaders import app_directories

# Elements without content: a line break after one is a space beside it.
_VOID: Final = "area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr"
_START: Final = rf"<(?!(?:{_VOID})\b)[a-zA-Z][^<>]*(?<!/)>"
_OPENING: Final = r"{% *(?:block|elif|else|empty|for|if|load|with)\b(?:(?!%}).)*%}"
_CLOSING: Final = r"{% *(?:elif|else|empty|endblock|endfor|endif|endwith)\b"
_INDENTATION: Final = re.compile(r"^[ \t]+", flags=re.MULTILINE)
_EDGE: Final = re.compile(rf"({_START})\n+|({_OPENING})\n+(?=<)|\n+(?=</)|(?<=>)\n+(?={_CLOSING})")


class Loader(app_directories.Loader):
    def get_contents(self, origin: Origin) -> str:
        contents = super().get_contents(origin)
        if not origin.name.endswith(".html"):
            return contents
        return without_indentation(contents)


def without_indentation(template: str) -> str:
    """Return the text of a template without the whitespace that only formats its source."""
    return _EDGE.sub(lambda edge: edge[1] or edge[2] or "", _INDENTATION.sub("", template))
