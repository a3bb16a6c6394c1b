"""Class names are unique within a program, except for two views of the same thing."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.services import REPOSITORY

SANDBOX = ("portal/sandbox/sanso_sandbox/", "portal/sandbox_console/")
TESTS = "portal/sandbox/sandbox_tests/"
OF_DJANGO = frozenset({"Command", "Config", "Media", "Meta", "Migration"})
SAME_IN_THE_PORTAL = {
    "AccountRef": "the API's document names its schema so",
    "Association": "what Systems Manager returned, and its row",
    "LoadBalancer": "what Elastic Load Balancing returned, and its row",
    "ScalingActivity": "what Auto Scaling returned, and its row",
}
SAME_IN_THE_SANDBOX = {
    "ApiFault": "the fault, and the console's request for it",
    "AssociationFault": "the fault, and the console's request for it",
    "Cluster": "what a session needs of a cluster, and the console's view of it",
    "Machine": "a machine, and the console's view of it",
    "Member": "an instance of a cluster, and the console's view of it",
    "Refused": "refusals of CloudFormation, of MiniStack and of a service, each caught where it is raised",
}
# The sandbox is a separate program that behaves like AWS, so both it and the portal have an Association.
PROGRAMS = {
    "portal": ("deployments", "portal"),
    "sandbox": SANDBOX,
    "datelog": ("datelog",),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_two_classes_of_a_program_have_one_name(program: str) -> None:
    same = {"portal": SAME_IN_THE_PORTAL, "sandbox": SAME_IN_THE_SANDBOX}.get(program, {})
    found = {name: places for name, places in classes(files(program)).items() if len(places) > 1}

    assert {name: places for name, places in found.items() if name not in same} == {}
    assert sorted(same) == sorted(found), "an exception that is not needed"


def files(program: str) -> list[Path]:
    """Return the modules of a program."""
    return [
        path
        for folder in PROGRAMS[program]
        for path in sorted((REPOSITORY / folder).rglob("*.py"))
        if program == "sandbox" or not path.relative_to(REPOSITORY).as_posix().startswith((*SANDBOX, TESTS))
    ]


def classes(paths: Iterable[Path]) -> dict[str, list[str]]:
    """Return the locations of the classes in modules, by class name."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name not in OF_DJANGO:
                found[node.name].append(f"{path.relative_to(REPOSITORY)}:{node.lineno}")
    return found
