"""The branches and tags that patterns match, and the order of versions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.template_sets.rules.refs import (
    is_tag,
    matches,
    new_commits,
    newest_first,
    short_name,
    wanted,
    without_match,
)

WORDS = st.text(st.sampled_from("abv0129.-"), min_size=1, max_size=8)
NAMES = st.lists(WORDS, min_size=1, max_size=3).map("/".join)
REFS = st.builds("{}{}".format, st.sampled_from(["refs/heads/", "refs/tags/"]), NAMES)
COMMITS = st.sampled_from("abcd")
ALL_REFS = st.dictionaries(REFS, COMMITS, max_size=12)


@pytest.mark.parametrize(
    ("ref", "patterns", "expected"),
    [
        ("refs/heads/main", "main", True),
        ("refs/tags/main", "main", True),
        ("refs/tags/main", "refs/heads/main", False),
        ("refs/heads/main", "mai", False),
        ("refs/tags/v1.2", "main v*", True),
        ("refs/tags/v1.2", "v1.?", True),
        ("refs/tags/v1.12", "v1.?", False),
        ("refs/heads/feature/a", "*", False),
        ("refs/heads/feature/a", "feature/*", True),
        ("refs/heads/v1", "refs/tags/v*", False),
        ("refs/tags/[a]", "[a]", True),
        ("refs/tags/a", "[a]", False),
        ("refs/tags/v1", "", False),
    ],
)
def test_a_pattern_names_branches_and_tags(ref: str, patterns: str, expected: bool) -> None:
    assert matches(ref, patterns) is expected


@given(REFS, REFS)
def test_a_full_name_matches_itself_and_nothing_else(ref: str, other: str) -> None:
    assert matches(ref, ref)
    assert matches(other, ref) is (other == ref)
    assert matches(ref, f"none {short_name(ref)}")


@given(ALL_REFS, st.lists(NAMES, max_size=3))
def test_a_name_without_a_ref_is_reported_and_a_pattern_is_not(
    refs: dict[str, str], names: list[str]
) -> None:
    missing = without_match(refs, " ".join([*names, "zz*"]))

    assert set(missing) == {name for name in names if not any(matches(ref, name) for ref in refs)}


@pytest.mark.parametrize(
    "names",
    [
        ["v1.10", "v1.9", "v1.9-rc2", "v1.9-rc1", "v1.9.beta1", "v1"],
        ["release-2026-11-02", "release-2026-11-01", "release-2025"],
        ["v2", "1.5", "main"],
        ["v" + "9" * 30, "v" + "9" * 29, "v1"],
    ],
)
def test_the_newest_version_comes_first(names: list[str]) -> None:
    refs = [f"refs/tags/{name}" for name in names]

    assert newest_first(reversed(refs)) == newest_first(refs) == refs


@given(st.permutations(["v1", "v1.0", "1", "a", "v2-rc1", "v2", "x/3", "³"]))
def test_the_order_does_not_depend_on_the_order_before(names: list[str]) -> None:
    assert newest_first(names) == newest_first(sorted(names))


@given(ALL_REFS, st.integers(0, 8))
def test_no_more_than_the_limit_is_wanted_and_branches_come_first(refs: dict[str, str], limit: int) -> None:
    chosen = wanted(refs, "* */* */*/*", limit)

    assert len(chosen) == min(limit, len(refs))
    assert chosen.items() <= refs.items()
    left = refs.keys() - chosen.keys()
    assert not (any(is_tag(ref) for ref in chosen) and any(not is_tag(ref) for ref in left))


@given(ALL_REFS, st.sets(COMMITS))
def test_each_commit_is_new_once(refs: dict[str, str], known: set[str]) -> None:
    new = new_commits(refs, known)

    assert set(new) == set(refs.values()) - known
    assert len(new) == len(set(new))
