"""Two people and an environment whose changes require approval. Everything except AWS is real."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Locator, Page, expect

from deployments.changes.commands.approve import approve
from deployments.changes.commands.preview import request_change
from deployments.changes.models.approvals import Approval
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from tests.builders import allow_only, disallow, make_user
from tests.flows.small_set import portal, portal_web, shared_portal, template_folder
from tests.flows.test_pages import faults
from tests.flows.web import Web, logged_in, visit
from tests.message_texts import reason
from tests.running import Portal, new_account
from tests.services import LIMIT, wait_until

pytestmark = [pytest.mark.usefixtures("transactional_db"), pytest.mark.timeout(900)]
ROOT = """
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
  Title: {Type: String, Default: first}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Title}}
  Other: {Type: AWS::SNS::Topic}
"""


TEMPLATES = {"root.yaml": ROOT}
__all__ = ["portal", "portal_web", "shared_portal", "template_folder"]


def person(name: str, *codenames: str) -> User:
    user = make_user(name)
    allow_only(user, *codenames)
    return User.objects.get(pk=user.pk)


@dataclass(frozen=True)
class Team:
    """Ana requests changes and may approve others' changes; Ben approves hers. Each has a browser."""

    ana: User
    ben: User
    ana_page: Page
    ben_page: Page
    environment: Environment
    url: str

    def requested(self, title: str) -> Deployment:
        """Request a change as Ana, and return it when its preview is ready."""
        environment = Environment.objects.for_page().get(pk=self.environment.pk)
        deployment = request_change(
            user=self.ana,
            environment=environment,
            parameters={"Title": title},
            reason=f"title {title}",
            request_key=uuid.uuid4(),
        )
        is_shown = Deployment.objects.filter(pk=deployment.pk, state=State.PREVIEW).exists
        wait_until(is_shown, what="the preview")
        return row(deployment)

    def asked(self, title: str) -> tuple[Deployment, Approval]:
        """Request approval of a new change on its page as Ana; return the change and the approval request."""
        deployment = self.requested(title)
        visit(self.ana_page, reverse("change_preview_page", args=[deployment.pk]))
        self.ana_page.get_by_role("button", name="Request approval").click()
        expect(self.ana_page.get_by_role("heading", name="Waiting for approval")).to_be_visible()
        return row(deployment), Approval.objects.waiting().get(deployment=deployment)


@pytest.fixture
def team(portal: Portal, portal_web: Web, chromium: Browser) -> Iterator[Team]:
    (created,) = portal.wait_for_end(portal.deploy("shop", new_account(), Title="first"), seconds=3 * LIMIT)
    assert created.state == State.SUCCEEDED, reason(created)
    Environment.objects.update(requires_approval=True)
    ana = person("ana", "delete_environment", "change_environment", "approve_change", "require_approval")
    ben = person("ben", "approve_change")
    url = portal_web.url
    with (
        logged_in(chromium, ana, url, base_url=url) as first,
        logged_in(chromium, ben, url, base_url=url) as second,
    ):
        yield Team(ana, ben, first.new_page(), second.new_page(), created.environment, url)


def row(deployment: Deployment) -> Deployment:
    return Deployment.objects.for_page().get(pk=deployment.pk)


def ended(portal: Portal, deployment: Deployment) -> Deployment:
    (found,) = portal.wait_for_end(deployment, seconds=3 * LIMIT)
    return found


def put_forward(deployment: Deployment, **values: datetime) -> None:
    """Change a row to its state at a later time; a step that is running writes nothing more."""
    rows = Deployment.objects.filter(pk=deployment.pk)
    rows.update(due_at=timezone.now(), version=F("version") + 1, **values)


def approve_button(page: Page) -> Locator:
    return page.locator("#approve")


