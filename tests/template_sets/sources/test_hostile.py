"""Hostile repositories and servers are refused with a reason, within limits, and leave nothing behind."""

from __future__ import annotations

import gzip
import itertools
import resource
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.common.message_codes import Code
from deployments.template_sets.sources.spec import FetchLimits
from tests.git_server import GitServer
from tests.template_sets.sources import hostile
from tests.template_sets.sources.fetching import fetched, git, refusal, refused
from tests.template_sets.sources.hostile import (
    BLOB,
    COMMIT,
    OFS_DELTA,
    TREE,
    Hostile,
    hostile_server,
    object_id,
)

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
EMPTY = object_id(BLOB, b"")
MEMORY = FetchLimits().memory
SHA = "1" * 40
TREE_OF_BLOB = hostile.tree(("100644", b"root.yaml", EMPTY))


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Assert that fetches leave no file and stay within their memory limit."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    yield folder
    assert list(folder.iterdir()) == []
    # Until its exec, a child counts the memory of its parent.
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert largest <= max(before, own) or largest * 1024 < MEMORY


@pytest.fixture
def bad() -> Iterator[Hostile]:
    """A hostile server."""
    with hostile_server() as server:
        yield server


def written(server: GitServer, mode: str, path: str, body: bytes = b"root.yaml") -> str:
    """Return the URL of a repository with a file of any mode and name, even ones that Git would refuse."""
    repository = server.create("set")
    blob = repository.git("hash-object", "-w", "--stdin", stdin=body)
    inner = hostile.tree((mode, path.encode("utf-8", "surrogateescape"), blob))
    tree = repository.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=inner)
    commit = repository.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=hostile.commit(tree))
    repository.git("update-ref", "refs/heads/main", commit)
    return server.url("set")


@pytest.mark.parametrize(
    ("mode", "path", "code"),
    [
        ("120000", "root.yaml", Code.SOURCE_LINK),
        ("160000", "module", Code.SOURCE_SUBMODULE),
        ("100666", "root.yaml", Code.SOURCE_NOT_A_FILE),
        ("104755", "root.yaml", Code.SOURCE_NOT_A_FILE),
        ("010644", "root.yaml", Code.SOURCE_NOT_A_FILE),
        ("100644", "..", Code.SOURCE_NAME_NOT_ALLOWED),
        ("100644", ".", Code.SOURCE_NAME_NOT_ALLOWED),
        ("100644", "../../root.yaml", Code.SOURCE_NAME_NOT_ALLOWED),
        ("100644", "/etc/passwd", Code.SOURCE_NAME_NOT_ALLOWED),
        ("100644", ".git", Code.SOURCE_NAME_NOT_ALLOWED),
        ("100644", ".GIT", Code.SOURCE_NAME_NOT_ALLOWED),
        ("100644", "a\\b", Code.SOURCE_NAME_NOT_ALLOWED),
        ("100644", "a\nb", Code.SOURCE_NAME_NOT_ALLOWED),
        ("100644", "a\udcffb", Code.SOURCE_NAME_NOT_ALLOWED),
    ],
)
def test_only_regular_files_with_plain_names_are_accepted(
    server: GitServer, mode: str, path: str, code: Code
) -> None:
    error = refusal(git(written(server, mode, path)))

    assert error.message.code == code
    assert error.message.params["path"].isprintable()


def test_a_file_without_a_name_is_refused(bad: Hostile) -> None:
    tree = hostile.tree(("100644", b"", EMPTY))
    bad.serve((BLOB, b""), (TREE, tree), files=object_id(TREE, tree))

    assert refused(git(bad.url)) == Code.SOURCE_NAME_NOT_ALLOWED


def test_a_pointer_to_a_large_file_is_refused(server: GitServer) -> None:
    server.create("set").commit({"root.yaml": "Resources: {}", "playbook/big.bin": LFS})

    error = refusal(git(server.url("set")))

    assert error.message.code == Code.SOURCE_LFS_POINTER
    assert error.message.params["path"] == "playbook/big.bin"


