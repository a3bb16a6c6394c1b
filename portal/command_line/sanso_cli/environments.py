"""The commands `sanso env`: list, show, create, change, release, roll back, dismiss, delete; and more."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from sanso_cli import backups, maintenance, metrics, session
from sanso_cli.changes import carry_out, finish
from sanso_cli.client import ApiError
from sanso_cli.deploying import bring_to, deploy, restored_data
from sanso_cli.follow import line
from sanso_cli.options import (
    Name,
    OfAccount,
    OfLabel,
    Output,
    Parameter,
    Plan,
    Reason,
    RestoreTo,
    Search,
    Version,
    Wait,
    Yes,
)
from sanso_cli.output import Format, fail, prompt, show
from sanso_cli.texts import _
from sanso_cli.usage import group

app = group(_("Environments."))
FORMER = ("state", "health")
"""Members that `status` and `note` replace."""
OF_HEALTH = ("tier", "status", "name", "zone", "text")
COLUMNS = ("name", "status", "note.text", "account.name", "template_version", "owner", "labels", "site_url")


@app.command("list")
def list_environments(
    status: Annotated[
        str, typer.Option(help=_("Only those with this status, such as in_progress or unhealthy."))
    ] = "",
    state: Annotated[str, typer.Option(help=_("problem, changing, deployed or deleted."))] = "",
    label: OfLabel = "",
    account: OfAccount = "",
    named: Annotated[str, typer.Option("--name", help=_("Only those with this name."))] = "",
    search: Search = "",
    update: Annotated[bool, typer.Option("--update", help=_("Only those with an available update."))] = False,
    output: Output = Format.TABLE,
) -> None:
    """List environments."""
    api = session.client()
    wanted: dict[str, Any] = {
        "status": status or None,
        "state": state or None,
        "label": label or None,
        "name": named or None,
        "q": search or None,
        "update": update or None,
    }
    wanted["account"] = str(session.account(api, account)) if account else None
    show(output, list(api.items("/environments", **wanted)), COLUMNS)


@app.command("show")
def show_environment(name: Name, output: Output = Format.TABLE) -> None:
    """Show an environment."""
    api = session.client()
    found = api.get(f"/environments/{session.environment(api, name)['id']}")
    if output is Format.TABLE:
        found = {name: value for name, value in found.items() if name not in FORMER}
        if (failure := found.get("last_failure")) and failure["dismissed_by"]:
            failure["text"] += " " + _("Dismissed by %(dismissed_by)s.") % failure
    show(output, found)


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
        for one in tier["components"]:
            yield one | {"tier": "", "status": one.get("transition") or one["status"]}


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


app.command()(deploy)
app.command("backups")(backups.show_backups)
app.command("snapshot")(backups.take_snapshot)
app.command("drill")(backups.run_drill)
app.command("maintenance")(maintenance.show_maintenance)
app.command("metrics")(metrics.show_metrics)
app.command("drills")(backups.show_drills)


def _bring(name: str, reason: str, wanted: dict[str, Any], **how: Any) -> None:
    """Preview a change of an environment, confirm, apply and follow it; `how`: options of `bring_to`."""
    api = session.client()
    unchanged = {"parameters": {}, "version": "", "reason": reason}
    bring_to(api, session.environment(api, name), unchanged | wanted, **how)


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
    wanted = {"parameters": session.parameters(parameter)}
    _bring(name, reason, wanted, yes=yes, only_plan=only_plan, wait=wait, output=output)


@app.command()
def restore(
    name: Name,
    snapshot: Annotated[str, typer.Option(help=_("The snapshot whose data is restored."))] = "",
    restore_to: RestoreTo = None,
    cluster: Annotated[
        str, typer.Option(help=_("The database cluster; needed only if the environment has several."))
    ] = "",
    reason: Reason = "",
    yes: Yes = False,
    only_plan: Plan = False,
    wait: Wait = True,
    output: Output = Format.TABLE,
) -> None:
    """Restore data as a second database beside the one in use: preview, confirm, apply, follow."""
    data = restored_data(snapshot, restore_to)
    if not data:
        fail(_("Give either --snapshot or --restore-to."))
    wanted = {"restore": data | {"cluster": cluster}}
    _bring(name, reason, wanted, yes=yes, only_plan=only_plan, wait=wait, output=output)


@app.command()
def switch_database(
    name: Name,
    to: Annotated[str, typer.Option(help=_("A, or B, which was restored beside it."))],
    reason: Reason = "",
    yes: Yes = False,
    only_plan: Plan = False,
    wait: Wait = True,
    output: Output = Format.TABLE,
) -> None:
    """Let the servers use the other one of two databases: preview, confirm, apply, follow."""
    _bring(name, reason, {"switch_to": to.upper()}, yes=yes, only_plan=only_plan, wait=wait, output=output)


@app.command()
def delete_database(
    name: Name,
    database: Annotated[str, typer.Option(help=_("A or B, the one that the servers do not use."))],
    reason: Reason = "",
    yes: Yes = False,
    only_plan: Plan = False,
    wait: Wait = True,
    output: Output = Format.TABLE,
) -> None:
    """Delete one of two databases in two changes, first its instances: preview, confirm, apply, follow."""
    wanted = {"delete_database": database.upper()}
    _bring(name, reason, wanted, yes=yes, only_plan=only_plan, wait=wait, output=output)


@app.command()
def keep_database(
    name: Name,
    database: Annotated[str, typer.Option(help=_("A or B, the one whose deletion has begun."))],
    reason: Reason = "",
    yes: Yes = False,
    only_plan: Plan = False,
    wait: Wait = True,
    output: Output = Format.TABLE,
) -> None:
    """Keep a database whose deletion has begun, with new instances: preview, confirm, apply, follow."""
    wanted = {"keep_database": database.upper()}
    _bring(name, reason, wanted, yes=yes, only_plan=only_plan, wait=wait, output=output)


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
    bring_to(
        api,
        session.environment(api, name),
        wanted,
        yes=yes,
        only_plan=only_plan,
        wait=wait,
        output=output,
        **({"go_back": True} if go_back else {}),
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
    typed = confirm or prompt(_("Type %(name)s to delete it") % environment)
    body = {"typed_name": typed, "unprotect": unprotect, "reason": reason}
    with _naming_option("DeletionProtection", _("The option for it is --unprotect.")):
        found = api.post(f"/environments/{environment['id']}/deletion", body)
    raise typer.Exit(finish(api, found["id"], wait=wait, format_=output))


@app.command()
def dismiss(name: Name) -> None:
    """Dismiss the failure of an environment's last change, for everybody."""
    api = session.client()
    failure = api.get(f"/environments/{session.environment(api, name)['id']}").get("last_failure")
    if not failure:
        fail(_("The last change of %(name)s did not fail.") % {"name": name})
    api.post(f"/deployments/{failure['deployment']}/dismiss-failure")


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
