"""Replaced private words are not used again in code, documents and pages."""

from __future__ import annotations

import ast
import re
import subprocess

import pytest
from django.conf import settings

REPOSITORY = settings.BASE_DIR
TEXTS = (".py", ".html", ".css", ".js", ".md", ".yaml", ".yml", ".toml")
WORDS = {
    "mend": "repair",
    "mends": "repairs",
    "mended": "repaired",
    "mending": "repairing",
    "reckon": "compute",
    "purse": "token bucket",
    "reckons": "computes",
    "reckoned": "computed",
    "purses": "token buckets",
    "wish": "request",
    "wishes": "requests",
    "deed": "action",
    "deeds": "actions",
    "calm": "clear",
    "calms": "clears",
    "calmed": "cleared",
    "patience": "timeouts",
    "cadence": "interval",
    "cadences": "intervals",
    "verdict": "error mapping, or health",
    "verdicts": "error mapping",
    "leash": "process supervision",
    "keeper": "reconciler",
    "keepers": "reconcilers",
    "leftovers": "remaining resources",
    "poke": "notify",
    "pokes": "notifies",
    "poked": "notified",
    "standing": "state",
    "spoken": "screen-reader text",
    "picture": "diagram",
    "dip": "incident",
    "dips": "incidents",
    "party": "batch",
    "journal": "event log",
    "journals": "event logs",
    "forest": "tree",
    "forests": "trees",
    "grower": "row builder",
    "growers": "row builders",
    "planted": "built",
}
"""Private words, and the standard terms that replace them."""
PARTS_OF_NAMES = frozenset(
    {"ask", "asks", "budget", "chip", "chips", "door", "doors", "drawn", "gate", "gates", "hub", "moments"}
    | {"patience", "said", "say", "says", "speak", "spoken", "tell", "tells", "together", "told", "track"}
)
"""Words that may be part of sentences but not of names: an API is called, not asked."""
CLASSES = frozenset({"Gate", "Hub", "Party", "Places", "Reader", "Room", "Shown", "Word"})
"""Earlier class names that were private words."""
EXCEPTIONS = {
    "tests/test_words.py": "this list",
    "deployments/migrations/_message_codes.py": "replaces texts that an earlier version stored",
    "deployments/stacks/steps/poll_selection.py": "reads a key of rows that the version before stored",
    "deployments/admin/work.py": "an address of AWS's documentation",
    "portal/sandbox/sanso_sandbox/backends/machines/booted/init.py": "an option of systemd-nspawn",
    "portal/settings.py": "an option of SQLite",
    "portal/backups/engines.py": "an option of SQLite",
    "portal/sandbox/sanso_sandbox/backends/databases/embedded/sessions.py": "an option of SQLite",
    "portal/sandbox/sanso_sandbox/engine/": "the records of MiniStack's engine",
}
PHRASES = (
    "This needs to be changed first",
    "was not made",
    "Delete what is left",
    "Fill the form again",
    "is used up",
    "were cancelled because of it",
    "failed later",
    "The same was said",
    "Repeats apart",
    "is like that",
    "They first part at",
    "ended otherwise",
    "Turn round",
    "As a whole",
    "puts out",
    "answers nonsense",
    "Health so far",
    "Every dip",
    "Let it fail",
    "Take back",
    "Answer well again",
    "Deleted too",
    "Tell me when it ends",
    "Play it back",
    "Days that backups are kept",
    "Seconds to wait",
    "Playbook is run by",
    "admit the NLB",
    "What Sanso knows",
    "There is no such page",
    "You may not do this",
    "Sanso made an error",
    "stands aside",
    "the work goes on",
    "could not do a step",
    "slows us down",
    "Open or close",
)
"""Replaced texts of pages."""


def files() -> list[str]:
    """Return the paths of the repository's own files with texts."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [
        path
        for path in listed.stdout.splitlines()
        if path.endswith(TEXTS) and (REPOSITORY / path).is_file() and not path.startswith(tuple(EXCEPTIONS))
    ]


def test_private_words_do_not_come_back() -> None:
    private = re.compile(rf"(?<![A-Za-z])({'|'.join(WORDS)})(?![A-Za-z])", re.IGNORECASE)
    found = [
        f"{path}: {match[0]} → {WORDS[match[0].lower()]}"
        for path in files()
        for match in private.finditer((REPOSITORY / path).read_text(encoding="utf-8", errors="replace"))
    ]

    assert not found


@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES if code != "en"])
def test_replaced_texts_of_pages_do_not_come_back(language: str) -> None:
    catalog = (REPOSITORY / "portal" / "locale" / language / "LC_MESSAGES" / "django.po").read_text("utf-8")
    messages = re.findall(r'^msgid(?:_plural)? ((?:".*"\n)+)', catalog, re.MULTILINE)
    texts = ["".join(re.findall(r'"(.*)"', message)) for message in messages]

    assert [text for text in texts if any(phrase.lower() in text.lower() for phrase in PHRASES)] == []


def test_every_exception_is_needed() -> None:
    private = re.compile(rf"(?<![A-Za-z])({'|'.join(WORDS)})(?![A-Za-z])", re.IGNORECASE)
    for place in EXCEPTIONS:
        path = REPOSITORY / place
        texts = [path] if path.is_file() else sorted(path.rglob("*.py"))
        assert any(private.search(one.read_text(encoding="utf-8")) for one in texts), place


def test_private_words_name_nothing() -> None:
    """Names in code are standard terms: an API is called, a line is reported."""
    found = [
        f"{path}: {name}"
        for path in files()
        if path.endswith(".py")
        for name in sorted(_defined_names(ast.parse((REPOSITORY / path).read_text(encoding="utf-8"))))
        if (not name.startswith("test_") and set(name.lower().split("_")) & PARTS_OF_NAMES) or name in CLASSES
    ]

    assert not found


def test_private_words_are_no_classes_of_pages() -> None:
    """CSS classes are standard terms too: a filter is a button, a label is a tag."""
    found = [
        f"{path}: {name}"
        for path in files()
        if path.endswith((".html", ".css"))
        for name in sorted(_classes((REPOSITORY / path).read_text(encoding="utf-8"), path))
        if set(name.split("-")) & PARTS_OF_NAMES
    ]

    assert not found


def _classes(text: str, path: str) -> set[str]:
    if path.endswith(".css"):
        return set(re.findall(r"\.([a-z][a-z-]*)", text))
    return {name for names in re.findall(r'\bclass="([^"]*)"', text) for name in names.split()}


def _defined_names(module: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found
