"""Change sets as a sandbox answered them for the template set of this repository, with that template set."""

from __future__ import annotations

import json
import lzma
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from deployments.aws.cloudformation import CloudFormationGateway
from deployments.changes.steps.predictions import changes_of
from deployments.cloudformation.changes import Changes, LinkKind
from deployments.cloudformation.nested_templates import TemplateSide
from deployments.stacks.shared import change_sets

FILE = Path(__file__).parent / "change_sets.json.xz"


@dataclass(frozen=True)
class Recorded:
    """One change: its change sets, the templates and values on both sides, and what the update touched."""

    changes: Changes
    before: TemplateSide
    after: TemplateSide
    touched: tuple[str, ...]

    @property
    def parameters(self) -> dict[str, LinkKind]:
        """Return the root parameters that change."""
        one, other = self.before.values, self.after.values
        return {name: LinkKind.PARAMETER for name in other if one.get(name) != other[name]}


@cache
def recorded(name: str) -> Recorded:
    """Return the recording with this name: the names are in record.py."""
    kept: dict[str, Any] = json.loads(lzma.decompress(FILE.read_bytes()))
    scene = kept["scenes"][name]
    gateway = CloudFormationGateway(_Client(scene["answers"]))  # type: ignore[arg-type]  # what it uses
    tree = change_sets.read(gateway.describe_change_set(scene["root"]), gateway)
    before, after = (
        TemplateSide(templates=kept["templates"][scene[side]["templates"]], root="root.yaml", values=values)
        for side in ("before", "after")
        for values in (scene[side]["values"],)
    )
    return Recorded(
        changes=changes_of(tree, "recorded"),
        before=before,
        after=after,
        touched=tuple(scene["touched"]),
    )


class _Client:
    """A client of boto3 that returns recorded pages."""

    def __init__(self, answers: dict[str, list[dict[str, Any]]]) -> None:
        self.answers = answers

    def get_paginator(self, _operation: str) -> _Client:
        return self

    def paginate(self, *, ChangeSetName: str, **_request: Any) -> list[dict[str, Any]]:
        return self.answers[ChangeSetName]
