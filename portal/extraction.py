"""Extract the messages to translate: from code, pages, the included template set and the command line."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

from babel.core import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import write_po
from django.conf import settings
from django.utils.translation.template import templatize

from deployments.template_sets import template_files
from portal.translations import catalogs, compile_alone, read_catalog

FOLDERS = ("deployments", "portal")
COMMAND_LINE = "portal/command_line/sanso_cli"
"""It is installed without the portal, and has its own catalog."""
HEADER = """\
# `manage.py update_translations` brings the messages up to date with the code; translate them here.
msgid ""
msgstr ""
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plurals}\\n"

"""
REGISTERED = re.compile(r"\.command\([^)]*\)\((?:\w+\.)?(\w+)\)")
"""A command that is defined in another module than its name: `app.command("deploy")(deploying.deploy)`."""
_ONE: tuple[int, ...] = (1,)
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...]] = {
    **dict.fromkeys(("_", "N_", "gettext", "gettext_lazy", "gettext_noop"), _ONE),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}


def everything() -> Catalog:
    """Return all messages with their files."""
    found = Catalog(charset="utf-8", header_comment="")
    for place, text in sources(settings.BASE_DIR):
        if not place.startswith(COMMAND_LINE):
            _add(found, place, text)
    for text in of_the_template_set():
        found.add(text, locations=[("infra_templates/root.yaml", 0)])
    return found


def of_the_command_line() -> Catalog:
    """Return the messages of the command line with their files: texts, and the docstrings of commands."""
    found = Catalog(charset="utf-8", header_comment="")
    texts = [(place, text) for place, text in sources(settings.BASE_DIR) if place.startswith(COMMAND_LINE)]
    registered = {name for _place, text in texts for name in REGISTERED.findall(text)}
    for place, text in texts:
        _add(found, place, text)
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef) and (node.name in registered or _is_command(node)):
                found.add(" ".join((ast.get_docstring(node) or "").split()), locations=[(place, 0)])
    return found


def _is_command(node: ast.FunctionDef) -> bool:
    return any(".command(" in ast.unparse(decorator) for decorator in node.decorator_list)


def _add(found: Catalog, place: str, text: str) -> None:
    for _line, message, comments, context in extract(
        "python", BytesIO(text.encode()), KEYWORDS, ("Translators:",)
    ):
        found.add(message, locations=[(place, 0)], auto_comments=comments, context=context)


def sources(base: Path) -> Iterator[tuple[str, str]]:
    """Yield (path, Python text) of every file that may have messages; templates as extracted by Django."""
    for folder in FOLDERS:
        for path in sorted((base / folder).rglob("*")):
            place = path.relative_to(base).as_posix()
            if path.suffix == ".py" and "migrations" not in path.parts:
                yield place, path.read_text()
            elif path.suffix == ".html":
                yield place, _without_indentation(templatize(path.read_text(), origin=place))


def _without_indentation(text: str) -> str:
    """Remove the indentation of a page's elements, which Python would parse as blocks."""
    return re.sub("^[ \\t]+", "", text, flags=re.MULTILINE)


def of_the_template_set() -> Iterator[str]:
    """Yield the texts of the included template set in the form: labels, descriptions, constraints."""
    template_set = template_files.load(settings.BASE_DIR / "infra_templates")
    for preset in template_set.presets:
        yield from (preset.label, preset.description)
    for group in template_set.groups:
        yield group.label
        for parameter in group.parameters:
            texts = (parameter.label, parameter.description, parameter.constraint_description)
            yield from (text for text in texts if text)


def update(source: Path) -> None:
    """Bring one catalog up to date: add new messages untranslated, remove those that no longer exist."""
    _write(source, read_catalog(source), everything())


def create(language: str, folder: Path) -> Path:
    """Create the catalog of a language in `folder`, with all messages untranslated, and return its path.

    Raise babel.core.UnknownLocaleError or ValueError if the code is invalid, FileExistsError if it exists.
    """
    return _create(language, folder, "django.po", everything)


def create_of_the_command_line(language: str, folder: Path) -> Path:
    """Create the catalog of the command line, as `create` does that of the pages."""
    return _create(language, folder, "sanso.po", of_the_command_line)


def _create(language: str, folder: Path, name: str, messages: Callable[[], Catalog]) -> Path:
    translations = Catalog(locale=Locale.parse(language))
    source = folder / language / "LC_MESSAGES" / name
    if source.exists():
        raise FileExistsError(f"{source} exists already")
    source.parent.mkdir(parents=True)
    _write(source, translations, messages())
    return source


def _write(source: Path, translations: Catalog, messages: Catalog) -> None:
    """Write a catalog sorted by text and without places, so that moved code does not change it."""
    translations.update(messages, no_fuzzy_matching=True)
    translations.obsolete.clear()
    header = HEADER.format(language=translations.locale, plurals=translations.plural_forms)
    with source.open("wb") as file:
        file.write(header.encode())
        write_po(file, translations, width=100, no_location=True, sort_output=True, omit_header=True)


def update_all() -> None:
    """Bring every catalog up to date. That of the command line is also compiled for installation."""
    for source in catalogs(settings.LOCALE_PATHS):
        update(source)
    for source in catalogs([settings.BASE_DIR / COMMAND_LINE / "locale"]):
        _write(source, read_catalog(source), of_the_command_line())
        compile_alone(source)