def test_no_hook_and_no_configuration_of_a_local_repository_is_used(
    server: GitServer, tmp_path: Path
) -> None:
    repository = server.create("set")
    repository.commit({"root.yaml": "Resources: {}", ".gitattributes": "* filter=run"})
    mark = tmp_path / "mark"
    for name in ("post-checkout", "pre-upload-pack", "reference-transaction", "fsmonitor-watchman"):
        hook = repository.folder / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
        hook.chmod(0o755)
    run = f"touch {mark}"
    (repository.folder / "config").write_text(
        f'[core]\nrepositoryformatversion = 0\nbare = true\nfsmonitor = "{run}"\nsshCommand = "{run}"\n'
        f'[filter "run"]\nsmudge = "{run}"\n[uploadpack]\npackObjectsHook = "{run}"\n'
    )

    found = fetched(str(repository.folder), local_folders=(str(tmp_path),))

    assert set(found.versions[0].files) == {"root.yaml", ".gitattributes"}
    assert not mark.exists()


def test_a_hundred_thousand_files_are_refused(bad: Hostile) -> None:
    tree = hostile.tree(*(("100644", b"%06d" % number, EMPTY) for number in range(100_000)))
    bad.serve((BLOB, b""), (TREE, tree), files=object_id(TREE, tree))

    assert refused(git(bad.url)) == Code.SOURCE_TOO_MANY_FILES


def test_a_pack_of_more_than_a_hundred_thousand_objects_is_refused(bad: Hostile) -> None:
    body = hostile.pack(hostile.packed(BLOB, b""), count=100_001)
    bad.send({"refs/heads/main": SHA}, hostile.sent(SHA, body))

    assert refused(git(bad.url)) == Code.SOURCE_TOO_MANY_FILES


def test_folders_that_hold_each_other_many_times_are_refused(bad: Hostile) -> None:
    trees = [b""]
    for _ in range(10):
        inner = object_id(TREE, trees[-1])
        trees.append(hostile.tree(*(("40000", b"%d" % number, inner) for number in range(10))))
    bad.serve(*((TREE, tree) for tree in trees), files=object_id(TREE, trees[-1]))

    assert refused(git(bad.url)) == Code.SOURCE_TOO_MANY_FILES


def test_folders_in_folders_without_end_are_refused(bad: Hostile) -> None:
    trees = [hostile.tree(("100644", b"root.yaml", EMPTY))]
    for _ in range(3000):
        trees.append(hostile.tree(("40000", b"a", object_id(TREE, trees[-1]))))
    bad.serve((BLOB, b""), *((TREE, tree) for tree in trees), files=object_id(TREE, trees[-1]))

    assert refused(git(bad.url)) == Code.SOURCE_TOO_MANY_FILES


def test_ten_gigabytes_of_zeros_are_refused(bad: Hostile) -> None:
    size = 10_000_000_000
    bomb = hostile.header(BLOB, size) + hostile.zeros(size)
    bad.send({"refs/heads/main": SHA}, hostile.sent(SHA, hostile.pack(bomb)))
    began = time.monotonic()

    assert refused(git(bad.url)) == Code.SOURCE_OUT_OF_MEMORY
    assert time.monotonic() - began < 60


def test_many_large_objects_are_refused(bad: Hostile) -> None:
    bad.serve(
        *((BLOB, bytes(40_000_000 + number)) for number in range(6)), (TREE, b""), files=object_id(TREE, b"")
    )

    assert refused(git(bad.url)) == Code.SOURCE_UNPACKED_TOO_LARGE


