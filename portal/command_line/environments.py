"""The commands `sanso env`: list, show, create, change, release, roll back, delete; health and logs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from portal.command_line import completion, session
from portal.command_line.changes import carry_out, finish, plan
from portal.command_line.client import ApiError, PortalClient
from portal.command_line.declaration import declared
from portal.command_line.follow import line
from portal.command_line.output import Format, fail, show
from portal.command_line.texts import _
from portal.command_line.usage import group

app = group(_("Environments."))
Name = Annotated[
    str, typer.Argument(help=_("The environment's name or key."), autocompletion=completion.environments)
]
Output = Annotated[Format, typer.Option("--output", "-o", help=_("How to print results."))]
Reason = Annotated[str, typer.Option("--reason", help=_("Why; shown in the history."))]
Parameter = Annotated[
    list[str],
    typer.Option("--parameter", "-p", help=_("Name=value; Name=@FILE reads a file, Name=@- the input.")),
]
Version = Annotated[
    str,
    typer.Option(
        "--version",
        help=_("A version of a template set: SET@LABEL, SET@NUMBER or its key."),
        autocompletion=completion.versions,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help=_("Apply without asking."))]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help=_("Follow the deployment to its end."))]
Plan = Annotated[
    bool, typer.Option("--plan", help=_("Print the preview only; exit code 2 if there are changes."))
]
At = Annotated[
    datetime | None,
    typer.Option(
        "--at",
        formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M%z"],
        help=_("When the creation begins; without an offset, in the time zone of this machine."),
    ),
]
AMBIGUOUS = _("This time does not exist or occurs twice, since the clocks change. Give it with an offset.")
OF_HEALTH = ("tier", "status", "name", "zone", "text")
COLUMNS = ("name", "state", "health", "account.name", "template_version", "owner", "site_url")


@app.command("list")
def list_environments(
    state: Annotated[str, typer.Option(help=_("problem, changing, deployed or deleted."))] = "",
    output: Output = Format.TABLE,
) -> None:
    """List environments."""
    show(output, list(session.client().items("/environments", state=state or None)), COLUMNS)


@app.command("show")
def show_environment(name: Name, output: Output = Format.TABLE) -> None:
    """Show an environment."""
    api = session.client()
    show(output, api.get(f"/environments/{session.environment(api, name)['id']}"))


@app.command()
def health(name: Name, output: Output = Format.TABLE) -> None:
    """Show the health of an environment by tier and component."""
    api = session.client()
    found = api.get(f"/environments/{session.environment(api, name)['id']}/health")
    show(output, list(_by_tier(found)) if output is Format.TABLE else found, OF_HEALTH)


def _by_tier(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table: the environment, then each tier with its components below it."""
    yield found | {"tier": ""}
    for tier in found["tiers"]:
        yield tier | {"tier": tier["name"], "name": f"{tier['healthy']}/{tier['total']}"}
        yield from (component | {"tier": ""} for component in tier["components"])


@app.command()
def logs(name: Name, output: Output = Format.TABLE) -> None:
    """Print the event log of the latest deployment."""
    api = session.client()
    latest = session.latest_deployment(api, name)
    events = list(api.items(f"/deployments/{latest}/events"))
    if output is Format.TABLE:
        for event in events:
            typer.echo(line(event))
    else:
        show(output, events)


@app.command()
def deploy(
    name: Annotated[str, typer.Argument(help=_("The new environment's name; a file has its own."))] = "",
    account: Annotated[
        str, typer.Option(help=_("The account's name or key."), autocompletion=completion.accounts)
    ] = "",
    parameter: Parameter = [],  # noqa: B006  # typer copies it
    version: Version = "",
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help=_("A file that declares an environment."))
    ] = None,
    reason: Reason = "",
    at: At = None,
    yes: Yes = False,
    only_plan: Plan = False,
    wait: Wait = True,
    output: Output = Format.TABLE,
) -> None:
    """Create an environment, or bring the one of a file to what the file declares."""
    api = session.client()
    named: dict[str, Any] = {"name": name, "account": account, "parameters": {}, "version": version}
    wanted = declared(file) if file else named
    wanted["parameters"] |= session.parameters(parameter)
    wanted["reason"] = reason or wanted.get("reason", "")
    if not wanted["name"]:
        fail(_("Give a name, or a file with --file."))
    existing = _existing(api, wanted)
    if at and is_ambiguous(at):
        fail(AMBIGUOUS)
    if existing and at:
        fail(_("%(name)s exists already: --at is for new environments.") % wanted)
    if existing:
        _bring_to(api, existing, wanted, yes=yes, only_plan=only_plan, wait=wait, output=output)
    if only_plan:
        typer.echo(_("%(name)s does not exist: it would be created.") % wanted)
        raise typer.Exit(2)
    body = {key: wanted[key] for key in ("name", "reason", "parameters")}
    body["account"] = session.account(api, str(wanted["account"]))
    if wanted["version"]:
        body["template_version"] = session.version(api, str(wanted["version"]))
    if at:
        body["scheduled_for"] = at.astimezone().isoformat()
    created = api.post("/environments", body)
    raise typer.Exit(finish(api, created["id"], wait=wait and not at, format_=output))


