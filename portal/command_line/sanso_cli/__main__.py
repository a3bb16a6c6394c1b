"""`sanso`: its commands, and errors as one line with the exit code."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Annotated, Any

import typer

from sanso_cli import VERSION, completion, deploying, environments, first_contact, logins, session
from sanso_cli import accounts as account_commands
from sanso_cli.browser_login import token_by_browser
from sanso_cli.changes import preview_of, print_preview
from sanso_cli.client import ApiError, PortalClient
from sanso_cli.connection import is_private
from sanso_cli.follow import follow
from sanso_cli.options import (
    AMBIGUOUS,
    TIMES,
    At,
    Name,
    OfAccount,
    OfLabel,
    Output,
    Search,
    Yes,
    is_ambiguous,
)
from sanso_cli.output import Exit, Format, confirm, err, fail, out, show
from sanso_cli.texts import _, name_of, of_docstring
from sanso_cli.usage import OPTIONS, WRONG_USAGE, TranslatedCommand, group, show_wrong_usage

app = group(_("Sanso from the command line."))
sets = group(_("Template sets."))
OF_DEPLOYMENTS = (
    *("id", "environment.name", "account.name", "kind", "state"),
    *("requested_by", "labels", "reason", "created_at"),
)
app.add_typer(environments.app, name="env")
app.add_typer(sets, name="sets")
app.command("deploy")(deploying.deploy)
app.command("test-account")(account_commands.run_test)
app.command("first-contact")(first_contact.run_first_contact)
app.command("import-accounts")(account_commands.import_file)
app.command("remove-account")(account_commands.remove)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"sanso {VERSION}")
        raise typer.Exit


Deployment = Annotated[int, typer.Argument(help=_("The deployment's number."))]
Now = Annotated[bool, typer.Option("--now", help=_("Begin it now."))]


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help=_("Print the version."))
    ] = False,
) -> None:
    """Take the options of every command."""


@app.command()
def login(
    url: Annotated[
        str, typer.Option(help=_("The portal's URL; without it that of the last login."), envvar="SANSO_URL")
    ] = "",
    token: Annotated[
        bool,
        typer.Option("--token", help=_("Ask for a token of the page API tokens, or read a pipe.")),
    ] = False,
) -> None:
    """Log in by browser, or with a token. It is kept in the system's keyring, or in a file that only you can
    read."""
    url = session.url_of(url or logins.last_url() or fail(_("Give the portal's URL with --url.")))
    if not is_private(url):
        err.print(
            _("The connection to %(url)s is not encrypted: others can read the token.") % {"url": url},
            style="yellow",
        )
    value = _given_token() if token else token_by_browser(url)
    me = PortalClient(url, value).get("/me")
    place = logins.store(url, value)
    values = {"url": url, "name": me["user"]["username"], "place": place}
    out.print(_("Logged in to %(url)s as %(name)s. The token is in: %(place)s.") % values)


def _given_token() -> str:
    """Return the token that is piped or typed, "" if the input cannot be decoded."""
    try:
        if not sys.stdin.isatty():
            return sys.stdin.read().strip()
        return str(typer.prompt(_("Token"), hide_input=True)).strip()
    except UnicodeDecodeError:
        return ""


@app.command()
def logout() -> None:
    """Delete the stored token from this computer; revoke it on the page API tokens."""
    url = logins.last_url()
    logins.forget()
    if url:
        out.print(_("Logged out. To revoke the token: %(url)s") % {"url": f"{url}/tokens/"})


@app.command()
def whoami(output: Output = Format.TABLE) -> None:
    """Show who you are, and what the token may do."""
    found = session.client().get("/me")
    if output is Format.TABLE and (names := found.pop("right_names", None)):  # not of an earlier portal
        found["rights"] = names
    show(output, found)


@app.command()
def accounts(output: Output = Format.TABLE) -> None:
    """List the accounts that you may see."""
    show(output, list(session.client().items("/accounts")), ("name", "region", "connection", "id"))


@app.command("follow")
def follow_deployment(
    deployment: Deployment,
    plain: Annotated[bool, typer.Option("--plain", help=_("Lines, also in a terminal."))] = False,
    lines: Annotated[bool, typer.Option("--json", help=_("Each event as a line of JSON."))] = False,
) -> None:
    """Follow a deployment: exit code 0 if it succeeds, 1 if it fails, 4 if it waits for a person."""
    raise typer.Exit(follow(session.client(), deployment, plain=plain, as_json=lines))


@app.command()
def wait(name: Name, output: Output = Format.TABLE) -> None:
    """Wait until the latest deployment of an environment has ended; its events are printed from now on."""
    api = session.client()
    latest = session.latest_deployment(api, name)
    after = api.get(f"/deployments/{latest}")["last_seq"]
    progress = None if output is Format.TABLE else sys.stderr
    code = follow(api, latest, plain=True, after=after, stop_when_waiting=False, progress=progress)
    if output is not Format.TABLE:
        show(output, api.get(f"/deployments/{latest}"))
    raise typer.Exit(code)


@app.command()
def deployments(
    name: Annotated[
        str, typer.Option(help=_("Only those of this environment."), autocompletion=completion.environments)
    ] = "",
    account: OfAccount = "",
    label: OfLabel = "",
    state: Annotated[str, typer.Option(help=_("Only those in this state, such as failed."))] = "",
    kind: Annotated[str, typer.Option(help=_("Only those of this kind, such as update."))] = "",
    search: Search = "",
    since: Annotated[
        datetime | None, typer.Option(formats=TIMES, help=_("Only those since this time."))
    ] = None,
    limit: Annotated[int, typer.Option(help=_("How many at most; 0 for all."))] = 50,
    output: Output = Format.TABLE,
) -> None:
    """List deployments, the newest first."""
    api = session.client()
    wanted = {"name": name, "label": label, "state": state, "kind": kind, "q": search}
    wanted["account"] = str(session.account(api, account)) if account else ""
    wanted["since"] = since.astimezone().isoformat() if since else ""
    query: dict[str, Any] = {key: one or None for key, one in wanted.items()}
    rows = list(api.items("/deployments", limit=limit, **query))
    show(output, rows, OF_DEPLOYMENTS)


@app.command()
def approve(
    deployment: Deployment,
    yes: Yes = False,
    deny: Annotated[str, typer.Option(help=_("Deny it, with this reason."))] = "",
    bypass: Annotated[str, typer.Option(help=_("In an emergency: apply it without approval, and why."))] = "",
) -> None:
    """Approve (or deny) a change that somebody else requested, after its preview; it may need others."""
    api = session.client()
    if deny:
        api.post(f"/deployments/{deployment}/deny", {"reason": deny})
        out.print(_("Deployment %(pk)d is denied.") % {"pk": deployment})
        return
    found = preview_of(api, deployment)
    if found is None:
        state = name_of(api.get(f"/deployments/{deployment}")["state"])
        fail(
            _("Deployment %(pk)d does not wait for approval: %(state)s.") % {"pk": deployment, "state": state}
        )
    print_preview(found, Format.TABLE)
    if not yes and not confirm(_("Bypass the approval?") if bypass else _("Approve?")):
        raise typer.Abort
    digest = {"digest": found["digest"]}
    if bypass:
        api.post(f"/deployments/{deployment}/bypass", digest | {"reason": bypass})
        out.print(_("The approval of deployment %(pk)d is bypassed.") % {"pk": deployment})
        return
    api.post(f"/deployments/{deployment}/approve", digest)
    if waits := api.get(f"/deployments/{deployment}/preview").get("approval"):
        values = {"pk": deployment, "given": len(waits["approved_by"]), "needed": waits["needed"]}
        out.print(_("Deployment %(pk)d has %(given)d of %(needed)d approvals.") % values)
        return
    out.print(_("Deployment %(pk)d is approved.") % {"pk": deployment})


@app.command()
def cancel(deployment: Deployment) -> None:
    """Cancel a deployment: what that does depends on its phase."""
    show(Format.TABLE, session.client().post(f"/deployments/{deployment}/cancel"))


@app.command()
def schedule(deployment: Deployment, at: At = None, now: Now = False) -> None:
    """Change when a scheduled creation begins: at a time, or now."""
    if now == (at is not None):
        fail(_("Give either --at or --now."))
    if at and is_ambiguous(at):
        fail(AMBIGUOUS)
    body = {"scheduled_for": at.astimezone().isoformat()} if at else {}
    show(Format.TABLE, session.client().post(f"/deployments/{deployment}/schedule", body))


@sets.command("list")
def list_sets(output: Output = Format.TABLE) -> None:
    """List template sets."""
    show(output, list(session.client().items("/template-sets")), ("name", "kind", "url"))


@sets.command("versions")
def list_versions(
    name: Annotated[str, typer.Argument(help=_("The set's name or key."), autocompletion=completion.sets)],
    output: Output = Format.TABLE,
) -> None:
    """List the versions of a template set, the newest first."""
    api = session.client()
    for one in api.items("/template-sets"):
        if name in (one["name"], str(one["id"])):
            rows = list(api.items(f"/template-sets/{one['id']}/versions"))
            show(output, rows, ("label", "number", "status", "commit", "author", "fetched_at"))
            return
    fail(_("No template set %(name)s.") % {"name": name})


def translate_help(commands: typer.Typer) -> None:
    """Translate the help of every command, which is its docstring, and its usage."""
    for one in commands.registered_commands:
        one.cls, one.options_metavar = TranslatedCommand, OPTIONS
        one.help = of_docstring(one.callback.__doc__)
    for one_group in commands.registered_groups:
        if one_group.typer_instance:
            translate_help(one_group.typer_instance)


def main() -> None:
    """Run a command. What is refused is printed as the pages word it, with exit code 3.

    Wrong options have that code as well, since 2 says that there are changes.
    """
    translate_help(app)
    try:
        code = app(prog_name="sanso", standalone_mode=False)
    except ApiError as exc:
        err.print(f"✕ {exc}", style="red", markup=False)
        code = Exit.USAGE
    except typer.Abort:
        err.print(_("Canceled."))
        code = Exit.INTERRUPTED
    except WRONG_USAGE as exc:
        show_wrong_usage(exc)
        code = Exit.USAGE
    raise SystemExit(code)


if __name__ == "__main__":
    main()
