"""Request, preview and apply: what creates, changes, releases, rolls back and deletes environments."""

from __future__ import annotations

import sys
import time
from typing import Any

import typer

from portal.command_line.client import PortalClient
from portal.command_line.follow import ENDED, follow
from portal.command_line.output import Exit, Format, err, fail, out, show
from portal.command_line.texts import RELEASES, _, name_of

PREVIEW_EVERY = 1.0
"""Seconds between two looks at a preview that is being computed."""


def preview_of(api: PortalClient, pk: int) -> dict[str, Any] | None:
    """Wait for the preview of a change and return it; None if there is nothing to change, or it failed."""
    while True:
        deployment = api.get(f"/deployments/{pk}")
        if deployment["state"] in ENDED:
            return None
        found: dict[str, Any] = api.get(f"/deployments/{pk}/preview")
        if found["is_ready"] and deployment["is_waiting"]:
            return found
        if deployment.get("attention"):
            err.print(deployment["attention"]["text"])
        time.sleep(PREVIEW_EVERY)


def print_preview(found: dict[str, Any], format_: Format) -> None:
    """Print a preview: what is replaced, deleted, updated and added."""
    if format_ is not Format.TABLE:
        show(format_, found)
        return
    out.print(", ".join(f"{number} {name_of(name)}" for name, number in found["counts"].items() if number))
    show(Format.TABLE, found["resources"], ("effect", "path", "type", "properties"))
    if release := found.get("release"):  # not of an earlier portal
        kind = _(RELEASES.get(release["kind"], release["kind"]))
        out.print(f"{kind}: {release['text']}")
        if release["interrupts"]:
            out.print("▲ " + _("The site has an outage while its only server is changed."), style="bold red")
    if found["may_lose_data"]:
        out.print("▲ " + _("Data may be lost. Applying it needs the environment's name."), style="bold red")


def plan(api: PortalClient, deployment: dict[str, Any], format_: Format) -> int:
    """Print the preview and discard it. Return 2 if there are changes, 0 if there are none, 1 on failure."""
    found = preview_of(api, deployment["id"])
    if found is None:
        return _nothing(api, deployment["id"])
    print_preview(found, format_)
    api.post(f"/deployments/{deployment['id']}/discard")
    return Exit.CHANGES


def carry_out(
    api: PortalClient,
    deployment: dict[str, Any],
    *,
    yes: bool,
    wait: bool,
    format_: Format,
    typed_name: str = "",
    go_back: bool = False,
) -> int:
    """Preview a change, ask, apply it, and follow it. Return the exit code."""
    pk = deployment["id"]
    found = preview_of(api, pk)
    if found is None:
        return _nothing(api, pk)
    if format_ is Format.TABLE:
        print_preview(found, format_)
    name = deployment["environment"]["name"]
    if found["may_lose_data"] and not typed_name:
        typed_name = (
            typer.prompt(_("Data may be lost. Type %(name)s to apply") % {"name": name})
            if sys.stdin.isatty()
            else ""
        )
    elif not yes and not (sys.stdin.isatty() and typer.confirm(_("Apply?"))):
        api.post(f"/deployments/{pk}/discard")
        fail(_("Not applied: the change is discarded. Without a terminal, --yes applies it."))
    body = {"digest": found["digest"], "typed_name": typed_name} | ({"go_back": True} if go_back else {})
    api.post(f"/deployments/{pk}/apply", body)
    return finish(api, pk, wait=wait, format_=format_)


def finish(api: PortalClient, pk: int, *, wait: bool, format_: Format) -> int:
    """Follow a deployment, or (without `wait`) print it. Return the exit code."""
    if wait:
        return follow(api, pk, plain=format_ is not Format.TABLE)
    show(format_, api.get(f"/deployments/{pk}"))
    return 0


def _nothing(api: PortalClient, pk: int) -> int:
    found = api.get(f"/deployments/{pk}")
    if found["state"] == "succeeded":
        out.print(_("Nothing to change."))
        return 0
    text = found["error"]["text"] if found.get("error") else found["canceled"] or name_of(found["state"])
    err.print(f"✕ {text}")
    return Exit.FAILED
