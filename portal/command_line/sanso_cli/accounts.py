"""The commands about accounts: test the connection of one, import them, or remove one."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer

from sanso_cli import completion, session
from sanso_cli.client import PortalClient
from sanso_cli.options import Output
from sanso_cli.output import Exit, Format, confirm, fail, out, show
from sanso_cli.texts import _

COLUMNS = ("check", "result", "text", "advice")
LOOK_EVERY = 2.0
"""Seconds between two looks at a test in progress."""
LONGEST = 900.0
"""Seconds after which a test that has not finished is left alone."""
PROBLEM = "problem"


def run_test(
    name: Annotated[
        str, typer.Argument(help=_("The account's name or key."), autocompletion=completion.accounts)
    ],
    last: Annotated[bool, typer.Option("--last", help=_("Only print the last result."))] = False,
    output: Output = Format.TABLE,
) -> None:
    """Test the connection of an account: exit code 0 if it works, 1 if something must be fixed."""
    api = session.client()
    path = f"/accounts/{session.account(api, name)}"
    if not last:
        api.post(f"{path}/test-connection", {})
    found = api.get(f"{path}/connection") if last else _finished(api, path)
    if found["result"] is None:
        fail(_("%(name)s was never tested.") % {"name": name})
    if output is not Format.TABLE:
        show(output, found)
    else:
        show(output, found["findings"], COLUMNS)
        for one in found["findings"]:
            if one["actions"]:
                out.print(f"{one['check']}: {', '.join(one['actions'])}", markup=False)
            if one["policy"]:
                out.print(one["policy"], markup=False)
    raise typer.Exit(Exit.FAILED if found["result"] == PROBLEM else 0)


def remove(
    name: Annotated[
        str, typer.Argument(help=_("The account's name or key."), autocompletion=completion.accounts)
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help=_("Remove it without asking."))] = False,
    output: Output = Format.TABLE,
) -> None:
    """Remove an account that never had an environment; nothing is deleted in AWS."""
    api = session.client()
    path = f"/accounts/{session.account(api, name)}"
    found = api.get(path)
    if not yes and output is Format.TABLE:
        _print_staying(found)
    if not yes and not confirm(_("Remove the account %(name)s?") % found):
        raise typer.Abort
    found = api.post(f"{path}/delete", {})
    if output is not Format.TABLE:
        show(output, found)
        return
    out.print(_("%(name)s is removed. Nothing was deleted in AWS.") % found, markup=False)
    if yes:
        _print_staying(found)


def import_file(
    file: Annotated[
        typer.FileText,
        typer.Argument(help=_("A CSV of accounts; - for standard input."), encoding="utf-8-sig"),
    ],
    output: Output = Format.TABLE,
) -> None:
    """Add all accounts of a CSV, or none if a line has a problem."""
    try:
        text = file.read()
    except UnicodeDecodeError:
        fail(_("The file is not text in UTF-8."))
    found = session.client().post("/account-imports", {"csv": text})
    if output is not Format.TABLE:
        show(output, found)
        return
    show(output, found["accounts"], ("name", "region", "role_arn", "external_id", "id"))


def _print_staying(found: dict[str, Any]) -> None:
    """Print what stays in AWS; an earlier portal does not say it."""
    for one in found.get("stays_in_aws", []):
        out.print(_("Stays in AWS: %(text)s") % one, markup=False)


def _finished(api: PortalClient, path: str) -> dict[str, Any]:
    """Wait until a test has finished, and return its result. End the command if it takes too long."""
    until = time.monotonic() + LONGEST
    while True:
        found: dict[str, Any] = api.get(f"{path}/connection")
        if not found["running"]:
            return found
        if time.monotonic() > until:
            fail(_("The test has not finished. Are the workers running?"), Exit.FAILED)
        if sys.stderr.isatty():
            typer.echo(_("Testing…"), err=True)
        time.sleep(LOOK_EVERY)