def test_a_second_person_approves_exactly_the_preview_that_was_shown(portal: Portal, team: Team) -> None:
    team.ben_page.goto(reverse("environments"))
    deployment, approval = team.asked("second")

    # Ana may approve other people's changes, but not her own.
    expect(team.ana_page.locator("#why-not")).to_contain_text("Another person has to decide")
    expect(approve_button(team.ana_page)).to_have_count(0)
    # Ben's open page updates the number without a reload; the list links to the preview.
    expect(team.ben_page.locator("#approvals-count")).to_contain_text("1")
    team.ben_page.get_by_role("link", name="Approvals").click()
    assert faults(team.ben_page) == []
    team.ben_page.locator(f"#approval-{approval.pk}-link").click()
    expect(team.ben_page.locator("#decide")).to_contain_text("title second")
    assert faults(team.ben_page) == []
    approve_button(team.ben_page).click()

    found = ended(portal, deployment)
    assert (found.state, reason(found)) == (State.SUCCEEDED, "")
    assert Environment.objects.get().parameters["Title"] == "second"
    expect(team.ana_page.get_by_role("heading", name="shop updated")).to_be_visible()

    # Both changes are approved; applying the first makes the preview of the second out of date.
    first, first_approval = team.asked("third")
    expect(team.ben_page).to_have_url(re.compile(rf"/deployments/{deployment.pk}/$"))
    expect(team.ben_page.locator("#approvals-count")).to_contain_text("1")  # this page has no htmx
    second, second_approval = team.asked("fourth")
    for one in (first_approval, second_approval):
        visit(team.ben_page, one.deployment.get_absolute_url())
        approve_button(team.ben_page).click()
        expect(approve_button(team.ben_page)).to_have_count(0)
    assert ended(portal, first).state == State.SUCCEEDED
    void = team.ana_page.get_by_role("heading", name="Approved preview replaced, approval void")
    expect(void).to_be_visible()
    assert faults(team.ana_page) == []
    assert Environment.objects.get().parameters["Title"] == "third"
    assert row(second).state == State.PREVIEW

    # A new preview while the change waits: Ben's open page is updated and cannot approve the old preview.
    team.ana_page.get_by_role("button", name="Request approval").click()
    visit(team.ben_page, second.get_absolute_url())
    expect(approve_button(team.ben_page)).to_be_visible()
    team.ana_page.get_by_role("button", name="Preview again").click()
    expect(approve_button(team.ben_page)).to_have_count(0)
    expect(team.ana_page.get_by_role("heading", name="This is a new preview")).to_be_visible()
    team.ana_page.get_by_role("button", name="Request approval").click()
    expect(approve_button(team.ben_page)).to_be_visible()
    approve_button(team.ben_page).click()
    assert ended(portal, second).state == State.SUCCEEDED
    assert Environment.objects.get().parameters["Title"] == "fourth"


def test_denial_expiry_and_lost_permissions_change_nothing(portal: Portal, team: Team) -> None:
    denied, _ = team.asked("denied")
    team.ben_page.goto(denied.get_absolute_url())
    team.ben_page.get_by_role("button", name="Deny").click()
    expect(team.ben_page.locator("#deny-reason")).to_be_focused()  # a reason is required
    team.ben_page.keyboard.type("not on a Friday")
    team.ben_page.keyboard.press("Enter")
    expect(team.ana_page.get_by_role("heading", name="Change denied")).to_be_visible()
    expect(team.ana_page.locator("main")).to_contain_text("not on a Friday")
    assert faults(team.ana_page) == []

    # A day later: only the row is changed; the worker does the rest.
    expired, approval = team.asked("expired")
    Approval.objects.filter(pk=approval.pk).update(expires_at=timezone.now())
    put_forward(expired)
    expect(team.ana_page.locator("main")).to_contain_text("Nobody decided")
    assert ended(portal, expired).cancel_code == "denied"

    waiting, _ = team.asked("waiting")
    team.ben_page.goto(waiting.get_absolute_url())
    expect(approve_button(team.ben_page)).to_be_visible()
    disallow(team.ben)
    approve_button(team.ben_page).click()
    expect(team.ben_page.get_by_role("heading", name="Permission denied")).to_be_visible()
    assert row(waiting).state == State.APPROVAL

    # Turning approval off does not bypass it: Ana's own request waits.
    team.ana_page.goto(f"{team.environment.get_absolute_url()}configuration")
    team.ana_page.locator("#require-reason").fill("in a hurry")
    team.ana_page.get_by_role("button", name="Stop requiring approval").click()
    expect(team.ana_page.get_by_role("alert").first).to_contain_text("wait for approval")
    assert Environment.objects.get().requires_approval
    assert Environment.objects.get().parameters["Title"] == "first"


