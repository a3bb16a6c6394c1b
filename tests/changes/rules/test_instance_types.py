"""What instance types have: figures of AWS's pages, and that the template accepts every offered one."""

from __future__ import annotations

import pytest

from deployments.changes.rules.instance_types import known_sizes
from deployments.cloudformation.parameters import problem
from deployments.template_sets.template_files import template_set
from tests.services import REPOSITORY


@pytest.mark.parametrize(
    ("name", "vcpus", "gib"),
    [
        ("t4g.micro", 2, 1),
        ("m7g.large", 2, 8),
        ("c8g.xlarge", 4, 8),
        ("db.r7g.large", 2, 16),
        ("db.t4g.medium", 2, 4),
    ],
)
def test_figures_are_those_of_aws(name: str, vcpus: int, gib: float) -> None:
    assert [(one.vcpus, one.gib) for one in known_sizes() if one.name == name] == [(vcpus, gib)]


def test_every_offered_type_is_accepted_by_the_template() -> None:
    parameters = template_set.load(REPOSITORY / "infra_templates").parameters
    for one in known_sizes():
        name = "DatabaseInstanceClass" if one.name.startswith("db.") else "WebInstanceType"
        assert problem(parameters[name], one.name) is None, one.name
