"""Request, preview and apply: what creates, changes, releases, rolls back and deletes environments."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from typing import Any

from rich.text import Text

from sanso_cli.client import PortalClient
from sanso_cli.follow import ENDED, follow
from sanso_cli.output import Exit, Format, confirm, err, fail, out, prompt, show
from sanso_cli.texts import RELEASES, _, name_of

PREVIEW_EVERY = 1.0
"""Seconds between two looks at a preview that is being computed."""
LONGEST = 60
"""Characters of a value in a table."""


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
    """Print a preview: which values change, and what is replaced, deleted, updated and added."""
    if format_ is not Format.TABLE:
        show(format_, found)
        return
    _print_assessment(found)
    for one in found.get("parameters", ()):  # not of an earlier portal
        out.print(Text(f"{one['name']}: {_values(one)}"))
    for line in _outside(found):
        out.print(Text(f"▲ {line}"))
    print_caught(found)
    for one in found.get("validation", ()):  # not of an earlier portal
        out.print(Text(f"▲ {one['text']}"))
    counts = [f"{number} {name_of(_in_words(name))}" for name, number in found["counts"].items() if number]
    out.print(", ".join(counts))
    rows = [
        one | {"effect": _in_words(one["effect"]), "properties": "\n".join(_properties(one))}
        for one in found["resources"]
    ]
    show(Format.TABLE, rows, ("effect", "path", "type", "properties"))
    if any(one.get("values") for one in rows):
        text = _(
            "Before is what CloudFormation deployed last. What was changed directly in AWS, outside of "
            "the stack, is not compared; this change may overwrite it."
        )
        out.print(Text(text))
    _print_consequences(found)
    if release := found.get("release"):  # not of an earlier portal
        kind = release.get("label") or _(RELEASES.get(release["kind"], release["kind"]))
        out.print(Text(f"{kind}: {release['text']}"))
        for step in release.get("steps", ()):
            out.print(Text(f"  {step}"))
        if release["interrupts"]:
            out.print("▲ " + _("The site has an outage while its only server is changed."), style="bold red")
    if found["may_lose_data"]:
        out.print("▲ " + _("Data may be lost. Applying it needs the environment's name."), style="bold red")


def print_caught(found: dict[str, Any]) -> None:
    """Print which associations would configure servers of another environment."""
    for one in found.get("caught", ()):  # not of an earlier portal
        out.print(Text(f"▲ {one['text']}"))


def _print_consequences(found: dict[str, Any]) -> None:
    """Print what happens in each stack, as the page says it."""
    outage = _("Outage")
    for one in found.get("tiers", ()):  # not of an earlier portal
        out.print(Text(f"{one['name']}: {one['text']} {outage}: {one['outage']['text']}"))


def _print_assessment(found: dict[str, Any]) -> None:
    """Print what a change replaces, its outage and its duration."""
    assessment = found.get("assessment")  # not of an earlier portal
    if assessment:
        out.print(Text(assessment["text"], style="bold"))
    if outage := found.get("outage"):
        out.print(Text(_("Outage: %(text)s") % {"text": outage["text"]}))
    if assessment and (takes := assessment["duration"]):
        text = _("Duration: about %(n)d min (%(low)d–%(high)d)")
        minutes = {
            "n": max(1, round(takes["seconds"] / 60)),
            "low": takes["low"] // 60,
            "high": math.ceil(takes["high"] / 60),
        }
        out.print(text % minutes)


def _outside(found: dict[str, Any]) -> Iterator[str]:
    """Yield what was changed outside of Sanso; nothing of an earlier portal."""
    for one in found.get("outside", ()):
        text = _("%(name)s was set to %(now)s outside of Sanso. This change sets it to %(after)s.")
        if one["after"] == one["now"]:
            text = _("%(name)s was set to %(now)s outside of Sanso. This change keeps it.")
        yield text % {name: _shortened(one[name]) for name in ("name", "now", "after")}
    for name in found.get("outside_templates", ()):
        yield _("The template %(name)s was changed outside of Sanso. This change replaces it.") % {
            "name": name
        }


def _in_words(effect: str) -> str:
    """Return an effect as the page calls it: that a resource stays is a forecast."""
    return "probably_unchanged" if effect == "unchanged" else effect


def _properties(resource: dict[str, Any]) -> list[str]:
    """Return the values of a resource that change, each as a line; of an earlier portal only their names."""
    if "values" not in resource:
        return list(resource["properties"])
    if resource.get("is_probably_unchanged") and resource["effect"] != "unchanged":
        return [_("Probably unchanged; listed because it holds data")]
    return [
        f"{one['name']}: {_values(one)}" if _has_values(one) else one["name"] for one in resource["values"]
    ]


def _has_values(one: dict[str, Any]) -> bool:
    """Return whether CloudFormation named a value of one side: of a nested stack's properties it does not."""
    return one["is_secret"] or one["before"] is not None or one["after"] is not None or not one["is_known"]


