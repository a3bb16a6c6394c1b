"""Clients with stubbed responses, validated by botocore against the service's own model, and a site."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from tests.aws.site_server import Running

Stub = Callable[[str], tuple[Any, Stubber]]


@pytest.fixture
def stub() -> Iterator[Stub]:
    """Return a function that creates a client and its stubber, which validates requests and responses."""
    with contextlib.ExitStack() as ending:

        def make(service: str) -> tuple[Any, Stubber]:
            client = boto3.client(  # type: ignore[call-overload]  # any service
                service, region_name="ap-northeast-1", aws_access_key_id="x", aws_secret_access_key="x"
            )
            stubber = ending.enter_context(Stubber(client))
            ending.callback(stubber.assert_no_pending_responses)
            return client, stubber

        yield make


@pytest.fixture
def server() -> Iterator[Running]:
    """A site with the usual responses; tests change them by route."""
    running = Running()
    yield running
    running.stop()
