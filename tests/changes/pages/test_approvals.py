"""The pages of approvals and schedules: the controls for each person, and the refusals."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.access.models.grants import Label
from deployments.changes.models.approvals import Approval, ApprovalRule
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from tests.builders import allow_only, make_account, make_deployment, make_environment, make_user
from tests.pages.pages import Element, page
from tests.previews import make_preview

TOKYO = "Asia/Tokyo"
VALUES = {
    "Size": "small", "Count": "2", "Fast": "true", "Database": "datelog", "Password": "a long secret",
    "Zones": "a,b", "Certificate": "",
}  # fmt: skip


def browser_of(name: str, *codenames: str) -> Client:
    user = User.objects.filter(username=name).first() or make_user(name)
    allow_only(user, *codenames)
    client = Client()
    client.force_login(user)
    client.cookies["sanso_zone"] = TOKYO
    return client


@pytest.fixture
def ana(db: None) -> Client:
    """The browser of a user who may change environments."""
    return browser_of("ana", "add_deployment", "delete_environment", "change_environment", "require_approval")


@pytest.fixture
def ben(db: None) -> Client:
    """The browser of a user who may approve changes."""
    return browser_of("ben", "approve_change")


@pytest.fixture
def environment(ana: Client) -> Environment:
    """A deployed environment whose changes require approval."""
    shop = make_environment(
        "shop",
        owner=User.objects.get(username="ana"),
        stack_id="arn:stack",
        stack_status="CREATE_COMPLETE",
        requires_approval=True,
    )
    make_deployment(shop, state="succeeded", last_phase="ready")
    return shop


@pytest.fixture
def shown(environment: Environment) -> Deployment:
    return make_preview(environment, "traffic", reason="more load")


def opened(client: Client, deployment: Deployment) -> Element:
    return page(client.get(reverse("change_preview_page", args=[deployment.pk])))


def asked(client: Client, deployment: Deployment, **sent: str) -> Approval:
    """Request approval as the page does, and return the request."""
    form = opened(client, deployment).one(id="apply-form")
    client.post(form["action"], {"digest": form.one("input", name="digest")["value"]} | sent)
    return Approval.objects.waiting().get(deployment=deployment)


def test_apply_becomes_request_approval_and_the_second_person_approves_what_the_page_shows(
    ana: Client, ben: Client, shown: Deployment
) -> None:
    assert "Request approval" in opened(ana, shown).one(id="apply-change").text
    approval = asked(ana, shown)

    own = opened(ana, shown)
    assert "Waiting for approval" in own.text
    assert not [one for one in own.all("button") if one.attributes.get("id") == "approve"]
    theirs = opened(ben, shown)
    form = next(one for one in theirs.all("form") if one["action"].endswith("/approve"))
    sent = {one["name"]: one["value"] for one in form.all("input") if one["name"] != "csrfmiddlewaretoken"}
    assert sent == {"approval": str(approval.pk), "digest": shown.preview_digest}
    assert "more load" in theirs.one(id="decide").text
    ben.post(form["action"], sent)

    assert Deployment.objects.get(pk=shown.pk).state == "queued"
    assert Approval.objects.get().decision == "approved"


def test_who_requested_it_and_may_approve_others_is_told_why_not(ana: Client, shown: Deployment) -> None:
    browser_of("ana", "approve_change")
    asked(ana, shown)

    assert "Another person has to decide" in opened(ana, shown).one(id="why-not").text


def test_denying_needs_a_reason_beside_its_field(ana: Client, ben: Client, shown: Deployment) -> None:
    approval = asked(ana, shown)
    address = reverse("change_deny", args=[shown.pk])

    answer = ben.post(address, {"approval": approval.pk, "reason": ""})
    assert answer.status_code == 422
    assert page(answer).one(id="deny-reason")["aria-invalid"] == "true"
    ben.post(address, {"approval": approval.pk, "reason": "not on a Friday"})

    denied = Deployment.objects.get(pk=shown.pk)
    assert denied.cancel_code == "denied"
    assert "not on a Friday" in opened(ana, denied).text


def test_a_viewer_neither_approves_nor_denies(viewer: Client, ana: Client, shown: Deployment) -> None:
    approval = asked(ana, shown)

    assert (
        viewer.post(reverse("change_approve", args=[shown.pk]), {"approval": approval.pk}).status_code == 403
    )
    assert viewer.post(reverse("change_deny", args=[shown.pk]), {"approval": approval.pk}).status_code == 403
    assert Approval.objects.waiting().exists()
    assert AuditRecord.objects.filter(outcome="refused").count() == 2


def test_a_void_approval_says_so_and_is_requested_again(ana: Client, ben: Client, shown: Deployment) -> None:
    approval = asked(ana, shown)
    ben.post(
        reverse("change_approve", args=[shown.pk]),
        {"approval": approval.pk, "digest": shown.preview_digest},
    )
    # The steps of the runner after the stack has changed: tests/changes/shared/approvals/test_approvals.py.
    Approval.objects.update(decision="void")
    Deployment.objects.filter(pk=shown.pk).update(
        state="preview", active_key=None, revision=1, applied_at=None
    )

    found = opened(ana, shown).text

    assert "Approved preview replaced, approval void" in found
    assert "ben had approved" in found


def test_the_list_and_its_count_are_for_approvers(
    ana: Client, ben: Client, environment: Environment, shown: Deployment
) -> None:
    assert "Nothing waits for approval" in page(ben.get(reverse("approvals"))).text
    approval = asked(ana, shown)

    listed = page(ben.get(reverse("approvals"))).one(id=f"approval-{approval.pk}").text
    assert "shop" in listed
    assert "more load" in listed
    count = page(ben.get(reverse("environments"))).one(id="approvals-count")
    assert count.text.split()[0] == "1"
    assert page(ben.get(reverse("approval_count"))).text.split()[0] == "1"
    assert page(ana.get(reverse("approval_count"))).text.strip() == ""
    for browser in (ana, ben):
        assert "1 waits for approval" in page(browser.get(reverse("environments"))).text


def test_the_list_costs_the_same_for_many_requests(
    ana: Client, ben: Client, environment: Environment, django_assert_num_queries: object
) -> None:
    for _ in range(3):
        asked(ana, make_preview(environment, "traffic"))
    ben.get(reverse("approvals"))

    with django_assert_num_queries(9, exact=False):  # type: ignore[operator]
        assert len(page(ben.get(reverse("approvals"))).all("tr")) == 4


def test_the_switch_is_for_who_may_and_needs_a_reason_to_switch_off(
    ana: Client, viewer: Client, environment: Environment
) -> None:
    Environment.objects.update(requires_approval=False)
    address = reverse("environment_require_approval", args=[environment.pk])
    tab = reverse("environment_configuration", args=[environment.pk])

    assert viewer.post(address, {"required": "yes"}).status_code == 403
    assert "Require approval" in page(ana.get(tab)).one(id="approval").text
    ana.post(address, {"required": "yes"})
    assert Environment.objects.get().requires_approval
    assert "Changes require approval" in page(ana.get(tab)).one(id="head").text
    ana.post(address, {"required": "no", "reason": ""})
    assert Environment.objects.get().requires_approval
    ana.post(address, {"required": "no", "reason": "test only"})
    assert not Environment.objects.get().requires_approval


def test_rules_of_labels_are_saved_and_removed_by_who_decides_for_everything(
    ana: Client, viewer: Client, environment: Environment, shown: Deployment
) -> None:
    address = reverse("approval_rules")
    Environment.objects.update(requires_approval=False)
    Label.objects.create(environment=environment, key="stage", value="production")
    assert viewer.get(address).status_code == 403
    assert "No rules for labels" in page(ana.get(address)).text

    refused = ana.post(address, {"label": "production", "approvals": "2", "role": "approver"})
    assert refused.status_code == 422
    assert page(refused).one(id="id_label")["aria-invalid"] == "true"
    ana.post(address, {"label": "stage=production", "approvals": "2", "role": "approver"})

    assert "2 approvals, role Approver" in page(ana.get(address)).text
    tab = page(ana.get(reverse("environment_configuration", args=[environment.pk]))).one(id="approval").text
    assert "The label stage=production requires it." in tab
    assert "Nobody can approve this." in tab
    form = opened(ana, shown)
    assert "Request approval" in form.one(id="apply-change").text
    assert "exactly as shown: 2 approvals, role Approver" in form.text
    ana.post(reverse("approval_rule_remove", args=[ApprovalRule.objects.get().pk]))
    assert not ApprovalRule.objects.exists()


def test_a_bypass_is_offered_with_the_right_and_stays_on_the_pages(
    ana: Client, ben: Client, environment: Environment, shown: Deployment
) -> None:
    approval = asked(ana, shown)
    address = reverse("change_bypass", args=[shown.pk])
    sent = {"approval": approval.pk, "digest": shown.preview_digest, "reason": "the shop is down"}
    assert not opened(ben, shown).all(id="bypass")
    assert ben.post(address, sent).status_code == 403
    browser_of("ana", "bypass_approval")  # also for the user's own request, with the right

    assert opened(ana, shown).all(id="bypass")
    ana.post(address, sent)

    assert Deployment.objects.get(pk=shown.pk).state == "queued"
    Deployment.objects.filter(pk=shown.pk).update(state="succeeded", ended_at=timezone.now(), active_key=None)
    Environment.objects.update(latest=shown)
    for url in (shown.get_absolute_url(), environment.get_absolute_url()):
        assert "ana bypassed it in an emergency. Reason: the shop is down" in page(ben.get(url)).text


def test_a_time_is_one_of_the_zone_that_the_page_names(
    ana: Client, environment: Environment, shown: Deployment
) -> None:
    Environment.objects.update(requires_approval=False)
    form = opened(ana, shown)
    assert TOKYO in form.one(id="schedule-zone").text
    local = timezone.now() + timedelta(days=1, hours=9)

    ana.post(
        reverse("change_apply", args=[shown.pk]),
        {
            "digest": shown.preview_digest,
            "when": "later",
            "scheduled_for": f"{local:%Y-%m-%dT%H:%M}",
            "zone": TOKYO,
        },
    )

    found = Deployment.objects.get(pk=shown.pk)
    assert found.state == "scheduled"
    assert found.scheduled_for is not None
    assert found.scheduled_for - timezone.now() < timedelta(days=1)
    assert found.scheduled_for - timezone.now() > timedelta(hours=23, minutes=58)
    assert "Scheduled for" in opened(ana, found).text
    overview = page(ana.get(environment.get_absolute_url())).one(id=f"open-change-{shown.pk}").text
    assert "Scheduled" in overview
    assert f"{local:%Y-%m-%d %H:%M}" in overview
    listed = page(ana.get(reverse("environments"))).one(id=f"environment-{environment.pk}").text
    assert f"{local:%Y-%m-%d %H:%M}" in listed
    history = reverse("deployments")
    assert page(ana.get(f"{history}?status=waiting")).all(id=f"deployment-{shown.pk}")
    assert not page(ana.get(f"{history}?status=problems")).all(id=f"deployment-{shown.pk}")


@pytest.mark.parametrize(
    ("time", "zone", "text"),
    [
        ("", TOKYO, "Enter a date and a time."),
        ("2026-99-01T10:00", TOKYO, "Enter a date and a time."),
        ("2026-01-01T10:00", TOKYO, "This time has passed."),
        ("2100-01-01T10:00", TOKYO, "within the next 30 days"),
        ("2027-03-28T02:30", "Europe/Berlin", "the clocks change"),
        ("2027-10-31T02:30", "Europe/Berlin", "the clocks change"),
    ],
)
def test_a_time_that_cannot_be_chosen_is_an_error_at_its_field_and_is_kept(
    ana: Client, shown: Deployment, time: str, zone: str, text: str
) -> None:
    answer = ana.post(
        reverse("change_apply", args=[shown.pk]),
        {"digest": shown.preview_digest, "when": "later", "scheduled_for": time, "zone": zone},
    )

    assert answer.status_code == 422
    found = page(answer)
    field = found.one(id="scheduled-for")
    assert (field["aria-invalid"], field.attributes.get("value", "")) == ("true", time)
    assert text in found.one(id="schedule-error").text
    assert Deployment.objects.get(pk=shown.pk).state == "preview"


def test_a_deletion_is_requested_approved_or_denied_on_its_page(
    ana: Client, ben: Client, viewer: Client, environment: Environment
) -> None:
    browser_of("ana", "delete_environment")
    address = reverse("environment_delete", args=[environment.pk])
    assert "Request approval" in page(ana.get(address)).text
    ana.post(address, {"typed_name": "shop", "reason": "not needed", "request_key": str(uuid.uuid4())})

    requested = Deployment.objects.get(kind="delete")
    shown = reverse("deletion_request", args=[requested.pk])
    assert ana.get(requested.get_absolute_url())["Location"] == shown
    assert "Waiting for approval" in page(viewer.get(shown)).text
    assert f"Delete {requested.pk}" in page(ana.get(environment.get_absolute_url())).text
    theirs = page(ben.get(shown))
    assert "not needed" in theirs.one(id="decide").text
    form = next(one for one in theirs.all("form") if one["action"].endswith("/deny"))
    approval = form.one("input", name="approval")["value"]
    answer = ben.post(form["action"], {"approval": approval, "reason": " "})
    assert answer.status_code == 422
    assert page(answer).one(id="deny-reason")["aria-invalid"] == "true"
    marker = f"{shown}?marker=approval-"
    same = ben.get(marker, headers={"HX-Request": "true"})
    assert (same.status_code, "HX-Refresh" in same) == (204, False)

    form = next(one for one in theirs.all("form") if one["action"].endswith("/approve"))
    sent = {one["name"]: one["value"] for one in form.all("input") if one["name"] != "csrfmiddlewaretoken"}
    ben.post(form["action"], sent)

    assert Deployment.objects.get(pk=requested.pk).state == "preflight"
    gone_on = ben.get(marker, headers={"HX-Request": "true"})
    assert gone_on["HX-Redirect"] == requested.get_absolute_url()


def test_approval_is_required_from_the_creation_on_by_who_may(template_set: Path, ana: Client) -> None:
    make_account("main")
    address = reverse("environment_new")
    sent = {
        **{f"parameter_{name}": value for name, value in VALUES.items()},
        "account": str(Account.objects.get(name="main").pk),
        "reason": "",
        "requires_approval": "on",
    }
    assert page(ana.get(address)).all(id="id_requires_approval")
    answer = ana.post(address, sent | {"name": "shop", "request_key": str(uuid.uuid4())})
    assert answer.status_code == 302
    assert Environment.objects.get(name="shop").requires_approval

    other = browser_of("dan", "add_deployment")
    assert not page(other.get(address)).all(id="id_requires_approval")
    other.post(address, sent | {"name": "blog", "request_key": str(uuid.uuid4())})
    assert not Environment.objects.get(name="blog").requires_approval
