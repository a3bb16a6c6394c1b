"""The texts of the command line in a person's language: SANSO_LANGUAGE, or else that of the terminal."""

from __future__ import annotations

import gettext
import os
import shutil
from pathlib import Path
from typing import Final, Literal

DOMAIN: Final = "sanso"
FOLDER: Final = Path(__file__).parent / "locale"
LANGUAGES: Final = ("en", "ja")
OF_THE_TERMINAL: Final = ("LC_ALL", "LC_MESSAGES", "LANG")


def chosen() -> str:
    """Return the language of the first variable that is set, as in POSIX: English unless it is known."""
    values = (os.environ.get("SANSO_LANGUAGE"), *map(os.environ.get, OF_THE_TERMINAL))
    value = next(filter(None, values), "")
    code = value.lower().replace("_", "-").partition("-")[0].partition(".")[0]
    return code if code in LANGUAGES else "en"


LANGUAGE: Final = chosen()
_catalog = gettext.translation(DOMAIN, FOLDER, [LANGUAGE], fallback=True)
_ = _catalog.gettext
if LANGUAGE != "en":  # typer translates its own texts ("Options") with the program's catalog
    os.environ["LANGUAGE"] = LANGUAGE
    gettext.bindtextdomain(DOMAIN, str(FOLDER))
    gettext.textdomain(DOMAIN)
WIDE_ENOUGH: Final = 70
"""Columns from which help fits in boxes; in fewer, rich cuts words and the names of options."""
COLUMNS: Final = shutil.get_terminal_size().columns
MARKUP: Final[Literal["rich"] | None] = "rich" if LANGUAGE == "en" and COLUMNS >= WIDE_ENOUGH else None
"""How typer prints help: rich cuts off lines without spaces."""


def N_(text: str) -> str:  # the usual name for texts that are translated where they are used
    """Return a text, marked for translation."""
    return text


HEADINGS: Final = (
    *(N_("name"), N_("state"), N_("health"), N_("account"), N_("template version"), N_("owner")),
    *(N_("site url"), N_("region"), N_("id"), N_("kind"), N_("url"), N_("label"), N_("number")),
    *(N_("status"), N_("commit"), N_("author"), N_("fetched at"), N_("effect"), N_("path"), N_("type")),
    *(N_("properties"), N_("user"), N_("token"), N_("rights"), N_("environment"), N_("progress")),
    *(N_("reason"), N_("page"), N_("created at"), N_("parameters"), N_("outputs"), N_("labels")),
    *(N_("latest deployment"), N_("stack name"), N_("stack status"), N_("requested by"), N_("error")),
    *(N_("stack id"), N_("operation"), N_("phase"), N_("is active"), N_("is waiting"), N_("last seq")),
    *(N_("template digest"), N_("preview digest"), N_("applied at"), N_("applied by"), N_("ended at")),
    *(N_("cluster"), N_("retention days"), N_("backup window"), N_("earliest restorable at"), N_("cause")),
    *(N_("latest restorable at"), N_("size gib")),
    *(N_("scheduled for"), N_("ready at"), N_("polled at"), N_("waiting for"), N_("zone"), N_("text")),
    *(N_("check"), N_("result"), N_("advice"), N_("connection"), N_("note")),
    *(N_("engine version"), N_("support"), N_("standard support ends at"), N_("extended support ends at")),
    *(N_("newer versions"), N_("maintenance window"), N_("action"), N_("resource"), N_("applies at")),
    *(N_("apply after"), N_("forced at"), N_("value created at"), N_("rotated at"), N_("rotates at")),
    *(N_("start"), N_("writer connections"), N_("reader connections"), N_("replica lag ms"), N_("at")),
    *(N_("previous writer"), N_("writer")),
)
"""The names of columns and members that are translated; others are printed as the API calls them."""
STATES: Final = (
    *(N_("succeeded"), N_("failed"), N_("rolled back"), N_("canceled"), N_("preview"), N_("approval")),
    *(N_("stacks"), N_("configuration"), N_("traffic"), N_("ready"), N_("protect")),
    *(N_("problem"), N_("changing"), N_("deployed"), N_("deleted")),
    *(N_("in progress"), N_("creation failed")),
    *(N_("scheduled"), N_("queued"), N_("preflight"), N_("artifacts"), N_("change set"), N_("servers")),
    N_("snapshot"),
)
CONNECTION: Final = (
    *(N_("ok"), N_("warning"), N_("identity"), N_("clock"), N_("revision"), N_("permissions")),
    *(N_("service role"), N_("bucket")),
)
HEALTH: Final = (
    *(N_("healthy"), N_("degraded"), N_("unhealthy"), N_("unknown")),
    *(N_("starting"), N_("leaving"), N_("standby")),
)
SNAPSHOTS: Final = (
    *(N_("available"), N_("creating"), N_("copying"), N_("deleting")),
    *(N_("automated"), N_("final"), N_("requested"), N_("before change"), N_("manual")),
)
"""The statuses of snapshots, and why each was taken."""
SUPPORT: Final = (N_("standard"), N_("ending"), N_("extended"), N_("ended"))
"""How AWS supports a version."""
TIERS: Final = (N_("tier"), N_("site"), N_("web"), N_("app"), N_("database"))
RELEASES: Final = {
    "none": N_("No release"),
    "code": N_("Code release"),
    "disruptive": N_("Disruptive release"),
    "replacement": N_("Replacement"),
}
"""What a change does to running servers."""
KINDS: Final = (N_("create"), N_("update"), N_("delete"), N_("rollback"))
EFFECTS: Final = (
    *(N_("deletes data"), N_("may delete data"), N_("replaced"), N_("removed"), N_("may be replaced")),
    *(N_("updated"), N_("added"), N_("imported"), N_("probably unchanged")),
)
KNOWN: Final = frozenset(
    (*HEADINGS, *STATES, *CONNECTION, *HEALTH, *SNAPSHOTS, *SUPPORT, *TIERS, *KINDS, *EFFECTS)
)
OF_TYPER: Final = (
    *(N_("Arguments"), N_("Options"), N_("Commands"), N_("Error"), N_("required"), N_("default: {default}")),
    *(N_("env var: {var}"), N_("Missing command."), N_("No such command {name!r}.")),
)
"""What typer looks up in the same catalog."""


def name_of(key: str) -> str:
    """Return the name of a member or a state of the API's answers, translated if it is known."""
    name = key.replace("_", " ")
    return _(name) if name in KNOWN else name


def of_docstring(text: str | None) -> str:
    """Return the help of a command, translated: its docstring on one line."""
    line = " ".join((text or "").split())
    return _(line)