def _values(one: dict[str, Any]) -> str:
    """Return a value before and after, as the page has it."""
    if one["is_secret"]:
        return _("not shown (NoEcho)")
    after = one["after"] if one.get("is_known", True) else _("known after apply")
    return f"{_shortened(one['before'])} → {_shortened(after)}"


def _shortened(value: str | None) -> str:
    """Return a value on one line; a dash for none."""
    if value is None:
        return "–"
    line = " ".join(value.split()) or '""'
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


def plan(api: PortalClient, deployment: dict[str, Any], format_: Format, more: dict[str, Any]) -> int:
    """Print the preview and discard it. Return 2 if there are changes, 0 if there are none, 1 on failure.

    `more` are changes of the environment that are not of its stack, such as of its labels.
    """
    found = preview_of(api, deployment["id"])
    if found is None:
        return _nothing(api, deployment["id"], format_, more)
    if format_ is Format.TABLE:
        print_more(more)
    print_preview(found | more if format_ is not Format.TABLE else found, format_)
    api.post(f"/deployments/{deployment['id']}/discard")
    return Exit.CHANGES


def print_more(more: dict[str, Any]) -> None:
    """Print the changes of an environment that are not of its stack."""
    for name, one in more.items():
        out.print(Text(f"{name_of(name)}: {_listed(one['before'])} → {_listed(one['after'])}"))


def _listed(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={one}" for key, one in sorted(value.items())) or "–"
    return _("yes") if value else _("no")


def carry_out(
    api: PortalClient,
    deployment: dict[str, Any],
    *,
    yes: bool,
    wait: bool,
    format_: Format,
    typed_name: str = "",
    **choices: Any,
) -> int:
    """Preview a change, ask, apply it, and follow it. Return the exit code.

    `choices` are those with which it is applied.
    """
    pk = deployment["id"]
    found = preview_of(api, pk)
    if found is None:
        return _nothing(api, pk, format_, {})
    if format_ is Format.TABLE:
        print_preview(found, format_)
    name = deployment["environment"]["name"]
    if found["may_lose_data"] and not typed_name:
        question = _("Data may be lost. Type %(name)s to apply") % {"name": name}
        typed_name = prompt(question) if sys.stdin.isatty() else ""
        if typed_name and (databases := found.get("databases_at_risk")):  # none of an earlier portal
            choices["snapshot_first"] = confirm(
                _("Take a snapshot of %(databases)s first?") % {"databases": ", ".join(databases)}
            )
    elif not yes and not (sys.stdin.isatty() and confirm(_("Apply?"))):
        api.post(f"/deployments/{pk}/discard")
        fail(_("Not applied: the change is discarded. Without a terminal, --yes applies it."))
    body = {"digest": found["digest"], "typed_name": typed_name} | choices
    api.post(f"/deployments/{pk}/apply", body)
    return finish(api, pk, wait=wait, format_=format_)


def finish(api: PortalClient, pk: int, *, wait: bool, format_: Format) -> int:
    """Follow a deployment, or (without `wait`) print it. Return the exit code.

    As JSON or YAML, the deployment is printed at its end, and its progress on standard error.
    """
    code = follow(api, pk, progress=sys.stdout if format_ is Format.TABLE else sys.stderr) if wait else 0
    if not wait or format_ is not Format.TABLE:
        show(format_, api.get(f"/deployments/{pk}"))
    return code


def _nothing(api: PortalClient, pk: int, format_: Format, more: dict[str, Any]) -> int:
    """Print that the stack does not change, or why there is no preview. Return the exit code."""
    found = api.get(f"/deployments/{pk}")
    if format_ is not Format.TABLE:
        show(format_, found | more)
    else:
        print_more(more)
    if found["state"] == "succeeded":
        if not more:
            err.print(_("Nothing to change."))
        return Exit.CHANGES if more else 0
    text = found["error"]["text"] if found.get("error") else found["canceled"] or name_of(found["state"])
    err.print(f"✕ {text}", markup=False)
    return Exit.FAILED
