"""`sanso deploy`, and what brings an environment to values: a check or a preview, then the request."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from sanso_cli import completion, declaration, session
from sanso_cli.changes import carry_out, finish, plan, print_caught, print_more
from sanso_cli.client import PortalClient
from sanso_cli.options import (
    AMBIGUOUS,
    At,
    File,
    Labels,
    OnFailure,
    Output,
    Parameter,
    Plan,
    Reason,
    RequireApproval,
    RestoreTo,
    Version,
    Wait,
    Yes,
    is_ambiguous,
)
from sanso_cli.output import Exit, Format, fail, show
from sanso_cli.texts import _

DATABASES = ("restore", "switch_to", "delete_database", "keep_database")
CREATED_WITH, OPTIONAL = ("name", "reason", "parameters"), ("labels", "on_failure", "requires_approval")


def deploy(
    name: Annotated[str, typer.Argument(help=_("The new environment's name; a file has its own."))] = "",
    account: Annotated[
        str, typer.Option(help=_("The account's name or key."), autocompletion=completion.accounts)
    ] = "",
    parameter: Parameter = [],  # noqa: B006  # typer copies it
    version: Version = "",
    file: File = None,
    reason: Reason = "",
    label: Labels = [],  # noqa: B006  # typer copies it
    on_failure: OnFailure = None,
    requires_approval: RequireApproval = None,
    at: At = None,
    data_of: Annotated[
        str,
        typer.Option(
            help=_("The environment whose parameters and data it gets, also a deleted one."),
            autocompletion=completion.environments,
        ),
    ] = "",
    snapshot: Annotated[str, typer.Option(help=_("The snapshot with the data of --data-of."))] = "",
    restore_to: RestoreTo = None,
    yes: Yes = False,
    only_plan: Plan = False,
    wait: Wait = True,
    output: Output = Format.TABLE,
) -> None:
    """Create an environment, or bring the one of a file to what the file declares."""
    api = session.client()
    named: dict[str, Any] = {"name": name, "account": account, "version": version}
    wanted = declaration.declared(file) if file else named
    wanted["parameters"] = wanted.get("parameters", {}) | session.parameters(parameter)
    wanted["reason"] = reason or wanted.get("reason", "")
    if label:
        wanted["labels"] = wanted.get("labels", {}) | session.labels(label)
    chosen = {"on_failure": on_failure and str(on_failure), "requires_approval": requires_approval}
    wanted |= {key: value for key, value in chosen.items() if value is not None}
    if not wanted["name"]:
        fail(_("Give a name, or a file with --file."))
    existing = _existing(api, wanted)
    if at and is_ambiguous(at):
        fail(AMBIGUOUS)
    data = restored_data(snapshot, restore_to)
    _check_data(wanted, data_of, data, existing)
    if existing and at:
        fail(_("%(name)s exists already: --at is for new environments.") % wanted)
    if existing:
        bring_to(api, existing, wanted, yes=yes, only_plan=only_plan, wait=wait, output=output)
    body = _restoring(api, wanted, data_of, data) | _creation(api, wanted, at)
    if only_plan:
        _print_creation(api.post("/environment-checks", body), output)
        raise typer.Exit(Exit.CHANGES)
    created = api.post("/environments", body)
    raise typer.Exit(finish(api, created["id"], wait=wait and not at, format_=output))


def restored_data(snapshot: str, restore_to: datetime | None) -> dict[str, str]:
    """Return the data of an environment, as the API takes it; {} for none."""
    if snapshot and restore_to:
        fail(_("Give either --snapshot or --restore-to."))
    if restore_to and is_ambiguous(restore_to):
        fail(AMBIGUOUS)
    if restore_to:
        return {"time": restore_to.astimezone().isoformat()}
    return {"snapshot": snapshot} if snapshot else {}


def _check_data(
    wanted: dict[str, Any], data_of: str, data: dict[str, str], existing: dict[str, Any] | None
) -> None:
    """End the command unless the options of the data go together, and the environment is new."""
    if bool(data_of) != bool(data):
        fail(_("Give --data-of together with --snapshot or --restore-to."))
    if existing and data_of:
        fail(_("%(name)s exists already: --data-of is for new environments.") % wanted)


def _restoring(
    api: PortalClient, wanted: dict[str, Any], data_of: str, data: dict[str, str]
) -> dict[str, Any]:
    """Return the part of a creation's body with the data; the account is that of the data, if not given."""
    if not data_of:
        return {}
    source = session.environment(api, data_of)
    wanted["account"] = wanted["account"] or source["account"]["name"]
    return {"restore_from": {"environment": source["id"], **data}}


def _creation(api: PortalClient, wanted: dict[str, Any], at: datetime | None) -> dict[str, Any]:
    """Return the body that requests the creation of an environment."""
    body = {key: wanted[key] for key in (*CREATED_WITH, *OPTIONAL) if key in wanted}
    body["account"] = session.account(api, str(wanted["account"]))
    if wanted["version"]:
        body["template_version"] = session.version(api, str(wanted["version"]))
    if at:
        body["scheduled_for"] = at.astimezone().isoformat()
    return body


def _print_creation(found: dict[str, Any], output: Format) -> None:
    """Print what would be created; the portal has checked all of it."""
    if output is not Format.TABLE:
        show(output, found)
        return
    typer.echo(_("%(name)s does not exist: it would be created.") % found)
    print_caught(found)
    show(output, {name: value for name, value in found.items() if name not in ("name", "caught")})


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


def bring_to(
    api: PortalClient,
    environment: dict[str, Any],
    wanted: dict[str, Any],
    *,
    yes: bool,
    only_plan: bool,
    wait: bool,
    output: Format,
    **choices: Any,
) -> None:
    """Preview a change of an environment; apply it, or print it only. Ends the command."""
    body: dict[str, Any] = {"parameters": wanted["parameters"], "reason": wanted["reason"]}
    if wanted["version"]:
        body["template_version"] = session.version(api, str(wanted["version"]))
    body |= {key: wanted[key] for key in DATABASES if wanted.get(key)}
    if wanted.get("on_failure"):
        choices["on_failure"] = wanted["on_failure"]
    more = _more(api, environment["id"], wanted)
    if only_plan:
        found = api.post(f"/environments/{environment['id']}/previews", body | {"plan": True})
        raise typer.Exit(plan(api, found, output, more))
    found = api.post(f"/environments/{environment['id']}/previews", body)
    code = carry_out(api, found, yes=yes, wait=wait, format_=output, **choices)
    if code != Exit.FAILED:
        _set(api, environment["id"], more, wanted["reason"])
        if output is Format.TABLE:
            print_more(more)
    raise typer.Exit(code)


def _more(api: PortalClient, pk: int, wanted: dict[str, Any]) -> dict[str, Any]:
    """Return what changes of an environment beside its stack, before and after: labels and approval."""
    names = [name for name in ("labels", "requires_approval") if name in wanted]
    if not names:
        return {}
    now = api.get(f"/environments/{pk}")
    return {name: {"before": now[name], "after": wanted[name]} for name in names if now[name] != wanted[name]}


def _set(api: PortalClient, pk: int, more: dict[str, Any], reason: str) -> None:
    """Set the labels of an environment, and whether it requires approval."""
    if "labels" in more:
        api.post(f"/environments/{pk}/labels", {"labels": more["labels"]["after"]})
    if "requires_approval" in more:
        required = {"required": more["requires_approval"]["after"], "reason": reason}
        api.post(f"/environments/{pk}/require-approval", required)
