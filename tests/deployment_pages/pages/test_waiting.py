"""The page of a deployment that waits after its stacks shows the open conditions."""

from __future__ import annotations

import pytest
from django.test import Client

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from tests.builders import make_deployment, make_stack
from tests.pages.pages import page

pytestmark = pytest.mark.django_db


def test_the_page_displays_what_is_waited_for_and_how_much_more(browser: Client) -> None:
    first = Message(Code.TARGET_TIMEOUT, {"where": "web i-1", "code": "X"})
    second = Message(Code.BALANCER_PROVISIONING, {"where": "ALB"})
    deployment = make_deployment(state="traffic", waiting_for=[first.as_json(), second.as_json()])
    make_stack(deployment, status="CREATE_COMPLETE")

    text = page(browser.get(deployment.get_absolute_url())).one("main").text

    assert "Not ready yet. web i-1 does not respond to health checks in time (X). And 1 more." in text
