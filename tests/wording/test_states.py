"""docs/states.md has every state of environments, deployments and stacks, and what can be done in each."""

from __future__ import annotations

import re

import pytest
from botocore.session import get_session
from django.conf import settings
from django.utils.functional import Promise

from deployments.cloudformation.operations import Operation, is_allowed
from deployments.cloudformation.status import display_status
from deployments.environments.display.badges import ENVIRONMENT, LABELS
from deployments.environments.models.deployments import STATES

DOCUMENT = (settings.BASE_DIR / "docs" / "states.md").read_text()
STACK_STATUSES = (
    get_session().get_service_model("cloudformation").shape_for("StackStatus").enum  # type: ignore[attr-defined]
)
NAMES = {
    Operation.CHANGE: "Change",
    Operation.RETRY: "Retry",
    Operation.CANCEL: "Cancel",
    Operation.ROLL_BACK: "Roll back",
    Operation.CONTINUE: "Continue",
    Operation.DELETE: "Delete",
    Operation.FORCE_DELETE: "Force deletion",
}


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the tables below a heading, without their first two lines."""
    section = DOCUMENT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    tables = re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)
    lines = [line for table in tables for line in table.splitlines()[2:]]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize(
    ("heading", "labels"),
    [
        (
            "Environments",
            [label for *_, label in ENVIRONMENT.values()],
        ),
        ("Deployments", [label for _, label in STATES]),
    ],
    ids=["environments", "deployments"],
)
def test_every_state_has_its_line(heading: str, labels: list[str | Promise]) -> None:
    found = rows(heading)

    assert [name for name, *_ in found] == [str(label) for label in labels]
    assert all(what_to_do for *_, what_to_do in found)


def test_the_table_of_stacks_is_what_the_code_does() -> None:
    expected = {
        status: (
            str(LABELS[display_status(status)]),
            ", ".join(name for operation, name in NAMES.items() if is_allowed(status, operation)) or "none",
        )
        for status in STACK_STATUSES
    }

    assert {status.strip("`"): (shown, accepted) for status, shown, accepted, _ in rows("Stacks")} == expected
