"""The command line in Japanese: its own texts, and the language in which it calls the API."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.mofile import read_mo
from django.utils.translation import override

from deployments.environments.models.deployments import STATES
from portal.extraction import of_the_command_line
from portal.translations import catalogs, faults, read_catalog
from sanso_cli import texts
from tests.services import REPOSITORY

SOURCES = list(catalogs([texts.FOLDER]))


def sanso(*arguments: str, home: Path, **variables: str) -> tuple[int, str]:
    """Run a command in a process of its own. Return its exit code and everything that it prints."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONUTF8": "1", "COLUMNS": "200"}
    environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    done = subprocess.run(
        [sys.executable, "-m", "sanso_cli", *arguments],
        cwd=REPOSITORY,
        env=environment | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_every_text_is_translated_and_compiled() -> None:
    """After a change: `manage.py update_translations`; translate in portal/command_line/sanso_cli/locale."""
    found = {message.id for message in of_the_command_line() if message.id}

    assert len(found) > 150
    assert set(texts.LANGUAGES) == {"en", *(source.parts[-3] for source in SOURCES)}
    for source in SOURCES:
        assert faults(source) == []
        translated = {message.id: message.string for message in read_catalog(source) if message.id}
        assert set(translated) == found
        with source.with_suffix(".mo").open("rb") as file:
            compiled = {message.id: message.string for message in read_mo(file) if message.id}
        assert compiled == translated


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "en"),
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "SANSO_LANGUAGE": "ja"}, "ja"),
        ({"LANG": "ja", "SANSO_LANGUAGE": "en"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
    ],
)
def test_the_language_is_that_of_the_terminal(
    variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SANSO_LANGUAGE", *texts.OF_THE_TERMINAL):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert texts.chosen() == expected


def test_help_and_errors_are_in_japanese(tmp_path: Path) -> None:
    code, text = sanso("env", "list", home=tmp_path, LANG="ja_JP.UTF-8")
    assert (code, "ログインしていません" in text) == (3, True), text
    code, text = sanso("env", "deploy", "--help", home=tmp_path, SANSO_LANGUAGE="ja")
    assert code == 0
    for part in ("環境を作成するか", "オプション", "変更がある場合の終了コードは 2"):
        assert part in text
    assert "Not logged in" in sanso("env", "list", home=tmp_path, LANG="C.UTF-8")[1]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--help", ("使い方: sanso [オプション] コマンド [引数]...", "このヘルプを表示します。")),
        ("env --help", ("使い方: sanso env", "このヘルプを表示します。")),
        ("follow --help", ("使い方: sanso follow [オプション]", "引数:", "オプション:")),
        ("env show", ("エラー: 'name' を指定してください。", "ヘルプ: sanso env show --help")),
        ("env list --stat", ("エラー: オプション --stat はありません。", "--state")),
        ("env show a b", ("エラー: 余分な引数があります: b",)),
        ("env list --output", ("エラー: オプション --output に値がない",)),
        ("env list -o xml", ("エラー: '--output' / '-o' の値が無効です。",)),
        ("follow x", ("エラー: 'deployment' の値が無効です。",)),
        ("env deploy --help", ("[デフォルト: wait]",)),
        ("env show --help", ("[必須]",)),
        ("nope", ("エラー: コマンド 'nope' はありません。",)),
        ("env liss", ("エラー: コマンド 'liss' はありません。",)),
    ],
)
def test_what_typer_says_is_in_japanese(arguments: str, expected: tuple[str, ...], tmp_path: Path) -> None:
    code, text = sanso(*arguments.split(), home=tmp_path, LANG="ja_JP.UTF-8")

    assert code == (0 if "--help" in arguments else 3)
    for part in expected:
        assert part in text
    for word in (
        "Usage",
        "Options",
        "Error",
        "Missing",
        "No such",
        "Show",
        "Install",
        "Try",
        "Did you",
        "[default",
        "[required",
    ):
        assert word not in text


def test_states_and_health_are_words_of_the_pages() -> None:
    """The catalog of the portal has them by their labels, that of the command line by their keys."""
    pages = {
        (message.context, message.id): message.string
        for message in read_catalog(REPOSITORY / "portal/locale/ja/LC_MESSAGES/django.po")
        if message.id
    }
    own = read_catalog(texts.FOLDER / "ja" / "LC_MESSAGES" / f"{texts.DOMAIN}.po")

    assert own["health"].string == pages[None, "health"]
    for word in texts.HEALTH:
        assert own[word].string == pages["health", word.capitalize()], word
    with override("ja"):
        labels = {key.replace("_", " "): str(label) for key, label in STATES}
    assert {key: own[key].string for key in labels} == labels
