"""Translation catalogs: compiled without GNU gettext, and complete."""

from __future__ import annotations

import gettext
from pathlib import Path

import pytest
from django.conf import settings

from portal.extraction import create
from portal.translations import catalogs, compile_catalogs, faults, read_catalog

HEADER = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'


def catalog(folder: Path, text: str) -> Path:
    file = folder / "ja" / "LC_MESSAGES" / "django.po"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(HEADER + text)
    return file


def test_a_compiled_catalog_translates(tmp_path: Path) -> None:
    catalog(tmp_path, 'msgid "Deploy"\nmsgstr "デプロイ"\n')

    compile_catalogs([tmp_path])

    assert gettext.translation("django", tmp_path, ["ja"]).gettext("Deploy") == "デプロイ"


def test_a_changed_catalog_is_compiled_again(tmp_path: Path) -> None:
    file = catalog(tmp_path, 'msgid "Deploy"\nmsgstr "配備"\n')
    compile_catalogs([tmp_path])
    compiled = file.with_suffix(".mo")
    first = compiled.read_bytes()

    catalog(tmp_path, 'msgid "Deploy"\nmsgstr "デプロイ"\n')
    compile_catalogs([tmp_path])

    assert compiled.read_bytes() != first


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('msgid "Deploy"\nmsgstr ""\n', "not translated"),
        ('#, fuzzy\nmsgid "Deploy"\nmsgstr "デプロイ"\n', "fuzzy"),
        ('#, python-format\nmsgid "%(name)s is taken"\nmsgstr "使用中です"\n', "placeholders"),
    ],
)
def test_an_incomplete_catalog_is_reported(tmp_path: Path, text: str, complaint: str) -> None:
    assert complaint in " ".join(faults(catalog(tmp_path, text)))


def test_the_catalogs_of_the_portal_are_complete() -> None:
    found = [fault for file in catalogs(settings.LOCALE_PATHS) for fault in faults(file)]

    assert not found


def test_a_new_catalog_has_every_message_untranslated(tmp_path: Path) -> None:
    source = create("fr", tmp_path)

    translations = read_catalog(source)
    messages = [message for message in translations if message.id]
    assert source == tmp_path / "fr" / "LC_MESSAGES" / "django.po"
    assert messages
    assert not any(any(message.string or ()) for message in messages)
    assert "plural=(n > 1)" in translations.plural_forms


def test_a_catalog_is_not_created_again(tmp_path: Path) -> None:
    catalog(tmp_path, "")

    with pytest.raises(FileExistsError):
        create("ja", tmp_path)
