"""Differences between two versions of a template set, and the lines of each that are shown."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic

from hypothesis import given
from hypothesis import strategies as st

from deployments.cloudformation.parameters import Parameter
from deployments.template_sets.rules.local_diff import FileChange
from deployments.template_sets.rules.version_diff import (
    MAX_COMPARED,
    MAX_LINES,
    MAX_TOTAL,
    ArtifactDiff,
    Aspect,
    AspectDifference,
    FileDiff,
    LineKind,
    NotShown,
    ParameterDiff,
    SetContent,
    differing_files,
    set_diff,
)

texts = st.lists(st.sampled_from(["a", "b", "c", "", "Type: x"]), max_size=40).map("\n".join)
files = st.dictionaries(st.sampled_from(["root.yaml", "a.yaml", "b.json"]), texts.map(str.encode))


def one_file(before: bytes | None, after: bytes | None) -> FileDiff:
    """Return the diff of a file."""
    sides = [{} if body is None else {"root.yaml": body} for body in (before, after)]
    return set_diff(SetContent(files=sides[0]), SetContent(files=sides[1])).files[0]


def of_parameter(before: Parameter | None, after: Parameter | None) -> tuple[ParameterDiff, ...]:
    """Return the diff of a parameter."""
    sides = [{} if one is None else {one.name: one} for one in (before, after)]
    return set_diff(SetContent(parameters=sides[0]), SetContent(parameters=sides[1])).parameters


@given(texts, texts)
def test_the_shown_lines_lead_from_one_text_to_the_other(before: str, after: str) -> None:
    if before.removesuffix("\n") == after.removesuffix("\n"):
        return
    found = one_file(before.encode(), after.encode())
    old = before.removesuffix("\n").split("\n") if before else []
    new = after.removesuffix("\n").split("\n") if after else []
    removed = {line.old: line.text for line in found.lines if line.kind is LineKind.REMOVED}
    added = {line.new: line.text for line in found.lines if line.kind is LineKind.ADDED}

    assert all(old[number - 1] == text for number, text in removed.items() if number)
    assert all(new[number - 1] == text for number, text in added.items() if number)
    rest = [text for number, text in enumerate(old, 1) if number not in removed]
    assert rest == [text for number, text in enumerate(new, 1) if number not in added]
    for line in found.lines:
        if line.kind is LineKind.SAME and line.old and line.new:
            assert old[line.old - 1] == new[line.new - 1] == line.text
    assert (found.added, found.removed) == (len(added), len(removed))


@given(files, files)
def test_exactly_the_files_that_differ_are_listed(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    found = set_diff(SetContent(files=before), SetContent(files=after))

    differing = {name for name in before | after if before.get(name) != after.get(name)}
    assert {one.name for one in found.files} == differing
    assert found.is_empty == (not differing)
    assert set_diff(SetContent(files=before), SetContent(files=before)).is_empty


def test_unchanged_lines_far_from_a_change_are_left_out_with_a_gap() -> None:
    before = "\n".join(str(number) for number in range(100))
    found = one_file(before.encode(), before.replace("50", "fifty").encode())

    assert found.lines[0].kind == LineKind.GAP
    assert [line.text for line in found.lines if line.kind is LineKind.SAME] == [
        *("47", "48", "49"),
        *("51", "52", "53"),
    ]
    assert found.lines[-1].kind == LineKind.GAP


def test_a_binary_file_is_named_without_lines() -> None:
    for body in (b"\0\1\2", b"\xff\xfe"):
        found = one_file(b"text", body)

        assert (found.not_shown, found.lines) == (NotShown.BINARY, ())


def test_files_that_take_long_to_compare_are_named_without_lines() -> None:
    before = "\n".join(str(number) for number in range(MAX_COMPARED + 1))
    began = monotonic()
    found = one_file(before.encode(), before[::-1].encode())

    assert (found.not_shown, found.lines) == (NotShown.TOO_LARGE, ())
    assert monotonic() - began < 5


def test_a_small_change_of_a_large_file_is_shown() -> None:
    before = "\n".join(str(number) for number in range(20 * MAX_COMPARED))
    found = one_file(before.encode(), before.replace("\n77\n", "\nnew\n").encode())

    assert (found.added, found.removed, found.not_shown) == (1, 1, None)


def test_a_long_diff_is_cut_and_still_counted() -> None:
    found = one_file(None, b"line\n" * 1_000)

    assert (found.change, found.added, found.not_shown) == (FileChange.ADDED, 1_000, NotShown.CUT)
    assert len(found.lines) == MAX_LINES


def test_the_lines_of_all_files_together_are_limited() -> None:
    many = {f"{number}.yaml": b"line\n" * 300 for number in range(20)}
    found = set_diff(SetContent(), SetContent(files=many))

    assert len(found.files) == 20
    assert sum(len(one.lines) for one in found.files) == MAX_TOTAL
    assert all(one.added == 300 for one in found.files)


def test_the_time_that_all_files_together_take_is_limited() -> None:
    lines = [str(number % 98) for number in range(MAX_COMPARED - 1)]
    sides = [
        SetContent(files={f"{number:02}.yaml": "\n".join(body).encode() for number in range(20)})
        for body in (lines, sorted(lines))
    ]
    began = monotonic()
    found = set_diff(*sides).files

    assert [one.not_shown for one in found] == [NotShown.CUT] * 10 + [NotShown.TOO_LARGE] * 10
    assert monotonic() - began < 30


def test_an_artifact_names_the_files_in_it_that_differ() -> None:
    before = SetContent(artifacts={"playbook.zip": {"site.yml": b"a", "same": b"x"}, "old.zip": {"x": b"1"}})
    after = SetContent(artifacts={"playbook.zip": {"site.yml": b"b", "same": b"x", "app/views.py": b""}})
    old, playbook = set_diff(before, after).artifacts

    assert (old.key, old.change) == ("old.zip", FileChange.REMOVED)
    assert [(one.name, one.change) for one in playbook.files] == [
        ("app/views.py", FileChange.ADDED),
        ("site.yml", FileChange.CHANGED),
    ]


def test_packages_that_an_artifact_gains_and_loses_are_named() -> None:
    before = SetContent(artifacts={"f.zip": {}}, packages={"f.zip": ("pymysql", "same")})
    after = SetContent(artifacts={"f.zip": {}}, packages={"f.zip": ("same", "urllib3")})

    assert set_diff(before, after).artifacts == (
        ArtifactDiff(
            key="f.zip",
            change=FileChange.CHANGED,
            packages_added=("urllib3",),
            packages_removed=("pymysql",),
        ),
    )


def test_added_and_removed_parameters_have_their_default() -> None:
    given_default = Parameter(name="Count", default="2")
    assert of_parameter(None, given_default) == (
        ParameterDiff(name="Count", change=FileChange.ADDED, default="2"),
    )
    assert of_parameter(given_default, None) == (
        ParameterDiff(name="Count", change=FileChange.REMOVED, default="2"),
    )


def test_an_added_parameter_without_default_needs_a_value() -> None:
    assert of_parameter(None, Parameter(name="Key"))[0].needs_value
    assert not of_parameter(Parameter(name="Key"), None)[0].needs_value


def test_each_aspect_of_a_parameter_is_compared() -> None:
    before = Parameter(name="P", default="a", max_length=10, allowed_values=("a", "b"))
    after = replace(
        before, default="b", choose_once=True, max_length=1234567, allowed_values=(), allowed_pattern="[ab]"
    )

    assert of_parameter(before, after)[0].differences == (
        AspectDifference(aspect=Aspect.DEFAULT, before="a", after="b"),
        AspectDifference(aspect=Aspect.ALLOWED_VALUES, before="a, b", after=None),
        AspectDifference(aspect=Aspect.PATTERN, before=None, after="[ab]"),
        AspectDifference(aspect=Aspect.LENGTH, before="–10", after="–1234567"),
        AspectDifference(aspect=Aspect.CHOOSE_ONCE, before=None, after="true"),
    )


def test_the_text_of_a_description_alone_is_no_difference() -> None:
    before = Parameter(name="P", default="a")

    assert of_parameter(before, replace(before, description="new", label="new", is_main=False)) == ()


def test_defaults_of_secrets_are_not_shown() -> None:
    before = Parameter(name="P", default="hunter2", no_echo=True)
    found = of_parameter(before, replace(before, default="hunter3"))
    assert "hunter" not in repr(found)
    assert found[0].differences[0].aspect == Aspect.DEFAULT
    assert "hunter" not in repr(of_parameter(None, before))


@given(files, files, files, files)
def test_the_files_that_differ_are_those_whose_lines_are_compared(
    before: dict[str, bytes], after: dict[str, bytes], zipped: dict[str, bytes], later: dict[str, bytes]
) -> None:
    old = SetContent(files=before, artifacts={"playbook.zip": zipped})
    new = SetContent(files=after, artifacts={"playbook.zip": later, "functions.zip": zipped})

    diff = set_diff(old, new)

    names = [one.name for one in diff.files]
    names += [file.name for artifact in diff.artifacts for file in artifact.files]
    assert differing_files(old, new) == tuple(names)
    assert diff.file_count == len(names)