def test_a_small_difference_that_makes_a_huge_object_is_refused(bad: Hostile) -> None:
    base = bytes(0x10000)
    copies = b"\x80" * 200_000  # each copies 64 KB from the start of the base: 13 GB
    delta = b"\x80\x80\x04" + b"\x80\x80\x80\x80\x32" + copies
    first = hostile.packed(BLOB, base)
    second = hostile.header(OFS_DELTA, len(delta)) + bytes([len(first)]) + zlib.compress(delta)
    bad.send({"refs/heads/main": SHA}, hostile.sent(SHA, hostile.pack(first, second)))

    assert refused(git(bad.url)) in (Code.SOURCE_OUT_OF_MEMORY, Code.SOURCE_INCOMPLETE)


def test_a_large_file_is_refused_where_it_belongs_to_the_set(server: GitServer) -> None:
    server.create("set").commit({"set/root.yaml": "a" * 1_000_001, "set/b": "b", "small/root.yaml": "a"})

    error = refusal(git(server.url("set"), path="set"))

    assert error.message.code == Code.SOURCE_FILE_TOO_LARGE
    assert error.message.params == {"path": "set/root.yaml", "limit": "1"}
    assert fetched(server.url("set"), path="small").versions


def test_a_source_that_never_ends_is_refused(bad: Hostile) -> None:
    head = hostile.sent(SHA, b"PACK")
    bad.send({"refs/heads/main": SHA}, b"")
    bad.answer = lambda: itertools.chain([head], itertools.repeat(bytes(100_000)))

    assert refused(git(bad.url)) == Code.SOURCE_TRANSFER_TOO_LARGE


def test_a_list_of_refs_that_is_too_long_is_refused(bad: Hostile) -> None:
    bad.send({f"refs/heads/{number}": SHA for number in range(20_001)}, b"")

    assert refused(git(bad.url)) == Code.SOURCE_TOO_MANY_REFS


def test_a_list_of_refs_that_never_ends_is_refused(bad: Hostile) -> None:
    start = hostile.listing({"refs/heads/main": SHA})[:-4]
    more = hostile.line(f"{SHA} refs/heads/other\n".encode()) * 1000
    bad.refs = lambda: itertools.chain([start], itertools.repeat(more))

    assert refused(git(bad.url)) == Code.SOURCE_TOO_MANY_REFS


def test_an_answer_that_unpacks_to_much_more_is_refused(bad: Hostile) -> None:
    body = gzip.compress(bytes(300_000_000), 1)
    bad.refs = lambda: [body]
    bad.headers = {"Content-Encoding": "gzip"}

    assert refused(git(bad.url)) in (Code.SOURCE_TOO_MANY_REFS, Code.SOURCE_FAILED)


@pytest.mark.parametrize("where", ["refs", "answer"])
def test_a_server_that_sends_a_byte_now_and_then_is_stopped(bad: Hostile, where: str) -> None:
    stop = threading.Event()

    def drops() -> Iterator[bytes]:
        while not stop.wait(0.2):
            yield b"a"

    bad.send({"refs/heads/main": SHA}, b"")
    setattr(bad, where, lambda: itertools.chain([b"fff0"], drops()))
    began = time.monotonic()
    error = refusal(git(bad.url, limits=FetchLimits(seconds=4)))
    stop.set()

    assert error.message.code == Code.SOURCE_TIMED_OUT
    assert error.message.params == {"seconds": "4"}
    assert time.monotonic() - began < 30


def test_another_host_is_not_followed_to_and_gets_no_token(bad: Hostile) -> None:
    with hostile_server() as other:
        other.send({"refs/heads/main": SHA}, b"")
        bad.redirect = f"{other.url}/info/refs?service=git-upload-pack"

        error = refusal(git(bad.url, credentials={"token": "s3cret"}))

        assert error.message.code == Code.SOURCE_REDIRECTED
        assert other.url in error.message.params["url"]
        assert other.received == []


def test_a_redirect_on_the_same_host_is_followed(bad: Hostile) -> None:
    bad.serve((BLOB, b""), (TREE, TREE_OF_BLOB), files=object_id(TREE, TREE_OF_BLOB))
    bad.redirect, bad.moved = f"{bad.url}/info/refs?service=git-upload-pack", "/old.git"

    assert fetched(bad.url.replace("set.git", "old.git")).versions[0].files == {"root.yaml": b""}


