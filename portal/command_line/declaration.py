"""A file that declares an environment, as `sanso deploy -f` reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from portal.command_line.output import fail
from portal.command_line.texts import _


def declared(path: Path) -> dict[str, Any]:
    """Return what a file declares: name, account, parameters, version. End the command if it is not valid."""
    try:
        found = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as exc:
        fail(_("%(path)s cannot be read: %(reason)s") % {"path": path, "reason": exc})
    known = {"name", "account", "parameters", "version", "reason"}
    if (
        not isinstance(found, dict)
        or not found.get("name")
        or not isinstance(found.get("parameters", {}), dict)
    ):
        fail(_("%(path)s must declare name, account, and parameters by name.") % {"path": path})
    if unknown := set(found) - known:
        values = {
            "path": path,
            "unknown": ", ".join(sorted(map(str, unknown))),
            "known": ", ".join(sorted(known)),
        }
        fail(_("%(path)s: %(unknown)s is unknown; known: %(known)s.") % values)
    parameters = {str(name): _parameter(value) for name, value in found.get("parameters", {}).items()}
    return {"account": "", "version": "", "reason": ""} | found | {"parameters": parameters}


def _parameter(value: Any) -> str:
    """Return a value as CloudFormation takes it: true and false in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)
