"""Requests need the right, the scope of the token and, in a browser, its CSRF token."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.access.rules.token_scopes import SCOPES
from deployments.changes.models.approvals import Approval
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from tests.api.clients import ROOT, Program
from tests.api.creation import code_of
from tests.builders import (
    make_environment,
    make_grant,
    make_user,
)
from tests.previews import make_preview

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("template_set")]


PATHS = [
    ("/environments/{shop}/previews", {}, "change"),
    ("/environments/{shop}/retry", {}, "change"),
    ("/environments/{shop}/deletion", {"typed_name": "shop", "unprotect": True}, "delete"),
    ("/environments/{shop}/deletion-again", {"typed_name": "shop"}, "delete"),
    ("/environments/{shop}/rollback", {}, "change"),
    ("/environments/{shop}/continue-rollback", {}, "change"),
    ("/environments/{shop}/take-over", {}, "change"),
    ("/environments/{shop}/lock", {"reason": "test"}, "change"),
    ("/environments/{shop}/unlock", {}, "change"),
    ("/environments/{shop}/break-lock", {"reason": "test"}, "admin"),
    ("/environments/{shop}/labels", {"labels": {}}, "change"),
    ("/environments/{shop}/remaining/search", {}, "change"),
    (
        "/environments/{shop}/remaining/deletion",
        {"resources": [{"type": "a", "id": "b"}], "typed_name": "shop"},
        "delete",
    ),
    ("/environments/{shop}/require-approval", {"required": True}, "admin"),
    ("/environments/{shop}/channel", {"channel": "main"}, "change"),
    ("/environments/{shop}/resume-updates", {}, "change"),
    ("/environments/{shop}/close", {}, "delete"),
    ("/environments/{shop}/site-check", {}, "change"),
    ("/environments/{shop}/runs", {"association": "a"}, "change"),
    ("/environments/{shop}/protection", {}, "change"),
    ("/environments/{shop}/snapshots", {}, "change"),
    ("/environments/{shop}/restore-drills", {}, "change"),
    ("/environments/{shop}/restore-drill-schedule", {"monthly": True}, "change"),
    ("/deployments/{preview}/apply", {"digest": "a"}, "change"),
    ("/deployments/{preview}/discard", {}, "change"),
    ("/deployments/{preview}/preview-again", {}, "change"),
    ("/deployments/{preview}/cancel", {}, "change"),
    ("/deployments/{preview}/approve", {"digest": "a"}, "approve"),
    ("/deployments/{preview}/deny", {"reason": "no"}, "approve"),
    ("/deployments/{preview}/bypass", {"digest": "a", "reason": "down"}, "admin"),
    ("/deployments/{preview}/schedule", {}, "deploy"),
    ("/deployments/{preview}/rollback", {}, "change"),
    ("/deployments/{preview}/clean-up", {}, "delete"),
    ("/deployments/{preview}/dismiss-failure", {}, "change"),
]


OTHER_PATHS = {
    *("/environments", "/environment-checks"),
    *("/people/{person_id}/active", "/service-accounts", "/grants", "/grants/{grant_id}/remove"),
    *("/approval-rules", "/approval-rules/{rule_id}/delete"),
    *("/accounts", "/account-imports", "/accounts/{account_id}", "/accounts/{account_id}/delete"),
    *("/accounts/{account_id}/test-connection", "/accounts/{account_id}/first-contacts"),
    "/accounts/{account_id}/first-contacts/{contact_id}/cancel",
    "/accounts/{account_id}/first-contacts/{contact_id}/clean-up",
    *("/freeze-windows", "/freeze-windows/{window_id}", "/freeze-windows/{window_id}/delete"),
    *("/template-sets", "/template-sets/{set_id}", "/template-sets/{set_id}/remove"),
    *("/template-sets/{set_id}/webhook", "/refs/{ref_id}/confirm"),
    *("/teams", "/teams/{team_id}", "/teams/{team_id}/delete", "/teams/{team_id}/members"),
    "/teams/{team_id}/members/{person_id}/remove",
    *("/notifications", "/notifications/{target_id}", "/notifications/{target_id}/remove"),
    *("/notifications/{target_id}/secret", "/notifications/{target_id}/enabled"),
    *("/notifications/{target_id}/test", "/notifications/{target_id}/deliveries/{delivery_id}/retry"),
    "/recordings/{recording}/import",
    *("/template-sets/{set_id}/fetch", "/template-sets/{set_id}/archive"),
    "/versions/{version_id}/status",
}
"""Operations without an existing environment; other tests check their rights."""


@pytest.mark.parametrize("caller", ["viewer", "without the scope"])
def test_without_the_right_or_the_scope_nothing_is_requested(
    shop: Environment, operator: User, caller: str
) -> None:
    preview, now = make_preview(shop), timezone.now()
    Approval.objects.create(
        deployment=preview, requested_by=operator, requested_at=now, expires_at=now + timedelta(days=1)
    )
    viewer = Program(make_user("vic"))
    root = make_user("root", is_superuser=True)
    limited = {
        scope: Program(root, *(one for one in SCOPES if one != scope)) for _path, _body, scope in PATHS
    }
    before = Deployment.objects.count()

    for path, body, scope in PATHS:
        sender = viewer if caller == "viewer" else limited[scope]
        response = sender.post(path.format(shop=shop.pk, preview=preview.pk), body)
        assert (path, *code_of(response)) == (path, 403, "PermissionDenied")

    assert Deployment.objects.count() == before
    assert AuditRecord.objects.filter(outcome="refused").count() == len(PATHS)


def test_a_person_requests_nothing_about_rows_they_may_not_view(shop: Environment) -> None:
    preview, own = make_preview(shop), make_environment("own")
    guest = make_grant(User.objects.create_user("guest"), role="admin", scope="environment", environment=own)
    program = Program(guest)

    for path, body, _scope in PATHS:
        response = program.post(path.format(shop=shop.pk, preview=preview.pk), body)
        assert (path, *code_of(response)) == (path, 404, "NotFound")


def test_every_operation_is_in_the_tests_of_rights(program: Program) -> None:
    document = program.get("/openapi.json").json()
    posts = {
        path.removeprefix(ROOT) for path, operations in document["paths"].items() if "post" in operations
    }

    tested = {
        path.replace("{shop}", "{environment_id}").replace("{preview}", "{deployment_id}")
        for path, _body, _scope in PATHS
    }
    assert posts == tested | OTHER_PATHS


def test_a_browser_needs_the_csrf_token_of_a_page_to_change_something(
    operator: User, shop: Environment
) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(operator)
    url = f"{ROOT}/environments/{shop.pk}/site-check"
    assert code_of(browser.post(url, {}, "application/json")) == (403, "CsrfFailed")

    browser.get("/environments/new")
    token = browser.cookies["csrftoken"].value
    response = browser.post(url, {}, "application/json", headers={"X-CSRFToken": token})
    assert response.status_code == 202
