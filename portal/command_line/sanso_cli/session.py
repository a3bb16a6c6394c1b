"""What every command begins with: the client of the stored login, and rows by their names."""

from __future__ import annotations

import sys
from typing import Any

from sanso_cli import logins
from sanso_cli.client import PortalClient
from sanso_cli.connection import portal_url
from sanso_cli.output import fail
from sanso_cli.texts import _


def client() -> PortalClient:
    """Return a client of the portal. End the command if nobody is logged in."""
    try:
        login = logins.current()
    except ValueError as exc:
        fail(str(exc))
    if login is None:
        fail(
            _(
                "Not logged in. Run sanso login --url https://sanso.example.com, or set SANSO_URL and "
                "SANSO_TOKEN."
            )
        )
    return PortalClient(login.url, login.token)


def url_of(text: str) -> str:
    """Return a portal's URL as a person wrote it. End the command if it is none."""
    try:
        return portal_url(text)
    except ValueError as exc:
        fail(str(exc))


def environment(api: PortalClient, name: str) -> dict[str, Any]:
    """Return an environment by its name or its key. End the command if there is none, or more than one."""
    if name.isdecimal():
        found: dict[str, Any] = api.get(f"/environments/{name}")
        return found
    rows = [row for row in api.items("/environments", name=name) if row["name"] == name]
    rows = [row for row in rows if row["state"] != "deleted"] or rows[:1]
    if not rows:
        fail(_("No environment %(name)s. sanso env list lists them.") % {"name": name})
    if len(rows) > 1:
        keys = ", ".join(f"{row['id']} in {row['account']['name']}" for row in rows)
        text = _("%(name)s is the name of several environments. Give a key instead: %(keys)s.")
        fail(text % {"name": name, "keys": keys})
    return rows[0]


def latest_deployment(api: PortalClient, name: str) -> int:
    """Return the number of the latest deployment of an environment. End the command if there is none."""
    found = environment(api, name).get("latest_deployment")
    return int((found or fail(_("%(name)s has no deployment.") % {"name": name}))["id"])


def account(api: PortalClient, name: str) -> int:
    """Return the key of an account by its name or key. End the command if there is none."""
    if not name:
        fail(_("Give an account with --account. sanso accounts lists them."))
    found = [row for row in api.items("/accounts") if name in (row["name"], str(row["id"]))]
    problem = _("No account %(name)s. sanso accounts lists them.")
    return int((found or fail(problem % {"name": name}))[0]["id"])


def version(api: PortalClient, name: str) -> int:
    """Return the key of a version: `SET@LABEL`, `SET@NUMBER` or a key. End the command if there is none."""
    if name.isdecimal():
        return int(name)
    set_name, _at, label = name.rpartition("@")
    rows = [
        row
        for one in api.items("/template-sets")
        if one["name"] == set_name
        for row in api.items(f"/template-sets/{one['id']}/versions")
    ]
    found = [row for row in rows if label in (row["label"], row["commit"])]
    found = found or [row for row in rows if label == str(row["number"])]
    problem = _("No version %(name)s. Write SET@LABEL or SET@NUMBER; sanso sets versions SET lists them.")
    return int((found or fail(problem % {"name": name}))[0]["id"])


def labels(given: list[str]) -> dict[str, str]:
    """Return the labels of `--label key=value`. End the command if one is not written like this."""
    found = {}
    for one in given:
        key, separator, value = one.partition("=")
        if not separator:
            fail(_("Write labels as key=value, not %(text)s.") % {"text": one})
        found[key] = value
    return found


def parameters(given: list[str]) -> dict[str, str]:
    """Return the parameters of `-p Name=value`; `Name=@FILE` is a value in a file, `@-` the input."""
    values = {}
    for one in given:
        name, separator, value = one.partition("=")
        if not separator:
            fail(_("Write parameters as Name=value, not %(text)s.") % {"text": one})
        if value == "@-":
            value = sys.stdin.read().rstrip("\n")
        elif value.startswith("@"):
            try:
                with open(value[1:]) as file:  # noqa: PTH123  # a name that a person typed
                    value = file.read().rstrip("\n")
            except OSError as exc:
                fail(_("%(path)s cannot be read: %(reason)s") % {"path": value[1:], "reason": exc.strerror})
        values[name] = value
    return values
