"""The Japanese catalog translates every message of the code, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from django.conf import settings
from django.utils import translation

from deployments.cloudformation.status import DisplayStatus
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.common.texts import message_text
from deployments.environments.display import badges, headlines
from deployments.environments.rules.phases import State
from deployments.notifications.api.schemas import Language
from portal import extraction
from portal.translations import catalogs, read_catalog

Key = tuple[str | None, str | tuple[str, ...]]
UPDATE = "run manage.py update_translations and translate what is new"


def keys(catalog: Catalog) -> set[Key]:
    return {(m.context, m.id if isinstance(m.id, str) else tuple(m.id)) for m in catalog if m.id}


@pytest.fixture(scope="module")
def messages() -> Catalog:
    """The messages of the code, the pages and the bundled template set."""
    return extraction.everything()


@pytest.fixture(scope="module")
def japanese() -> Catalog:
    return read_catalog(settings.BASE_DIR / "portal/locale/ja/LC_MESSAGES/django.po")


def test_the_catalog_contains_every_message_and_no_other(messages: Catalog, japanese: Catalog) -> None:
    assert keys(messages) - keys(japanese) == set(), UPDATE
    assert keys(japanese) - keys(messages) == set(), UPDATE


def test_the_placeholders_of_every_translation_are_those_of_the_message(japanese: Catalog) -> None:
    """Babel's own check finds a misspelled %(name)s, which compiling ignores."""
    faults = [(message.id, [str(e) for e in errors]) for message, errors in japanese.check()]

    assert not faults


def test_every_translation_is_japanese(japanese: Catalog) -> None:
    """Texts that are the same in both languages are listed here, so that nothing stays English by mistake."""
    same = {
        "URL",
        "Webhook",
        "Web",  # the short name of a web server
        "%(sentence)s。",
        "（%(who)s）",
        "（<b>%(who)s</b>）",
        "%(status)s · %(phase)s",
        "%(name)s: %(end)s",
        "%(action)s: %(aws)s (%(code)s)",
    }
    same |= {
        "ALB",
        "NLB",
        "Application Load Balancer",
        "Network Load Balancer",
        "VPC",
        "CloudFormation",
        "CloudTrail",
        "CloudWatch",
        "State Manager",
        "Auto Scaling",
        "Aurora",
        "Web",
    }  # AWS's own names
    same |= {
        "%(name)s（%(data)s）",
        "%(middle)s（%(low)s〜%(high)s）",
        "%(first)s、%(last)s",
        "%(first)s、%(second)s",
        "%(what)s：%(outage)s",
        "、",
        "%(healthy)d/%(total)d",
        "%(failed)d/%(total)d",
    }
    texts = [str(m.string[0] if isinstance(m.string, tuple) else m.string) for m in japanese if m.id]

    assert not [text for text in texts if text not in same and not re.search(r"[぀-ヿ一-鿿]", text)]


def test_no_translation_has_spaces_around_it(japanese: Catalog) -> None:
    texts = [str(m.string[0] if isinstance(m.string, tuple) else m.string) for m in japanese if m.id]

    assert not [text for text in texts if text != text.strip()]


@pytest.mark.parametrize("source", list(catalogs(settings.LOCALE_PATHS)), ids=lambda file: file.parts[-3])
def test_updating_a_catalog_that_is_up_to_date_changes_nothing(tmp_path: Path, source: Path) -> None:
    copy = tmp_path / source.parts[-3] / "LC_MESSAGES" / "django.po"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(source.read_bytes())

    extraction.update(copy)

    assert copy.read_text() == source.read_text()


def test_messages_of_notifications_can_be_in_every_language() -> None:
    assert {str(language) for language in Language} == set(dict(settings.LANGUAGES))


def test_statuses_have_different_labels_in_japanese() -> None:
    with translation.override("ja"):
        words = [str(badges.LABELS[shown]) for shown in DisplayStatus]
        phases = [headlines.phase(state) for state in (State.PREFLIGHT, State.STACKS)]

    assert len(set(words)) == len(words)
    assert phases == ["事前チェック", "スタック"]


def test_a_rule_of_the_templates_is_a_sentence_in_each_language() -> None:
    rule = "must be an instance type of a Graviton family, such as t4g.micro or m7g.large"
    found = Message(Code.PARAMETER_CONSTRAINT, {"constraint": rule})

    assert message_text(found).startswith("Must be")
    with translation.override("ja"):
        assert message_text(found).startswith("t4g.micro や")


def test_no_message_is_inside_an_f_string() -> None:
    """Messages inside f-strings are not extracted, and so never translated."""
    hidden = re.compile(r"""\bf(["']).*\{(_|gettext|ngettext|pgettext)\(""")
    places = [
        (place, line) for place, text in extraction.sources(settings.BASE_DIR) for line in text.splitlines()
    ]

    assert not [(place, line) for place, line in places if hidden.search(line)]


def test_the_first_environment_has_every_name_in_japanese(japanese: Catalog) -> None:
    steps = (settings.BASE_DIR / "docs/first-environment.md").read_text().partition("\n## ")[0]
    named = dict(re.findall(r"^\| \*(.+)\* \| \*(.+)\* \|$", steps, re.MULTILINE))
    used = {" ".join(name.split()) for name in re.findall(r"\*([A-Z][^*|]+)\*", steps)}
    translations = {name: {m.string for m in japanese if m.id == name} for name in named}

    assert used == set(named)
    assert [name for name in named if named[name] not in translations[name]] == []
