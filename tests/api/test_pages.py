"""The pages of every list follow each other: each row is on one of them, once."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.access.models.grants import Grant, Team
from deployments.api.urls import api
from deployments.changes.models.approvals import ApprovalRule
from deployments.locks.models import FreezeWindow
from deployments.notifications.models import Delivery
from deployments.template_sets.models.sources import TemplateFetch
from deployments.template_sets.models.versions import TemplateRef
from tests.api.clients import ROOT, Program
from tests.builders import make_account, make_deployment, make_environment, make_event
from tests.many_rows import add_copies
from tests.notification_builders import make_target
from tests.template_versions import make_source, make_version

pytestmark = pytest.mark.django_db
LIMIT, PAGES = 10, 3
ROWS = LIMIT * (PAGES - 1) + 5


def make_rows(root: User, folder: Path) -> dict[str, str]:
    """Store enough rows of every kind for the pages. Return the address of each list by its template."""
    account = make_account("shop")
    add_copies(account, ROWS, name=lambda n: f"account-{n}")
    environment = make_environment("shop", account=account, owner=root)
    add_copies(environment, ROWS, name=lambda n: f"shop-{n}", live_key=lambda n: f"key-{n}")
    deployment = make_deployment(environment, state="succeeded", requested_by=root)
    add_copies(deployment, ROWS)
    event = make_event(deployment, 1)
    add_copies(event, ROWS, seq=lambda n: n + 2, event_id=lambda n: f"id-{n}", key=lambda n: f"key-{n}")
    source = make_source()
    add_copies(source, ROWS, name=lambda n: f"set-{n}", live_key=lambda n: f"set-{n}")
    version = make_version(source, folder, "v1")
    add_copies(version, ROWS, number=lambda n: n + 2, commit=lambda n: f"{n:040}")
    add_copies(TemplateRef.objects.get(), ROWS, name=lambda n: f"refs/tags/v1.{n}")
    fetched = TemplateFetch.objects.create(source=source, trigger="user", state="succeeded")
    add_copies(fetched, ROWS)
    window = FreezeWindow.objects.create(
        account=account, name="night", reason="night", start_time=time(1), end_time=time(2)
    )
    add_copies(window, ROWS)
    add_copies(root, ROWS, username=lambda n: f"user-{n}")
    team = Team.objects.create(name="team", key="team")
    add_copies(team, ROWS, name=lambda n: f"team-{n}", key=lambda n: f"team-{n}")
    grant = Grant.objects.create(team=team, role="viewer", key="grant")
    add_copies(grant, ROWS, key=lambda n: f"grant-{n}")
    rule = ApprovalRule.objects.create(label_key="a", label_value="b", key="rule")
    add_copies(rule, ROWS, key=lambda n: f"rule-{n}")
    target = make_target("https://hooks.example.com/a")
    add_copies(target, ROWS)
    delivery = Delivery.objects.create(target=target, key="one", topic="test", created_at=timezone.now())
    add_copies(delivery, ROWS, key=lambda n: f"delivery-{n}")
    for _ in range(ROWS):
        AuditRecord.objects.write(action="lock_environment", name="shop", by="test")
    sets = f"/template-sets/{source.pk}"
    return {
        "/environments": "/environments",
        "/environments/{environment_id}/deployments": f"/environments/{environment.pk}/deployments",
        "/deployments": "/deployments",
        "/deployments/{deployment_id}/events": f"/deployments/{deployment.pk}/events",
        "/template-sets": "/template-sets",
        "/template-sets/{set_id}/versions": f"{sets}/versions",
        "/template-sets/{set_id}/fetches": f"{sets}/fetches",
        "/template-sets/{set_id}/refs": f"{sets}/refs",
        "/accounts": "/accounts",
        "/audit": "/audit?by=test",
        "/freeze-windows": "/freeze-windows",
        "/people": "/people",
        "/teams": "/teams",
        "/grants": f"/grants?team={team.pk}",
        "/approval-rules": "/approval-rules",
        "/notifications": "/notifications",
        "/notifications/{target_id}/deliveries": f"/notifications/{target.pk}/deliveries",
    }


def lists() -> set[str]:
    """Return the addresses of the API's document that have pages."""
    found = set()
    for path, operations in api.get_openapi_schema()["paths"].items():
        names = {one.get("name") for one in operations.get("get", {}).get("parameters", [])}
        if {"after", "limit"} <= names:
            found.add(path.removeprefix(ROOT))
    return found


def test_each_row_of_every_list_is_on_one_page(tmp_path: Path) -> None:
    root = User.objects.create_superuser("root", password="a long password")
    program = Program(root)
    addresses = make_rows(root, tmp_path / "set")

    assert set(addresses) == lists()
    for name, address in addresses.items():
        whole = program.get(f"{address}{'&' if '?' in address else '?'}limit=200").json()["items"]
        assert len(whole) >= ROWS, name
        pages, path = [], f"{address}{'&' if '?' in address else '?'}limit={LIMIT}"
        while path:
            response = program.get(path)
            found = response.json()
            pages.append(found["items"])
            following = (found["next"] or "").removeprefix(ROOT)
            assert ("Link" in response, following == path) == (bool(following), False), name
            path = following
        assert len(pages) >= PAGES, name
        assert [row for one in pages for row in one] == whole, name
