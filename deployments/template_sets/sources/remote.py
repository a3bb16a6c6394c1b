"""A repository on a server, through dulwich's client: refs and packs, counted, and errors by who must act."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from dulwich.client import GitClient
from dulwich.errors import GitProtocolError, HangupException, NotGitRepository
from dulwich.objects import ObjectID
from paramiko.ssh_exception import SSHException
from urllib3.exceptions import HTTPError

from deployments.common.addresses import unreachable
from deployments.common.errors import FetchFailed, UserFixable
from deployments.common.message_codes import Code
from deployments.template_sets.rules.paths import printable
from deployments.template_sets.sources.archives import megabytes
from deployments.template_sets.sources.git import Refs
from deployments.template_sets.sources.spec import FetchLimits
from deployments.template_sets.sources.urls import Url

PREFIXES = [b"refs/heads/", b"refs/tags/"]
_BYTES_OF_A_REF = 200
"""On average; a server that does not know protocol 2 also lists pull requests."""


class Meter:
    """Counts what a server sends. `reading` wraps a read function."""

    def __init__(self) -> None:
        self._left = 0
        self._error = unreachable("", None)  # type: UserFixable

    def allow(self, size: int, error: UserFixable) -> None:
        """Let the server send a number of bytes from now on; raise the error at more."""
        self._left, self._error = size, error

    def reading(self, read: Callable[[int], bytes]) -> Callable[[int], bytes]:
        """Return a function that reads and counts."""

        def counted(size: int) -> bytes:
            body = read(size)
            self._left -= len(body)
            if self._left < 0:
                raise self._error
            return body

        return counted


class Repository:
    """A repository on a server."""

    def __init__(self, client: GitClient, url: Url, meter: Meter, limits: FetchLimits) -> None:
        """Take a client of dulwich whose reads go through the meter."""
        self._client, self._url, self._meter, self._limits = client, url, meter, limits
        self._path: Any = url.path if url.scheme == "ssh" else ""

    def refs(self) -> Refs:
        """Return the object of each branch and tag, and of `name^{}` for what a tag finally points to."""
        too_many = UserFixable("SourceRefused", Code.SOURCE_TOO_MANY_REFS, limit=self._limits.refs)
        self._meter.allow(self._limits.refs * _BYTES_OF_A_REF, too_many)
        with _reported(self._url):
            listed = self._client.get_refs(self._path, ref_prefix=PREFIXES)
        return {
            ref.decode("utf-8", "replace"): bytes(sha) for ref, sha in listed.refs.items() if sha is not None
        }

    def pack(self, objects: list[bytes], write: Callable[[bytes], int]) -> None:
        """Write a pack with objects and what they refer to, without the history of commits."""
        limit = megabytes(self._limits.transfer)
        too_large = UserFixable("SourceRefused", Code.SOURCE_TRANSFER_TOO_LARGE, limit=limit)
        self._meter.allow(self._limits.transfer, too_large)
        with _reported(self._url):
            self._client.fetch_pack(
                self._path,
                lambda _refs, depth=None: [ObjectID(sha) for sha in objects],
                _NoHistory(),
                write,
                depth=1,
                ref_prefix=PREFIXES,
            )


class _NoHistory:
    """A graph walker that has no commits."""

    def __iter__(self) -> Iterator[ObjectID]:
        return self

    def __next__(self) -> ObjectID:
        return None  # type: ignore[return-value]  # dulwich asks until there is nothing

    def ack(self, sha: ObjectID) -> None:
        """Do nothing: nothing was offered."""

    def nak(self) -> None:
        """Do nothing: nothing was offered."""


@contextmanager
def _reported(url: Url) -> Iterator[None]:
    """Raise what a client raises as one of our errors."""
    try:
        yield
    except UserFixable:
        raise
    except NotGitRepository as exc:
        raise repository_missing(url) from exc
    except (GitProtocolError, HangupException, HTTPError, SSHException, OSError) as exc:
        raise _of_connection(url, exc) from exc
    except (ValueError, KeyError, AssertionError, IndexError, TypeError) as exc:
        why = f"the server broke Git's protocol ({type(exc).__name__})"
        raise FetchFailed("FetchFailed", Code.SOURCE_FAILED, why=why) from exc


def _of_connection(url: Url, exc: BaseException) -> UserFixable:
    for cause in _causes(exc):
        if isinstance(cause, ssl.SSLError):
            why = getattr(cause, "verify_message", "") or cause.reason or str(cause)
            return UserFixable("SourceRefused", Code.SOURCE_TLS_FAILED, host=url.host, why=why)
    if isinstance(exc, GitProtocolError) and not exc.__cause__:
        missing = "not found" in str(exc).lower() or "does not appear to be a git repository" in str(exc)
        return repository_missing(url) if missing else failed(str(exc))
    if isinstance(exc, HangupException):
        reported = b" ".join(exc.stderr_lines or []).decode("utf-8", "replace")
        missing = "not found" in reported.lower() or "not appear to be a git repository" in reported
        return repository_missing(url) if missing else unreachable(url.host, reported or "the server hung up")
    return unreachable(url.host, _innermost(exc))


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what caused it, also what urllib3 keeps as a reason."""
    seen: BaseException | None = exc
    for _ in range(10):
        if seen is None:
            return
        yield seen
        reason = getattr(seen, "reason", None)
        seen = reason if isinstance(reason, BaseException) else seen.__cause__ or seen.__context__


def _innermost(exc: BaseException) -> str:
    *_, last = _causes(exc)
    return printable(getattr(last, "strerror", None) or str(last) or type(last).__name__)


def repository_missing(url: Url) -> UserFixable:
    """Return the error about an address without a repository."""
    return UserFixable("SourceRefused", Code.SOURCE_REPOSITORY_MISSING, "url", url=url)


def failed(why: str) -> FetchFailed:
    """Return the error about a server that does not do what it should."""
    return FetchFailed("FetchFailed", Code.SOURCE_FAILED, why=printable(why))