def test_endless_redirects_on_the_same_host_are_refused(bad: Hostile) -> None:
    bad.redirect = f"{bad.url}/info/refs?service=git-upload-pack"

    assert refused(git(bad.url)) in (Code.SOURCE_UNREACHABLE, Code.SOURCE_FAILED)
    assert len(bad.received) <= 4


def test_a_page_instead_of_a_repository_is_refused(bad: Hostile) -> None:
    bad.refs = lambda: [b"<html>"]
    bad.headers = {"Content-Type": "text/html"}

    assert refused(git(bad.url)) == Code.SOURCE_NOT_GIT


@pytest.mark.parametrize(
    "answer",
    [
        hostile.sent(SHA, hostile.pack()),
        hostile.sent(SHA, hostile.pack(hostile.packed(BLOB, b""))),
        hostile.sent(SHA, hostile.pack(hostile.packed(BLOB, b""), count=5)),
        hostile.sent(SHA, hostile.pack(hostile.packed(BLOB, b""))[:-1] + b"0"),
        hostile.sent(SHA, b"PACK"),
        hostile.sent(SHA, hostile.pack(hostile.header(BLOB, 5) + zlib.compress(b"123456"))),
        hostile.sent(SHA, hostile.pack(hostile.header(BLOB, 5) + b"no zlib")),
        hostile.sent(SHA, hostile.pack(hostile.header(OFS_DELTA, 5) + b"\x7f" + zlib.compress(b"12345"))),
    ],
)
def test_a_pack_without_what_was_announced_is_refused(bad: Hostile, answer: bytes) -> None:
    bad.send({"refs/heads/main": SHA}, answer)

    assert refused(git(bad.url)) == Code.SOURCE_INCOMPLETE


def test_objects_of_the_wrong_kind_are_refused(bad: Hostile) -> None:
    blob = hostile.commit(EMPTY)
    for objects in (
        [(BLOB, b""), (COMMIT, hostile.commit(EMPTY))],
        [(TREE, b"damaged"), (COMMIT, hostile.commit(object_id(TREE, b"damaged")))],
        [
            (TREE, hostile.tree(("100644", b"a", SHA))),
            (COMMIT, hostile.commit(object_id(TREE, TREE_OF_BLOB))),
        ],
        [(COMMIT, b"nothing")],
        [(BLOB, blob)],
    ):
        bad.serve(*objects)

        assert refused(git(bad.url)) == Code.SOURCE_INCOMPLETE


def test_a_tag_that_leads_elsewhere_than_listed_is_refused(server: GitServer, bad: Hostile) -> None:
    tree = b""
    real, listed = hostile.commit(object_id(TREE, tree)), hostile.commit(SHA)
    refs = {"refs/tags/v1": object_id(COMMIT, real), "refs/tags/v1^{}": object_id(COMMIT, listed)}
    body = hostile.pack(hostile.packed(TREE, tree), hostile.packed(COMMIT, real))
    bad.send(refs, hostile.sent(SHA, body))

    assert refused(git(bad.url, refs="v1")) == Code.SOURCE_INCOMPLETE


@pytest.mark.parametrize("noise", [b"", b"0004", b"zzzz", b"ffff", b"0000" * 10, b"0009ERR x", bytes(1000)])
def test_nonsense_instead_of_the_protocol_is_refused(bad: Hostile, noise: bytes) -> None:
    bad.refs = lambda: [noise]
    first = refusal(git(bad.url)).message.code
    bad.send({"refs/heads/main": SHA}, noise)
    second = refusal(git(bad.url)).message.code

    assert {first, second} <= {
        Code.SOURCE_FAILED,
        Code.SOURCE_UNREACHABLE,
        Code.SOURCE_INCOMPLETE,
        Code.SOURCE_REF_MISSING,
    }
