"""`make size` counts statements, whatever the layout of the text."""

from __future__ import annotations

import pytest

from tests import size


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 0),
        ('"""A docstring."""\n\nimport os\n', 1),
        ('def f(a,\n      b):\n    """Say what."""\n    return (a +\n            b)\n', 2),
        ("if a: b = 1; c = 2\nelse:\n    pass\n", 4),
    ],
)
def test_statements_are_counted_at_any_depth_without_docstrings(text: str, number: int) -> None:
    assert size.statements(text) == number


def test_packages_are_listed_with_their_tests_and_sum_up(capsys: pytest.CaptureFixture[str]) -> None:
    size.main()

    _, *rows, total = [line.split() for line in capsys.readouterr().out.replace(",", "").splitlines()]
    counted = {row[0]: [int(number) for number in row[1:]] for row in rows}
    modules, code, tests = map(int, total)
    assert counted["deployments/changes"][1] > 1000
    assert "deployments/migrations" not in counted
    assert "portal/sandbox" not in counted
    whole = [row for row in counted.values() if len(row) == 3]
    assert (modules, code) == (sum(row[0] for row in whole), sum(row[1] for row in whole))
    assert tests == sum(row[-1] for row in counted.values())
