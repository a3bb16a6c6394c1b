"""Any bytes are an archive or a pack whose files can be read, or are rejected with a reason."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.template_sets.rules.paths import check
from deployments.template_sets.sources.archives import Archive, collect
from deployments.template_sets.sources.git import CommitTree, Refs, received
from deployments.template_sets.sources.spec import FetchLimits
from tests.fuzz.profile import fuzzed
from tests.template_sets.sources import hostile
from tests.template_sets.sources.hostile import BLOB, TREE, object_id
from tests.template_sets.sources.test_archives import FILES, tarred, zipped

LIMITS = FetchLimits(unpacked=1_000_000, files=50)
ARCHIVES = [zipped(FILES), tarred(FILES), tarred(FILES, mode="w")]
BODY = b"Resources: {}"
EDITS = st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=4)), max_size=4)


def edited(body: bytes, edits: list[tuple[int, bytes]]) -> bytes:
    """Return the bytes with some of them replaced, and some added or removed."""
    for at, piece in edits:
        start = at % (len(body) + 1)
        body = body[:start] + piece + body[start + at % 5 :]
    return body


def assert_read_or_refused(reading: Callable[[], dict[str, bytes]]) -> None:
    try:
        found = reading()
    except UserFixable as refused:
        assert_error_has_text(refused)
        return
    assert sum(map(len, found.values())) <= LIMITS.unpacked
    for path in found:
        check(path)


@fuzzed(300)
@given(st.sampled_from([*ARCHIVES, b""]), EDITS)
def test_any_bytes_are_an_archive_or_refused(body: bytes, edits: list[tuple[int, bytes]]) -> None:
    assert_read_or_refused(lambda: collect(Archive(io.BytesIO(edited(body, edits)), LIMITS), "", LIMITS))


MODES = st.sampled_from(["100644", "100755", "40000", "120000", "160000", "0", "9"])
NAMES = st.binary(max_size=6).filter(lambda name: b"\0" not in name)


@fuzzed(200)
@given(st.lists(st.tuples(MODES, NAMES), max_size=5), EDITS, EDITS)
def test_any_bytes_are_a_pack_or_refused(
    entries: list[tuple[str, bytes]], tree_edits: list[tuple[int, bytes]], edits: list[tuple[int, bytes]]
) -> None:
    tree = hostile.tree(("100644", b"root.yaml", object_id(BLOB, BODY)))
    tree += hostile.tree(*((mode, name, object_id(BLOB, BODY)) for mode, name in entries))
    tree = edited(tree, tree_edits)
    body = hostile.pack(hostile.packed(BLOB, BODY), hostile.packed(TREE, tree))
    remote = Sends(edited(body, edits))

    def reading() -> dict[str, bytes]:
        with (
            tempfile.TemporaryDirectory() as folder,
            closing(received(remote, [], Path(folder), LIMITS)) as store,
        ):
            return collect(CommitTree(store, object_id(TREE, tree).encode(), LIMITS), "", LIMITS)

    assert_read_or_refused(reading)


def assert_error_has_text(refused: UserFixable) -> None:
    assert error_text(refused).encode()
    assert "%(" not in error_text(refused)


class Sends:
    """A remote repository that sends bytes."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def refs(self) -> Refs:
        return {}

    def pack(self, objects: list[bytes], write: Callable[[bytes], int]) -> None:
        write(self.body)
