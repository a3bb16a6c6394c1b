"""A file that declares an environment, as `sanso deploy -f` reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from sanso_cli.output import fail
from sanso_cli.texts import _

ON_FAILURE = (ROLL_BACK, KEEP) = ("roll_back", "keep")
KNOWN = frozenset(
    ("name", "account", "parameters", "version", "reason", "labels", "on_failure", "requires_approval")
)


def declared(path: Path) -> dict[str, Any]:
    """Return what a file declares, parameters and labels as texts. End the command if it is not valid."""
    try:
        found = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as exc:
        fail(_("%(path)s cannot be read: %(reason)s") % {"path": path, "reason": exc})
    if (
        not isinstance(found, dict)
        or not found.get("name")
        or not all(isinstance(found.get(one, {}), dict) for one in ("parameters", "labels"))
    ):
        fail(_("%(path)s must declare name, account, and parameters and labels by name.") % {"path": path})
    if unknown := set(found) - KNOWN:
        values = {
            "path": path,
            "unknown": ", ".join(sorted(map(str, unknown))),
            "known": ", ".join(sorted(KNOWN)),
        }
        fail(_("%(path)s: %(unknown)s is unknown; known: %(known)s.") % values)
    if found.get("on_failure", ROLL_BACK) not in ON_FAILURE:
        fail(_("%(path)s: on_failure is one of %(known)s.") % {"path": path, "known": ", ".join(ON_FAILURE)})
    if not isinstance(found.get("requires_approval", False), bool):
        fail(_("%(path)s: requires_approval is true or false.") % {"path": path})
    parameters = {str(name): _parameter(value) for name, value in found.get("parameters", {}).items()}
    if "labels" in found:
        found["labels"] = {str(key): _parameter(value) for key, value in found["labels"].items()}
    return {"account": "", "version": "", "reason": ""} | found | {"parameters": parameters}


def _parameter(value: Any) -> str:
    """Return a value as CloudFormation takes it: true and false in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)
