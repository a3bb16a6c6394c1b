"""The page and its updates for unknown statuses and missing stacks."""

from __future__ import annotations

import pytest
from django.test import Client

from deployments.deployment_pages.pages.waterfall import cache
from deployments.stacks.models.stacks import Resource, Stack
from tests.builders import make_event
from tests.live import scenes
from tests.pages.pages import page


@pytest.mark.django_db
@pytest.mark.parametrize("has_root", [True, False])
def test_unknown_statuses_and_missing_stacks_can_be_displayed(client: Client, has_root: bool) -> None:
    deployment = scenes.make_deployment()
    stacks = scenes.add_stacks(deployment, {"A": 1, "A/B": 1})
    stray = Stack.objects.create(
        deployment=deployment, path="No/Such/Parent", status="SOMETHING_NEW", depth=3
    )
    Resource.objects.create(stack=stray, logical_id="A", type="", status="UNHEARD_OF", changes=[[1], []])
    Resource.objects.filter(logical_id="B1").update(depends_on=[["A/B/B1", "Ref"], ["Gone", "Ref"]])
    scenes.add_events(deployment, scenes.event(stacks["A/B"], "New", "STRANGE_IN_PROGRESS", reason="<b>"))
    if not has_root:
        Stack.objects.filter(deployment=deployment, path="").update(path="Elsewhere")
    odd = [("phase", {}), ("phase", {"phase": "unheard"}), ("never.heard", {"a": 1}), ("ended", {"state": 5})]
    for number, (code, values) in enumerate(odd, deployment.last_seq + 90):
        make_event(deployment, number, source="portal", code=code, values=values, status="")
    cache.clear()
    client.force_login(scenes.make_user())

    shown = client.get(f"/deployments/{deployment.pk}/?row=A/B/New")
    updates = client.get(f"/deployments/{deployment.pk}/updates?since=0")

    assert (shown.status_code, updates.status_code) == (200, 200)
    assert "STRANGE_IN_PROGRESS" in page(shown).one(id="t-A.B.New").text
    assert "SOMETHING_NEW" in page(shown).one(id="t-No.Such.Parent").text
