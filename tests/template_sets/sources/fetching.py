"""Helpers for fetches: loopback is allowed, and a refusal is returned as its code."""

from __future__ import annotations

from typing import Any

import pytest

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.template_sets.sources.process import fetch
from deployments.template_sets.sources.spec import Fetched, FetchSpec

LOOPBACK = ("127.0.0.0/8",)


def git(url: str, **options: Any) -> FetchSpec:
    """Return the spec of a repository on loopback."""
    return FetchSpec(**{"kind": "git", "url": url, "refs": "main", "addresses": LOOPBACK} | options)


def fetched(url: str, **options: Any) -> Fetched:
    """Fetch from a repository on loopback."""
    return fetch(git(url, **options))


def refusal(spec: FetchSpec) -> UserFixable:
    """Assert that a fetch is refused, and return the error."""
    with pytest.raises(UserFixable) as refused:
        fetch(spec)
    return refused.value


def refused(spec: FetchSpec) -> Code:
    """Assert that a fetch is refused, and return the code of the error."""
    return refusal(spec).message.code