def is_ambiguous(at: datetime) -> bool:
    """Return whether a time without an offset does not exist or occurs twice on this machine (PEP 495)."""
    first, second = at.replace(fold=0), at.replace(fold=1)
    return at.tzinfo is None and first.astimezone().utcoffset() != second.astimezone().utcoffset()


@app.command()
def change(
    name: Name,
    parameter: Parameter = [],  # noqa: B006  # typer copies it
    reason: Reason = "",
    yes: Yes = False,
    only_plan: Plan = False,
    wait: Wait = True,
    output: Output = Format.TABLE,
) -> None:
    """Change parameters: preview, confirm, apply, follow."""
    api = session.client()
    wanted = {"parameters": session.parameters(parameter), "version": "", "reason": reason}
    _bring_to(
        api, session.environment(api, name), wanted, yes=yes, only_plan=only_plan, wait=wait, output=output
    )


@app.command()
def release(
    name: Name,
    version: Version,
    reason: Reason = "",
    yes: Yes = False,
    go_back: Annotated[bool, typer.Option(help=_("Go back by itself if a server fails."))] = False,
    only_plan: Plan = False,
    wait: Wait = True,
    output: Output = Format.TABLE,
) -> None:
    """Bring a version of the template set to an environment: preview, confirm, apply, follow."""
    api = session.client()
    wanted = {"parameters": {}, "version": version, "reason": reason}
    _bring_to(
        api,
        session.environment(api, name),
        wanted,
        yes=yes,
        only_plan=only_plan,
        wait=wait,
        output=output,
        go_back=go_back,
    )


@app.command()
def rollback(
    name: Name,
    to: Annotated[
        int, typer.Option(help=_("The deployment to go back to; without it, what a failure kept."))
    ] = 0,
    reason: Reason = "",
    yes: Yes = False,
    wait: Wait = True,
    output: Output = Format.TABLE,
) -> None:
    """Go back to an earlier deployment, or roll back what was kept after a failure."""
    api = session.client()
    environment = session.environment(api, name)
    if to:
        found = api.post(f"/deployments/{to}/rollback", {"reason": reason})
        raise typer.Exit(carry_out(api, found, yes=yes, wait=wait, format_=output))
    with _naming_option("NothingToRollBack", _("The option for it is --to.")):
        found = api.post(f"/environments/{environment['id']}/rollback", {"reason": reason})
    raise typer.Exit(finish(api, found["id"], wait=wait, format_=output))


@app.command()
def delete(
    name: Name,
    confirm: Annotated[str, typer.Option(help=_("The environment's name, as a confirmation."))] = "",
    unprotect: Annotated[bool, typer.Option(help=_("Turn off deletion protection first."))] = False,
    reason: Reason = "",
    wait: Wait = True,
    output: Output = Format.TABLE,
) -> None:
    """Delete an environment."""
    api = session.client()
    environment = session.environment(api, name)
    if not confirm and not sys.stdin.isatty():
        fail(_("Without a terminal, give the environment's name with --confirm."))
    typed = confirm or typer.prompt(_("Type %(name)s to delete it") % environment)
    body = {"typed_name": typed, "unprotect": unprotect, "reason": reason}
    with _naming_option("DeletionProtection", _("The option for it is --unprotect.")):
        found = api.post(f"/environments/{environment['id']}/deletion", body)
    raise typer.Exit(finish(api, found["id"], wait=wait, format_=output))


@app.command()
def lock(name: Name, reason: Annotated[str, typer.Option(help=_("Why; shown to everybody."))]) -> None:
    """Lock an environment against changes."""
    api = session.client()
    api.post(f"/environments/{session.environment(api, name)['id']}/lock", {"reason": reason})


@app.command()
def unlock(name: Name) -> None:
    """Unlock an environment that you have locked."""
    api = session.client()
    api.post(f"/environments/{session.environment(api, name)['id']}/unlock")


@contextmanager
def _naming_option(code: str, option: str) -> Iterator[None]:
    """End the command with the option that a refusal with this code asks for."""
    try:
        yield
    except ApiError as refused:
        if refused.code != code:
            raise
        fail(f"{refused.detail} {option}")


def _existing(api: PortalClient, wanted: dict[str, Any]) -> dict[str, Any] | None:
    rows = [row for row in api.items("/environments", name=wanted["name"]) if row["state"] != "deleted"]
    rows = [row for row in rows if row["name"] == wanted["name"]]
    if wanted["account"]:
        rows = [
            row
            for row in rows
            if str(wanted["account"]) in (row["account"]["name"], str(row["account"]["id"]))
        ]
    return rows[0] if rows else None


def _bring_to(
    api: PortalClient,
    environment: dict[str, Any],
    wanted: dict[str, Any],
    *,
    yes: bool,
    only_plan: bool,
    wait: bool,
    output: Format,
    go_back: bool = False,
) -> None:
    """Preview a change of an environment; apply it, or print it only. Ends the command."""
    body: dict[str, Any] = {"parameters": wanted["parameters"], "reason": wanted["reason"]}
    if wanted["version"]:
        body["template_version"] = session.version(api, str(wanted["version"]))
    found = api.post(f"/environments/{environment['id']}/previews", body)
    if only_plan:
        raise typer.Exit(plan(api, found, output))
    raise typer.Exit(carry_out(api, found, yes=yes, wait=wait, format_=output, go_back=go_back))
