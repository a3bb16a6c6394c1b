"""Accounts, changed through the API."""

from __future__ import annotations

import pytest

from deployments.access.models.audit_records import AuditRecord
from deployments.environments.models.accounts import Account
from tests.api.clients import Program
from tests.builders import make_account, make_environment, make_user

pytestmark = pytest.mark.django_db
ROLE = "arn:aws:iam::123456789012:role/sanso"


@pytest.fixture
def root(db: None) -> Program:
    """A program of a superuser."""
    return Program(make_user("root", is_superuser=True))


def test_an_account_is_added_edited_and_deleted(root: Program) -> None:
    body = {"name": "production", "region": "ap-northeast-1", "role_arn": ROLE}

    added = root.post("/accounts", body).json()

    path = f"/accounts/{added['id']}"
    assert (added["role_arn"], len(added["external_id"])) == (ROLE, 32)
    assert root.get(path).json() == added
    edited = root.post(path, body | {"artifact_bucket": "our-templates"}).json()
    assert edited == added | {"artifact_bucket": "our-templates"}
    assert AuditRecord.objects.get(action="edit_account").after == {"artifact_bucket": "our-templates"}
    wrong = root.post("/accounts", {"name": "production", "region": "nowhere"})
    assert {error["field"] for error in wrong.json()["errors"]} == {"name", "region"}
    make_environment("shop", account=Account.objects.get(pk=added["id"]))
    assert root.post(f"{path}/delete").json()["code"] == "AccountInUse"
    other = make_account("other")
    assert root.post(f"/accounts/{other.pk}/delete").json()["name"] == "other"
