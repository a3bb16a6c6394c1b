"""The options and arguments that several commands have."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sanso_cli import completion, declaration
from sanso_cli.output import Format
from sanso_cli.texts import _


class FailureChoice(StrEnum):
    """What happens when something fails."""

    ROLL_BACK = declaration.ROLL_BACK
    KEEP = declaration.KEEP


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
Search = Annotated[
    str,
    typer.Option("--search", help=_("Only those found by name, user, version or key=value.")),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help=_("Apply without asking."))]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help=_("Follow the deployment to its end."))]
File = Annotated[Path | None, typer.Option("--file", "-f", help=_("A file that declares an environment."))]
Plan = Annotated[
    bool, typer.Option("--plan", help=_("Print the preview only; exit code 2 if there are changes."))
]
TIMES = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M%z", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M%z"]
At = Annotated[
    datetime | None,
    typer.Option(
        "--at",
        formats=TIMES,
        help=_("When the creation begins; without an offset, in the time zone of this machine."),
    ),
]
RestoreTo = Annotated[
    datetime | None,
    typer.Option(
        "--restore-to",
        formats=[*TIMES, *(one.replace("%M", "%M:%S") for one in TIMES)],
        help=_("Instead of a snapshot: the time whose data it gets; without an offset, as for --at."),
    ),
]
Labels = Annotated[list[str], typer.Option("--label", "-l", help=_("A label, as key=value."))]
OfLabel = Annotated[str, typer.Option("--label", "-l", help=_("Only those with this label, as key=value."))]
OfAccount = Annotated[
    str,
    typer.Option("--account", help=_("Only those in this account."), autocompletion=completion.accounts),
]
OnFailure = Annotated[
    FailureChoice | None,
    typer.Option("--on-failure", help=_("What happens to what was created, if something fails.")),
]
RequireApproval = Annotated[
    bool | None,
    typer.Option(
        "--require-approval/--no-require-approval",
        help=_("A second person approves its changes and its deletion."),
    ),
]
AMBIGUOUS = _("This time does not exist or occurs twice, since the clocks change. Give it with an offset.")


def is_ambiguous(at: datetime) -> bool:
    """Return whether a time without an offset does not exist or occurs twice on this machine (PEP 495)."""
    first, second = at.replace(fold=0), at.replace(fold=1)
    return at.tzinfo is None and first.astimezone().utcoffset() != second.astimezone().utcoffset()