def test_two_roles_walk_through_denial_two_approvals_a_revoked_role_and_the_audit(
    portal: Portal, team: Team, chromium: Browser
) -> None:
    """Ana deploys and Ben approves, with two roles in two browsers; Root reads the audit log."""
    ana, ben = team.ana_page, team.ben_page

    # Ana requires two approvals from now on. Only Ben can approve her changes, and the page says so.
    configuration = reverse("environment_configuration", args=[team.environment.pk])
    ana.goto(configuration)
    ana.locator("#id_approvals").select_option("2")
    ana.locator("#require-reason").fill("four eyes are not enough")
    ana.get_by_role("button", name="Save", exact=True).click()
    expect(ana.locator("#approval")).to_contain_text("2 approvals, role Approver")
    assert faults(ana) == []

    denied, _ = team.asked("denied")
    expect(ana.locator("#shortfall")).to_contain_text("Only 1 person can approve this")
    assert faults(ana) == []
    ben.goto(denied.get_absolute_url())
    ben.locator("#deny-reason").fill("not on a Friday")
    ben.get_by_role("button", name="Deny").click()
    expect(ana.get_by_role("heading", name="Change denied")).to_be_visible()

    changed, approval = team.asked("second")
    ben.goto(changed.get_absolute_url())
    approve_button(ben).click()
    expect(ben.locator("#approvals-given")).to_have_text("1 of 2 approved by ben")
    expect(approve_button(ben)).to_be_disabled()
    expect(ben.locator("#why-not")).to_contain_text("Another person has to approve it as well")
    assert faults(ben) == []
    assert row(changed).state == State.APPROVAL

    cem, seen = person("cem", "approve_change"), row(changed)
    approve(user=cem, deployment=seen, approval_pk=approval.pk, digest=approval.digest)
    assert ended(portal, changed).state == State.SUCCEEDED
    assert Environment.objects.get().parameters["Title"] == "second"
    expect(ana.get_by_role("heading", name="shop updated")).to_be_visible()

    # Root removes Ana's role while two of her pages are open: a preview and a deployment in progress.
    shown, root = team.requested("third"), make_user("root", is_superuser=True)
    account = new_account()
    portal.sandbox.control("POST", "pace", {"pace": 100}, account=account.sandbox_account_id)
    live = ana.context.new_page()
    live.goto(portal.deploy("slow", account, Title="first").get_absolute_url())
    expect(live.locator("#deployment")).to_have_attribute("data-streaming", "yes")
    expect(live.locator("#permissions-changed")).to_be_hidden()
    visit(ana, shown.get_absolute_url())
    expect(ana.locator("#apply-change")).to_be_enabled()
    with logged_in(chromium, root, team.url, base_url=team.url) as context:
        page = context.new_page()
        page.goto(reverse("access_person", args=[team.ana.pk]))
        with live.expect_request(re.compile("/stream")):  # after the previous stream has ended
            page.get_by_role("button", name="Remove Individual rights").click()
        expect(live.locator("#permissions-changed")).to_be_visible()
        ana.locator("#apply-change").click()
        expect(ana.get_by_role("heading", name="Permission denied")).to_be_visible()
        expect(ana.locator("main")).to_contain_text(
            "you need the permission “Change” for the environment shop"
        )
        assert row(shown).state == State.PREVIEW

        page.goto(reverse("audit_records"))
        found = page.locator("#records tbody tr").all_inner_texts()
        assert faults(page) == []
    records = [" ".join(text.split()) for text in reversed(found)]
    for who, what, detail in (
        ("ana", "Require approval", "four eyes"),
        ("ana", "Request approval", "title denied"),
        ("ben", "Deny change", "not on a Friday"),
        ("ben", "Approve change", "title second"),
        ("cem", "Approve change", "title second"),
        ("root", "Remove role", "ana"),
        ("ana", "Apply", "Refused"),
    ):
        of_it = [one for one in records if f" {who} " in one and what in one and detail in one]
        assert of_it, (who, what, detail, records)


