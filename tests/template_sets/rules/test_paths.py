"""The file paths that are accepted from outside sources."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.template_sets.rules.paths import Paths, beside, check, printable


@pytest.mark.parametrize("path", ["a", "a/b.yaml", ".gitignore", "日本語.yaml", "a b", "-a", "é.yaml"])
def test_an_ordinary_path_is_accepted(path: str) -> None:
    Paths().add(path)


@pytest.mark.parametrize(
    "path",
    [
        "", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", ".git", "a/.GIT/b", ".git.", "git~1", "a\\b",
        "a\0", "a\nb", "a\u202eb", "a\u200d", "e\u0301", "\ud800", "a" * 256, "/".join("a" * 21), "あ" * 86,
    ],
)  # fmt: skip
def test_a_path_that_could_be_another_one_is_refused(path: str) -> None:
    with pytest.raises(UserFixable) as refused:
        check(path)

    assert refused.value.message.code == Code.SOURCE_NAME_NOT_ALLOWED
    assert refused.value.message.params["path"].isprintable()


@pytest.mark.parametrize(
    ("first", "second"), [("a", "A"), ("a/b", "A/c"), ("a", "a/b"), ("a/b", "a"), ("a", "a"), ("ß", "SS")]
)
def test_paths_that_are_one_on_some_systems_collide(first: str, second: str) -> None:
    paths = Paths()
    paths.add(first)

    with pytest.raises(UserFixable) as refused:
        paths.add(second)

    assert refused.value.message.code == Code.SOURCE_NAMES_COLLIDE


@given(st.text(max_size=30))
def test_an_accepted_path_stays_below_any_folder(path: str) -> None:
    try:
        check(path)
    except UserFixable:
        return
    assert posixpath.normpath(f"/folder/{path}") == f"/folder/{path}"


@given(st.text("ab./", max_size=12), st.text("ab./", max_size=12))
def test_references_of_a_file_are_in_the_source_or_refused(folder: str, reference: str) -> None:
    try:
        path = beside(folder, reference)
    except UserFixable:
        return
    assert not path.startswith("/")
    assert ".." not in path.split("/")


@given(st.text())
def test_any_name_can_be_shown(name: str) -> None:
    shown = printable(name)

    assert len(shown) <= 201
    assert "\n" not in shown
    shown.encode()
