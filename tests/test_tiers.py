"""The sample of `make test`: the same for a commit, another one for the next, and everything on request."""

from __future__ import annotations

import re

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import tiers
from tests.services import REPOSITORY

NAMES = [f"tests/booted/test_{number}.py" for number in range(6)]


@given(seed=st.text(max_size=5), number=st.integers(0, 8))
def test_a_sample_depends_on_the_seed_alone(seed: str, number: int) -> None:
    first = tiers.chosen(NAMES, number, seed)

    assert tiers.chosen(reversed(NAMES), number, seed) == first
    assert len(first) == min(number, len(NAMES))


def test_every_name_is_in_some_sample() -> None:
    samples = [tiers.chosen(NAMES, 2, f"tree {number}") for number in range(100)]

    assert set().union(*samples) == set(NAMES)


def test_the_tree_is_that_of_the_commit() -> None:
    assert len(tiers.tree()) == 40
    assert tiers.seed() == int(tiers.tree()[:8], 16)


def examples(seed: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the input that hypothesis generates in a run with a seed."""
    monkeypatch.setattr(hypothesis.core, "global_force_seed", seed)
    found: list[int] = []

    @given(number=st.integers())
    def collect(number: int) -> None:
        found.append(number)

    collect()
    return found


def test_generated_input_depends_on_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    first = examples(1, monkeypatch)

    assert examples(1, monkeypatch) == first
    assert examples(2, monkeypatch) != first


def test_every_group_has_tests_and_every_mark_a_group() -> None:
    folders = (REPOSITORY / "tests", REPOSITORY / "portal/sandbox/sandbox_tests")
    texts = "".join(path.read_text() for folder in folders for path in folder.rglob("*.py"))

    assert set(re.findall(r'mark\.sampled\("([^"{]+)"', texts)) == set(tiers.KEPT)
