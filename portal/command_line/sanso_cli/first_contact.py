"""The command `sanso first-contact`: request a first contact with an account, and print what AWS answered."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer

from sanso_cli import completion, session
from sanso_cli.client import PortalClient
from sanso_cli.options import Output
from sanso_cli.output import Exit, Format, fail, show
from sanso_cli.texts import _

STEPS = ("name", "state", "answers")
COLUMNS = ("step", "question", "outcome", "text")
LEFT = ("type", "id", "billing", "why")
LOOK_EVERY = 3.0
"""Seconds between two looks at a first contact in progress."""
LONGEST = 2 * 3600.0
"""Seconds after which one that has not finished is left alone."""
EXPECTED = ("expected", "note")


def run_first_contact(
    name: Annotated[
        str, typer.Argument(help=_("The account's name or key."), autocompletion=completion.accounts)
    ],
    steps: Annotated[
        str, typer.Option(help=_("The steps, separated by commas; without this, those that are free."))
    ] = "",
    last: Annotated[bool, typer.Option("--last", help=_("Only print the last result."))] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help=_("Cancel the one in progress."))] = False,
    clean_up: Annotated[
        bool, typer.Option("--clean-up", help=_("Only clean up again after the last one."))
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help=_("Wait until everything is deleted."))
    ] = True,
    output: Output = Format.TABLE,
) -> None:
    """Compare what AWS answers in an account with what Sanso expects: exit code 0 if all is as expected."""
    api = session.client()
    path = f"/accounts/{session.account(api, name)}/first-contacts"
    if last or cancel or clean_up:
        found = _latest(api, path, name)
        if not last:
            found = api.post(f"{path}/{found['id']}/{'cancel' if cancel else 'clean-up'}", {})
    else:
        found = api.post(path, {"steps": steps.split(",")} if steps else {})
    if wait and not last:
        found = _finished(api, f"{path}/{found['id']}")
    _print(found, output)
    if found["state"] == "finished" and not found["as_expected"]:
        raise typer.Exit(Exit.FAILED)


def _latest(api: PortalClient, path: str, name: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = api.get(path)["items"]
    if not rows:
        fail(_("There was no first contact with %(name)s.") % {"name": name})
    return rows[0]


def _finished(api: PortalClient, path: str) -> dict[str, Any]:
    """Wait until a first contact has finished, and return it. End the command if it takes too long."""
    until = time.monotonic() + LONGEST
    while True:
        found: dict[str, Any] = api.get(path)
        if found["state"] == "finished":
            return found
        if time.monotonic() > until:
            fail(_("The first contact has not finished. Are the workers running?"), Exit.FAILED)
        if sys.stderr.isatty():
            typer.echo(_("In progress…"), err=True)
        time.sleep(LOOK_EVERY)


def _print(found: dict[str, Any], output: Format) -> None:
    """Print a first contact: in a table its steps, what is not as expected, and what is left in AWS."""
    if output is not Format.TABLE:
        show(output, found)
        return
    show(output, [{**step, "answers": len(step["answers"])} for step in found["steps"]], STEPS)
    answers = [{"step": step["name"], **one} for step in found["steps"] for one in step["answers"]]
    if unexpected := [one for one in answers if one["outcome"] not in EXPECTED]:
        show(output, unexpected, COLUMNS)
    if found["left"]:
        typer.echo(_("These resources remain in AWS:"))
        show(output, found["left"], LEFT)
    elif found["left"] is not None:
        typer.echo(_("Nothing remains in AWS."))
