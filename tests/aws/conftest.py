"""Clients whose answers a test puts in, checked by botocore against the service's own model."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

Stub = Callable[[str], tuple[Any, Stubber]]


@pytest.fixture
def stub() -> Iterator[Stub]:
    """Return a maker of (client, stubber): what is asked and what is answered must fit botocore's shapes."""
    with contextlib.ExitStack() as ending:

        def make(service: str) -> tuple[Any, Stubber]:
            client = boto3.client(  # type: ignore[call-overload]  # any service
                service, region_name="ap-northeast-1", aws_access_key_id="x", aws_secret_access_key="x"
            )
            stubber = ending.enter_context(Stubber(client))
            ending.callback(stubber.assert_no_pending_responses)
            return client, stubber

        yield make
