"""Versions of a Git repository: refs that match, their commits, and the files of their trees.

Packs go into a bare store in the folder of the fetch. There is never a work tree, and nothing of the
repository is run or configures anything: no hooks, filters or helpers.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import BinaryIO, Protocol

from dulwich.object_store import BaseObjectStore, DiskObjectStore
from dulwich.objects import Blob, Commit, ObjectID, ShaFile, Tag, Tree, parse_tree
from dulwich.pack import PackStreamReader
from dulwich.repo import Repo

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.template_sets.rules import refs as source_refs
from deployments.template_sets.rules.paths import MAX_DEPTH, printable, refused
from deployments.template_sets.sources.archives import SourceEntry, collect, unpacked_too_large
from deployments.template_sets.sources.folders import allowed
from deployments.template_sets.sources.spec import Fetched, FetchedVersion, FetchLimits, FetchSpec

Refs = Mapping[str, bytes]
MAX_MESSAGE = 2000
MAX_TAGS_DEEP = 5
"""Tags may point to tags."""
REGULAR = (0o100644, 0o100755)
SUBMODULE = 0o160000


class Remote(Protocol):
    """A repository elsewhere. Both methods raise UserFixable, and FetchFailed if it does not respond."""

    def refs(self) -> Refs:
        """Return the object of each branch and tag, and of `name^{}` for what a tag finally points to."""
        ...

    def pack(self, objects: list[bytes], write: Callable[[bytes], int]) -> None:
        """Write a pack with objects and what they refer to, without the history of commits."""
        ...


def fetch_remote(remote: Remote, spec: FetchSpec, folder: Path) -> Fetched:
    """Return the refs and the new versions of a repository elsewhere. Raise UserFixable if it is refused."""
    listed = remote.refs()
    tips = {ref: sha for ref, sha in listed.items() if not ref.endswith("^{}")}
    chosen = _chosen(tips, spec)
    peeled = {ref: listed.get(f"{ref}^{{}}", sha).decode("ascii", "replace") for ref, sha in chosen.items()}
    new = set(source_refs.new_commits(peeled, spec.known_commits))
    if not new:
        return Fetched(refs=peeled)
    objects = list(dict.fromkeys(chosen[ref] for ref, commit in peeled.items() if commit in new))
    with closing(received(remote, objects, folder / "objects", spec.limits)) as store:
        if any(peel(store, chosen[ref]) != commit for ref, commit in peeled.items() if commit in new):
            raise incomplete("a tag points to another object than the server listed")
        return _fetched(store, peeled, spec)


def fetch_local(spec: FetchSpec, path: str) -> Fetched:
    """Return the refs and the new versions of a repository of this machine, which is only read."""
    place = allowed(path, spec.local_folders)
    try:
        repository = Repo(str(place))
    except Exception as exc:
        raise refused(Code.SOURCE_REPOSITORY_MISSING, url=path) from exc
    with repository:
        for folder in (repository.controldir(), *_stores(repository.object_store)):
            allowed(folder, spec.local_folders)
        listed = {
            ref.decode("utf-8", "replace"): bytes(sha)
            for ref, sha in repository.get_refs().items()
            if ref.startswith((b"refs/heads/", b"refs/tags/"))
        }
        chosen = _chosen(listed, spec)
        store = repository.object_store
        return _fetched(store, {ref: peel(store, sha) for ref, sha in chosen.items()}, spec)


def _stores(store: BaseObjectStore) -> Iterator[str]:
    """Yield the folders that a repository has its objects in; some may be those of other repositories."""
    if isinstance(store, DiskObjectStore):
        yield os.fspath(store.path)
        for other in store.alternates:
            yield from _stores(other)


def _chosen(refs: Refs, spec: FetchSpec) -> dict[str, bytes]:
    if len(refs) > spec.limits.refs:
        raise refused(Code.SOURCE_TOO_MANY_REFS, limit=spec.limits.refs)
    if missing := source_refs.without_match(refs, spec.refs):
        raise UserFixable("SourceRefused", Code.SOURCE_REF_MISSING, "refs", name=printable(missing[0]))
    named = {ref: sha.decode("ascii", "replace") for ref, sha in refs.items()}
    chosen = source_refs.wanted(named, spec.refs, spec.limits.versions)
    if not chosen:
        raise UserFixable("SourceRefused", Code.SOURCE_REFS_MISSING, "refs", refs=printable(spec.refs))
    return {ref: refs[ref] for ref in chosen}


def _fetched(store: BaseObjectStore, refs: Mapping[str, str], spec: FetchSpec) -> Fetched:
    versions: list[FetchedVersion] = []
    size = 0
    for commit in source_refs.new_commits(refs, spec.known_commits):
        version = _version(store, commit, spec)
        size += sum(map(len, version.files.values()))
        if versions and size > 2 * spec.limits.unpacked:
            break  # the next fetch goes on: these commits are known then
        versions.append(version)
    return Fetched(refs=refs, versions=tuple(versions))


def _version(store: BaseObjectStore, commit: str, spec: FetchSpec) -> FetchedVersion:
    found = read(store, commit.encode())
    if not isinstance(found, Commit):
        raise incomplete(f"{commit} is no commit")
    return FetchedVersion(
        commit=commit,
        author=_text(found.author)[:200],
        authored_at=_time(found.author_time, found.author_timezone),
        message=_text(found.message).strip()[:MAX_MESSAGE],
        files=collect(CommitTree(store, found.tree, spec.limits), spec.path, spec.limits),
    )


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace").replace("\0", "")


def _time(seconds: int, offset: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, timezone(timedelta(seconds=offset)))
    except (ValueError, OverflowError, OSError):
        try:
            return datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            return None


def read(store: BaseObjectStore, sha: bytes) -> ShaFile:
    """Return an object. Raise UserFixable if the store does not have it."""
    try:
        return store[ObjectID(sha)]
    except KeyError:
        raise incomplete(f"the object {sha.decode('ascii', 'replace')} is missing") from None


def peel(store: BaseObjectStore, sha: bytes) -> str:
    """Return the commit that an object is or, as a tag, points to. Raise UserFixable if there is none."""
    found = read(store, sha)
    for _ in range(MAX_TAGS_DEEP):
        if not isinstance(found, Tag):
            break
        found = read(store, found.object[1])
    if not isinstance(found, Commit):
        raise incomplete(f"{sha.decode('ascii', 'replace')} is no commit")
    return found.id.decode()


class CommitTree:
    """The files of the tree of a commit."""

    def __init__(self, store: BaseObjectStore, root: bytes, limits: FetchLimits) -> None:
        """Take the root tree of a commit."""
        self._store, self._root, self._limit = store, root, limits.files
        self._folders = 0

    def walk(self, path: str) -> Iterator[SourceEntry]:
        """Yield the files below a folder, or the file at the path."""
        mode, sha = stat.S_IFDIR, self._root
        for part in filter(None, path.split("/")):
            if not stat.S_ISDIR(mode):
                return
            inside = {name: (kind, inner) for name, kind, inner in self._items(sha)}
            if part.encode() not in inside:
                return
            mode, sha = inside[part.encode()]
        yield from self._entry(path, mode, sha)

    def _items(self, sha: bytes) -> Iterator[tuple[bytes, int, bytes]]:
        tree = read(self._store, sha)
        if not isinstance(tree, Tree):
            raise incomplete(f"{sha.decode('ascii', 'replace')} is no tree")
        try:
            yield from parse_tree(tree.as_raw_string(), len(sha) // 2)
        except Exception as exc:
            raise incomplete(f"the tree {sha.decode('ascii', 'replace')} is damaged") from exc

    def _entry(self, path: str, mode: int, sha: bytes) -> Iterator[SourceEntry]:
        if stat.S_ISDIR(mode):
            yield from self._folder(path, sha)
        elif stat.S_ISLNK(mode):
            raise refused(Code.SOURCE_LINK, path=path)
        elif mode == SUBMODULE:
            raise refused(Code.SOURCE_SUBMODULE, path=path)
        elif mode not in REGULAR:
            raise refused(Code.SOURCE_NOT_A_FILE, path=path)
        else:
            blob = read(self._store, sha)
            if not isinstance(blob, Blob):
                raise incomplete(f"{sha.decode('ascii', 'replace')} is no file")
            yield SourceEntry(path=path, size=blob.raw_length(), read=blob.as_raw_string)

    def _folder(self, path: str, sha: bytes) -> Iterator[SourceEntry]:
        self._folders += 1
        if path.count("/") >= MAX_DEPTH or self._folders > self._limit:
            raise refused(Code.SOURCE_TOO_MANY_FILES, limit=self._limit)
        for name, mode, inner in self._items(sha):
            try:
                text = name.decode()
            except UnicodeDecodeError:
                text = name.decode("utf-8", "replace")
                raise refused(Code.SOURCE_NAME_NOT_ALLOWED, path=f"{path}/{text}") from None
            if "/" in text:
                raise refused(Code.SOURCE_NAME_NOT_ALLOWED, path=text)
            yield from self._entry(f"{path}/{text}" if path else text, mode, inner)


def received(remote: Remote, objects: list[bytes], folder: Path, limits: FetchLimits) -> BaseObjectStore:
    """Return a bare store in a folder with objects of a remote repository.

    Raise UserFixable if the pack is damaged, or its objects are too many or too large together.
    """
    store = DiskObjectStore.init(str(folder))
    file, commit, _abort = store.add_pack()
    with file:
        remote.pack(objects, file.write)
        file.seek(0)
        try:
            _check_pack(file, limits)
            file.seek(0, os.SEEK_END)
            commit()
        except (UserFixable, MemoryError):
            raise
        except Exception as exc:  # a damaged pack raises many kinds of errors
            raise incomplete("the pack is damaged") from exc
    return store


def _check_pack(file: BinaryIO, limits: FetchLimits) -> None:
    """Unpack every object alone, up to the size that its header states, and add the sizes up."""
    size = 0
    reader = PackStreamReader(hashlib.sha1, file.read)
    for number, unpacked in enumerate(reader.read_objects()):
        if number == 0 and len(reader) > limits.objects:
            raise refused(Code.SOURCE_TOO_MANY_FILES, limit=limits.objects)
        size += unpacked.decomp_len or 0
        if size > 4 * limits.unpacked:
            raise unpacked_too_large(limits)


def incomplete(why: str) -> UserFixable:
    """Return the error about a server that sends something else than it announced."""
    return UserFixable("SourceRefused", Code.SOURCE_INCOMPLETE, why=why)
