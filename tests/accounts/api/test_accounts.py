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
    assert edited["artifact_bucket"] == "our-templates"
    assert {name for name in edited if edited[name] != added[name]} == {"artifact_bucket", "stays_in_aws"}
    assert AuditRecord.objects.get(action="edit_account").after == {"artifact_bucket": "our-templates"}
    wrong = root.post("/accounts", {"name": "production", "region": "nowhere"})
    assert {error["field"] for error in wrong.json()["errors"]} == {"name", "region"}
    make_environment("shop", account=Account.objects.get(pk=added["id"]))
    assert root.post(f"{path}/delete").json()["code"] == "AccountInUse"


def test_deleting_an_account_says_what_stays_in_aws_and_who_uses_it(root: Program) -> None:
    account = make_account("production", role_arn=ROLE, artifact_bucket="our-templates")
    make_account("production-europe", role_arn=ROLE, region="eu-central-1")
    make_account("others", role_arn=ROLE.replace("123456789012", "210987654321"))

    found = root.post(f"/accounts/{account.pk}/delete").json()

    assert found["name"] == "production"
    stack, bucket = found["stays_in_aws"]
    assert (stack["kind"], stack["name"], stack["used_by"]) == (
        *("roles_stack", "sanso-account", ["production-europe"]),
    )
    assert "production-europe" in stack["text"]
    assert (bucket["name"], bucket["is_billed"], bucket["used_by"]) == ("our-templates", True, [])
    assert not Account.objects.filter(pk=account.pk).exists()


def test_accounts_of_a_csv_are_added_together(root: Program) -> None:
    text = "name,region,account_id\none,eu-west-1,123456789012\ntwo,eu-central-1,123456789012\n"

    response = root.post("/account-imports", {"csv": text})

    assert response.status_code == 201
    one, two = response.json()["accounts"]
    assert (one["name"], one["artifact_bucket"]) == ("one", "sanso-artifacts-123456789012-eu-west-1")
    assert one["external_id"] == two["external_id"]
    assert one["role_arn"] == two["role_arn"]


def test_a_csv_with_a_problem_adds_nothing(root: Program) -> None:
    text = "name,region,account_id\none,eu-west-1,123456789012\ntwo,nowhere,1\n"

    response = root.post("/account-imports", {"csv": text})

    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == ["csv.3.account_id", "csv.3.region"]
    assert "Line 3, region" in response.json()["errors"][1]["detail"]
    assert not Account.objects.exists()


def test_nothing_stays_of_an_account_in_the_sandbox(root: Program) -> None:
    account = make_account("sandbox", is_sandbox=True, sandbox_account_id="123456789012")

    assert root.get(f"/accounts/{account.pk}").json()["stays_in_aws"] == []
