"""What is fetched and what comes back, and how both pass between the portal and the process that fetches."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from deployments.common.errors import FetchFailed, UserFixable
from deployments.common.message_codes import Code

MB = 1_000_000
ARCHIVE = "archive"
"""The file in the folder of a fetch that is an uploaded archive."""
Kind = Literal["git", "archive", "folder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """What a fetch may use: bytes, numbers and seconds.

    `file` is for what is not a template. `ratio` is how many times larger than itself an archive may unpack.
    """

    transfer: int = 50 * MB
    files: int = 2000
    template: int = MB
    file: int = 10 * MB
    unpacked: int = 50 * MB
    ratio: int = 100
    versions: int = 20
    refs: int = 20_000
    objects: int = 100_000
    seconds: float = 60
    memory: int = 768 * MB


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchSpec:
    """A source and what is wanted of it.

    `url` is that of a repository, or the path of a local one or of a folder; `archive` has the bytes of an
    uploaded archive. `path` is the folder of the set in the source. `refs` are names and patterns separated
    by spaces; commits in `known_commits` are not fetched again.
    `credentials` has `username` and `token`, or `ssh_key`. `host_key` has pinned keys, one a line.
    `addresses` are networks that are allowed although they are not public, and over http. `local_folders` are
    those in which local repositories and folders may be.
    """

    kind: Kind
    url: str = ""
    archive: bytes = b""
    path: str = ""
    refs: str = ""
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    host_key: str = ""
    known_commits: frozenset[str] = frozenset()
    addresses: tuple[str, ...] = ()
    local_folders: tuple[str, ...] = ()
    limits: FetchLimits = field(default_factory=FetchLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedVersion:
    """The files of one commit by their paths in the source; no commit, author or time for other sources.

    `problem` is why they are not a valid template set.
    """

    commit: str = ""
    author: str = ""
    authored_at: datetime | None = None
    message: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    problem: UserFixable | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """The commit of each branch and tag that the patterns name, and the versions that were not known."""

    refs: Mapping[str, str] = field(default_factory=dict)
    versions: tuple[FetchedVersion, ...] = ()


def request(spec: FetchSpec, folder: str) -> bytes:
    """Return the input of the process. An archive is a file in its working folder."""
    values = asdict(replace(spec, archive=b"")) | {"known_commits": sorted(spec.known_commits)}
    values |= {"archive": "", "folder": folder}
    return json.dumps(values).encode()


def read_request(text: bytes) -> tuple[FetchSpec, str]:
    """Return a spec without its archive, and the folder to work in."""
    values = json.loads(text)
    folder: str = values.pop("folder")
    values["archive"] = b""
    values |= {"limits": FetchLimits(**values["limits"]), "known_commits": frozenset(values["known_commits"])}
    values |= {name: tuple(values[name]) for name in ("addresses", "local_folders")}
    return FetchSpec(**values), folder


def answer(fetched: Fetched) -> tuple[bytes, list[bytes]]:
    """Return one line about the versions, and the contents of their files, each once."""
    places: dict[bytes, tuple[int, int]] = {}
    end = 0
    versions: list[dict[str, Any]] = []
    for version in fetched.versions:
        files: dict[str, tuple[int, int]] = {}
        for path, body in version.files.items():
            if body not in places:
                places[body] = end, len(body)
                end += len(body)
            files[path] = places[body]
        versions.append(
            {
                "commit": version.commit,
                "author": version.author,
                "authored_at": version.authored_at.isoformat() if version.authored_at else None,
                "message": version.message,
                "files": files,
                "problem": version.problem and _written(version.problem),
            }
        )
    head = json.dumps({"refs": dict(fetched.refs), "versions": versions})
    return head.encode() + b"\n", list(places)


def failure(error: UserFixable) -> bytes:
    """Return the line that reports an error."""
    return json.dumps({"error": _written(error)}).encode() + b"\n"


def _written(error: UserFixable) -> dict[str, Any]:
    return {
        "later": isinstance(error, FetchFailed),
        "kind": error.code,
        "code": error.message.code,
        "field": error.field,
        "params": dict(error.message.params),
    }


def _error(values: Mapping[str, Any]) -> UserFixable:
    kind = FetchFailed if values["later"] else UserFixable
    return kind(values["kind"], Code(values["code"]), values["field"], **values["params"])


def read_answer(text: bytes) -> Fetched:
    """Return what was fetched. Raise UserFixable if it was refused, ValueError if it is not an answer."""
    line, _, contents = text.partition(b"\n")
    head = json.loads(line)
    if error := head.get("error"):
        raise _error(error)
    return Fetched(
        refs=head["refs"], versions=tuple(_version(values, contents) for values in head["versions"])
    )


def _version(values: dict[str, Any], contents: bytes) -> FetchedVersion:
    at = values["authored_at"]
    return FetchedVersion(
        commit=values["commit"],
        author=values["author"],
        authored_at=datetime.fromisoformat(at) if at else None,
        message=values["message"],
        files={path: contents[start : start + size] for path, (start, size) in values["files"].items()},
        problem=_error(values["problem"]) if values["problem"] else None,
    )
