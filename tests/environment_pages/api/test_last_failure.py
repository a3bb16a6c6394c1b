"""The failure of an environment's last change in the API, and its dismissal."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from deployments.environments.models.environments import Environment
from tests.api.clients import Program
from tests.builders import make_deployment, make_environment

pytestmark = pytest.mark.django_db


def test_it_is_read_and_dismissed(program: Program, operator: User) -> None:
    shop = make_environment("staging", owner=operator, stack_id="arn:x", stack_status="UPDATE_COMPLETE")
    make_deployment(shop, state="succeeded", last_phase="ready")
    assert program.get(f"/environments/{shop.pk}").json()["last_failure"] is None
    failed = make_deployment(
        shop,
        kind="update",
        state="failed",
        last_phase="preflight",
        error_code="AccessDenied",
        error_message="The role is missing.",
    )

    found = program.get(f"/environments/{shop.pk}").json()["last_failure"]
    assert found["deployment"] == failed.pk
    text = f"Last change failed; nothing changed. Update {failed.pk}: The role is missing."
    assert (found["text"], found["dismissed_by"], found["dismissed_at"]) == (text, "", None)

    response = program.post(f"/deployments/{failed.pk}/dismiss-failure")
    assert (response.status_code, response.json()["dismissed_by"]) == (200, "ana")
    found = program.get(f"/environments/{shop.pk}").json()["last_failure"]
    assert found["dismissed_by"] == "ana"
    assert found["dismissed_at"]

    make_deployment(shop, kind="update", state="succeeded", last_phase="ready")
    assert program.get(f"/environments/{shop.pk}").json()["last_failure"] is None
    refused = program.post(f"/deployments/{failed.pk}/dismiss-failure")
    assert (refused.status_code, refused.json()["code"]) == (409, "NothingToDismiss")
    assert Environment.objects.get(pk=shop.pk).latest_id != failed.pk
