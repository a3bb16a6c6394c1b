"""Load the templates of pages without their indentation, which is only for readability.

A line break is removed at the inner edge of an element (after `<td>`, before `</td>`), and between an
element and the inner edge of a template block (`{% if … %}`, `{% endif %}`). Elsewhere it stays: beside a
word or between two inline elements it is a space on the page.

A template of `deployments/` lies in the `templates` of its package: `<package>/preview.html` is the name of
`deployments/<package>/templates/preview.html`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.template import Origin
from django.template.loaders import app_directories
from django.utils._os import safe_join

# Elements without content: a line break after one is a space beside it.
_VOID: Final = "area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr"
_START: Final = rf"<(?!(?:{_VOID})\b)[a-zA-Z][^<>]*(?<!/)>"
_OPENING: Final = r"{% *(?:block|elif|else|empty|for|if|load|with)\b(?:(?!%}).)*%}"
_CLOSING: Final = r"{% *(?:elif|else|empty|endblock|endfor|endif|endwith)\b"
_INDENTATION: Final = re.compile(r"^[ \t]+", flags=re.MULTILINE)
_EDGE: Final = re.compile(rf"({_START})\n+|({_OPENING})\n+(?=<)|\n+(?=</)|(?<=>)\n+(?={_CLOSING})")


PACKAGES: Final = Path(__file__).resolve().parent.parent / "deployments"


class Loader(app_directories.Loader):
    def get_template_sources(self, template_name: str) -> Iterator[Origin]:
        package, _, rest = template_name.partition("/")
        if rest and package.isidentifier():
            file = safe_join(PACKAGES / package / "templates", rest)
            yield Origin(name=file, template_name=template_name, loader=self)
        yield from super().get_template_sources(template_name)

    def get_contents(self, origin: Origin) -> str:
        contents = super().get_contents(origin)
        if not origin.name.endswith(".html"):
            return contents
        return without_indentation(contents)


def without_indentation(template: str) -> str:
    """Return the text of a template without the whitespace that only formats its source."""
    return _EDGE.sub(lambda edge: edge[1] or edge[2] or "", _INDENTATION.sub("", template))


def page_templates() -> list[str]:
    """Return the name of each template of the packages."""
    return [
        f"{folder.parent.name}/{file.relative_to(folder).as_posix()}"
        for folder in sorted(PACKAGES.glob("*/templates"))
        for file in sorted(folder.rglob("*.html"))
    ]
