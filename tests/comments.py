"""The texts of a file for readers: a document as a whole; the comments and docstrings of code."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

HASHES = re.compile(r"(?:^|\s)#(.*)$", re.MULTILINE)
SLASHES = re.compile(r"/\*(.*?)\*/|(?:^|\s)//(.*)$", re.MULTILINE | re.DOTALL)
DJANGO = re.compile(r"{#(.*?)#}|{% comment %}(.*?){% endcomment %}|<!--(.*?)-->", re.DOTALL)
BY_SUFFIX = {
    ".yaml": HASHES,
    ".yml": HASHES,
    ".toml": HASHES,
    ".sh": HASHES,
    ".ini": HASHES,
    ".example": HASHES,
    ".js": SLASHES,
    ".css": SLASHES,
    ".html": DJANGO,
    "": HASHES,  # Makefile, .importlinter and the scripts of CI
}


def texts_of(file: Path) -> str:
    """Return the texts of a file for readers, "" for unsupported kinds of files."""
    if file.suffix == ".md":
        return file.read_text()
    if file.suffix == ".py":
        return "\n".join(of_python(file.read_text()))
    pattern = BY_SUFFIX.get(file.suffix)
    if pattern is None:
        return ""
    found = pattern.findall(file.read_text(errors="replace"))
    return "\n".join("".join(one) for one in found)


def of_python(source: str) -> Iterator[str]:
    """Yield the comments and docstrings of a module, including docstrings below names."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string.lstrip("# ")
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.value.value