def test_a_scheduled_change_waits_without_a_lock_and_is_applied_at_its_time(
    portal: Portal, team: Team
) -> None:
    Environment.objects.update(requires_approval=False)
    scheduled = team.requested("later")
    page = team.ana_page
    page.goto(scheduled.get_absolute_url())
    page.get_by_role("radio", name="At a time").check()
    assert faults(page) == []
    zone = page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")
    expect(page.locator("#schedule-zone")).to_contain_text(zone)
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#scheduled-for")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#schedule-error")).to_have_text("Enter a date and a time.")
    local = page.evaluate(
        "new Date(Date.now() - new Date().getTimezoneOffset() * 60000 + 3.6e6).toISOString()"
    )
    page.locator("#scheduled-for").fill(local[:16])
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("heading", name="Scheduled for")).to_be_visible()
    assert faults(page) == []
    found = row(scheduled)
    assert found.scheduled_for is not None
    assert abs(found.scheduled_for - timezone.now() - timedelta(hours=1)) < timedelta(minutes=10)

    # The environment is not locked in the meantime.
    other = team.requested("meanwhile")
    visit(page, other.get_absolute_url())
    page.get_by_role("button", name="Apply").click()
    assert ended(portal, other).state == State.SUCCEEDED

    # An hour later: the stack has changed, so a new preview is shown instead.
    put_forward(scheduled, scheduled_for=timezone.now())
    visit(page, scheduled.get_absolute_url())
    expect(page.get_by_role("heading", name="This is a new preview")).to_be_visible()
    page.get_by_role("radio", name="At a time").check()
    page.locator("#scheduled-for").fill(local[:16])
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("heading", name="Scheduled for")).to_be_visible()
    put_forward(scheduled, scheduled_for=timezone.now())
    assert ended(portal, scheduled).state == State.SUCCEEDED
    assert Environment.objects.get().parameters["Title"] == "later"

    # The portal was down for two hours when another change was due.
    missed = team.requested("missed")
    visit(page, missed.get_absolute_url())
    page.get_by_role("radio", name="At a time").check()
    page.locator("#scheduled-for").fill(local[:16])
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("heading", name="Scheduled for")).to_be_visible()
    put_forward(missed, scheduled_for=timezone.now() - timedelta(hours=2))
    expect(page.get_by_role("heading", name="Scheduled time missed")).to_be_visible()
    assert Environment.objects.get().parameters["Title"] == "later"


def test_a_deletion_needs_a_second_person_as_well(portal: Portal, team: Team) -> None:
    page, theirs = team.ana_page, team.ben_page
    page.goto(reverse("environment_delete", args=[team.environment.pk]))
    page.get_by_label("Type the environment name").fill("shop")
    page.get_by_label("Turn off deletion protection first").check()
    page.get_by_label("Reason").fill("not needed any more")
    page.get_by_role("button", name="Request approval").click()
    expect(page.get_by_role("heading", name="Waiting for approval")).to_be_visible()
    assert faults(page) == []
    deletion = Deployment.objects.get(kind="delete")
    assert (deletion.state, deletion.active_key) == (State.APPROVAL, None)

    theirs.goto(deletion.get_absolute_url())
    expect(theirs.locator("#decide")).to_contain_text("not needed any more")
    assert faults(theirs) == []
    approve_button(theirs).click()

    assert ended(portal, deletion).state == State.SUCCEEDED
    assert Environment.objects.get().deleted_at is not None
    expect(page.get_by_role("heading", name="shop is deleted")).to_be_visible()
