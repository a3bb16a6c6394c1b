"""A deployment that is past its stacks says on its page what it waits for."""

from __future__ import annotations

import pytest
from django.test import Client

from deployments.errors import Sentence
from tests.builders import make_deployment, make_stack
from tests.views.pages import page

pytestmark = pytest.mark.django_db


def test_what_is_waited_for_is_said_and_how_much_more(browser: Client) -> None:
    silent = "%(where)s does not answer health checks in time (%(code)s)."
    first = Sentence(silent, {"where": "web i-1", "code": "X"})
    second = Sentence("%(where)s is being set up.", {"where": "ALB"})
    deployment = make_deployment(state="traffic", waiting_for=[first.as_json(), second.as_json()])
    make_stack(deployment, status="CREATE_COMPLETE")

    text = page(browser.get(deployment.get_absolute_url())).one("main").text

    assert "Not ready yet. web i-1 does not answer health checks in time (X). And 1 more." in text
