"""The page of a change before it is applied: its texts, its controls and its refusals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from deployments.cloudformation.change_summary import Prediction
from deployments.cloudformation.changes import ChangedResource, Changes
from deployments.cloudformation.drift import FoundState, FoundValue
from deployments.cloudformation.stuck_resources import StuckResource
from deployments.cloudformation.validation import WARNING
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.common.models.encryption import encrypt_values
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.stacks.models.durations import Expectation
from deployments.stacks.shared import event_log
from tests.builders import allow, make_deployment, make_environment
from tests.locks.commands.test_freeze import freeze
from tests.pages.pages import Element, page
from tests.previews import make_preview, many_changes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _may_change(operator: User) -> None:
    allow(operator, "change_environment")


@pytest.fixture
def shop(operator: User) -> Environment:
    shop = make_environment("shop", stack_id="arn:shop", stack_status="UPDATE_COMPLETE", stack_name="shop")
    make_deployment(shop, state="succeeded")
    return shop


def opened(browser: Client, deployment: Deployment) -> Element:
    response = browser.get(f"/deployments/{deployment.pk}/", follow=True)
    assert response.status_code == 200
    return page(response)


def test_a_change_in_place_is_one_sentence_and_one_tree_with_causes(
    browser: Client, shop: Environment
) -> None:
    shown = opened(browser, make_preview(shop, "scale"))

    assert shown.one(id="sentence").text == "1 updated"
    assert "because" not in shown.one(id="sentence").text
    assert "AutoScalingGroup" in shown.text
    assert "DesiredCapacity" in shown.text
    assert "AppServerCount ▸ AppServers" in shown.text
    assert "1 server is added. Running servers stay." in shown.text
    assert not shown.all(id="typed-name")
    assert "disabled" not in shown.one("form", id="apply-form").one("button").attributes


def test_apply_comes_before_the_tree_so_that_it_does_on_phones(browser: Client, shop: Environment) -> None:
    shown = browser.get(f"/deployments/{make_preview(shop, 'scale').pk}/", follow=True).content.decode()

    assert shown.index('id="apply-change"') < shown.index('id="changes-title"')


def test_what_apply_overwrites_comes_before_apply(browser: Client, shop: Environment) -> None:
    change = make_preview(shop, "scale")
    found = FoundState(values=(FoundValue(name="Days", deployed="30", now="14", after="30"),)).to_json()
    Deployment.objects.filter(pk=change.pk).update(changes=change.changes | {"found": found})
    shown = browser.get(f"/deployments/{change.pk}/", follow=True).content.decode()

    places = [shown.index(f'id="{one}"') for one in ("assessment", "overwrites-title", "apply-change")]
    assert places == sorted(places)


def test_many_resources_with_the_same_change_are_one_row_that_opens(
    browser: Client, shop: Environment
) -> None:
    change = make_preview(shop, changes=many_changes(100, are_equal=True).to_json())

    folded = opened(browser, change).one("tbody", id="changes-body").all("details", class_="equal")

    assert len(folded) == 10
    assert folded[3].one("summary").text == "10 resources"
    assert folded[3].one("span", class_="names").text.startswith("Topic3, Topic13, Topic23")


def test_the_assessment_is_one_sentence_and_its_tiles(browser: Client, shop: Environment) -> None:
    card = opened(browser, make_preview(shop, "database")).one("section", **{"aria-labelledby": "assessment"})

    assert card.one("h2").text.startswith("Deletes the data of DbCluster")
    assert card.one("h2").text.endswith(": an outage of unknown duration")
    assert card.one(id="outage").text == "Yes; its duration is not known"
    assert "No resource that holds data" not in card.text


def test_a_change_with_a_secret_of_a_lost_key_can_be_opened(
    browser: Client, shop: Environment, settings: Settings, operator: User
) -> None:
    change = make_preview(shop, "scale", sealed_parameters=encrypt_values({"Password": "hunter22"}))
    settings.SECRET_KEY_FALLBACKS = []
    settings.SECRET_KEY = "another key"
    browser.force_login(operator)

    assert opened(browser, change).one(id="sentence").text == "1 updated"


def test_warnings_of_the_current_change_set_stand_before_apply_and_in_the_api(
    browser: Client, shop: Environment
) -> None:
    deployment = make_preview(shop, "scale")
    finding = {"place": "Network ▸ Ip", "path": "Network/Ip", "type": "AWS::EC2::EIP", "property_path": ""}
    finding |= {"check": "SERVICE_QUOTA_VALIDATION", "reason": "Too many <addresses>."}
    for revision, reason in ((deployment.revision, "Too many <addresses>."), (7, "Of another preview.")):
        values = finding | {"reason": reason, "revision": revision}
        event_log.add(deployment, WARNING, key=str(revision), **values)

    shown = opened(browser, deployment)
    answered = browser.get(f"/api/v1/deployments/{deployment.pk}/preview").json()["validation"]

    text = "CloudFormation warns about Network ▸ Ip: Too many <addresses>. (SERVICE_QUOTA_VALIDATION)"
    warned, meaning = shown.one(id="validation").all("p")
    assert warned.text == text
    assert meaning.text.startswith("Warnings do not stop the change.")
    ids = [one.attributes.get("id") for one in shown.all()]
    assert ids.index("validation") < ids.index("apply-form")
    assert [(one["path"], one["check"], one["text"]) for one in answered] == [
        ("Network/Ip", "SERVICE_QUOTA_VALIDATION", text)
    ]


def test_a_change_that_replaces_the_database_names_the_data_first_and_needs_the_name(
    browser: Client, shop: Environment
) -> None:
    change = make_preview(shop, "database")
    shown = opened(browser, change)

    assert shown.one(id="sentence").text.startswith("1 deletes data, 2 replaced")
    assert "DbCluster (database) is replaced by an empty one" in shown.text
    assert "A final snapshot is taken, then it is deleted. Nothing is copied." in shown.text
    assert "DatabaseName ▸ Aurora" in shown.text
    assert shown.one(id="typed-name").attributes["data-name"] == "shop"

    given = {"digest": change.preview_digest, "typed_name": "shup"}
    refused = browser.post(f"/deployments/{change.pk}/apply", given, follow=True)
    assert (
        "The change deletes data or may delete it. Type the name shop exactly to apply it."
        in page(refused).text
    )
    change.refresh_from_db()
    assert change.applied_at is None
    browser.post(f"/deployments/{change.pk}/apply", given | {"typed_name": "shop"})
    change.refresh_from_db()
    assert change.applied_at is not None


def test_a_snapshot_of_the_database_is_offered_before_the_change(browser: Client, shop: Environment) -> None:
    change = make_preview(shop, "database")
    box = opened(browser, change).one("input", name="snapshot_first")
    assert "checked" not in box.attributes  # CloudFormation takes a final one

    given = {"digest": change.preview_digest, "typed_name": "shop", "snapshot_first": "on"}
    browser.post(f"/deployments/{change.pk}/apply", given)
    change.refresh_from_db()
    (chosen,) = change.options["snapshot_first"]
    assert chosen["cluster"] in opened(browser, change).text
    assert not opened(browser, make_preview(shop, "scale")).all("input", name="snapshot_first")


def test_probably_unchanged_resources_are_folded(browser: Client, shop: Environment) -> None:
    shown = opened(browser, make_preview(shop, "traffic"))

    assert shown.one(id="sentence").text == "2 updated, 23 probably unchanged"
    folded = shown.one("details", **{"class": "folded"})
    assert "NatGatewayA" in folded.text
    assert "NatGatewayA" not in shown.one(id="changes-body").text


def test_a_prediction_that_was_wrong_is_shown_after_the_change(browser: Client, shop: Environment) -> None:
    change = make_preview(shop, "traffic", state="succeeded", last_phase="ready")
    prediction = Prediction(predicted=23, wrong=("Alb/Alb",)).to_json()
    Deployment.objects.filter(pk=change.pk).update(changes=change.changes | {"prediction": prediction})

    shown = page(browser.get(f"/deployments/{change.pk}/preview?applied=yes"))

    assert "After this change: right for 22 of 23. Changed all the same: Alb/Alb" in shown.text
    assert not shown.all(id="apply-form")


def test_while_cloudformation_computes_the_local_difference_is_shown(
    browser: Client, shop: Environment
) -> None:
    base = make_deployment(shop, state="succeeded", parameters={"AppServerCount": "2", "ClientCidr": "::/0"})
    parameters = {"AppServerCount": "3", "ClientCidr": "::/0"}
    change = make_preview(shop, state="change_set", last_phase="change_set", base=base, parameters=parameters)

    shown = opened(browser, change)

    assert "CloudFormation is computing the changes" in shown.text
    assert "AppServerCount 2 3" in shown.text
    assert "ClientCidr" not in shown.text
    assert not shown.all(id="sentence")
    assert shown.all("form", action=f"/deployments/{change.pk}/discard")


def test_the_page_is_loaded_again_once_it_has_something_else_to_show(
    browser: Client, shop: Environment
) -> None:
    change = make_preview(shop, state="change_set", last_phase="change_set")
    address = f"/deployments/{change.pk}/preview/state"
    assert "HX-Refresh" not in browser.get(address, {"marker": "change_set-0-"})
    Deployment.objects.filter(pk=change.pk).update(state="preview")
    assert browser.get(address, {"marker": "change_set-0-"})["HX-Refresh"] == "true"
    Deployment.objects.filter(pk=change.pk).update(state="stacks", last_phase="stacks")
    assert browser.get(address, {"marker": "preview-0-"})["HX-Redirect"] == f"/deployments/{change.pk}/"


def test_a_page_that_is_loaded_again_when_the_stacks_have_begun_is_the_deployments(
    browser: Client, shop: Environment
) -> None:
    """Between the response "load the page again" and the next request, a change may begin and even end."""
    change = make_preview(shop, "traffic", state="queued")
    address = f"/deployments/{change.pk}/preview"
    assert browser.get(f"{address}/state", {"marker": "approval-0--approval"})["HX-Refresh"] == "true"
    for state in ("stacks", "succeeded"):
        Deployment.objects.filter(pk=change.pk).update(state=state, last_phase="stacks")
        assert browser.get(address, follow=True).redirect_chain == [(f"/deployments/{change.pk}/", 302)]


def test_the_preview_of_a_change_that_has_begun_follows_its_state(browser: Client, shop: Environment) -> None:
    change = make_preview(shop, "traffic", state="stacks", last_phase="stacks")
    header = page(browser.get(f"/deployments/{change.pk}/"))
    address = header.one("a", href=f"/deployments/{change.pk}/preview?applied=yes")["href"]
    shown = page(browser.get(address))
    assert "In progress" in shown.one("section", **{"class": "headline"}).text
    polled = next(one["hx-get"] for one in shown.all("div") if "hx-get" in one.attributes)
    answer = browser.get(polled)
    assert "HX-Refresh" not in answer
    assert "HX-Redirect" not in answer
    Deployment.objects.filter(pk=change.pk).update(state="succeeded", last_phase="ready")
    assert browser.get(polled)["HX-Refresh"] == "true"
    assert "hx-get" not in "".join(str(one.attributes) for one in page(browser.get(address)).all("div"))


def test_a_failed_preview_names_the_stack_its_file_and_the_reason(browser: Client, shop: Environment) -> None:
    why = Message(
        Code.CHANGE_SET_REJECTED_IN, {"where": "Aurora", "file": "aurora.yaml", "reason": "no such engine"}
    )
    change = make_preview(
        shop,
        state="failed",
        last_phase="change_set",
        error_sentence=why.as_json(),
        error_code="ChangeSetFailed",
    )
    shown = opened(browser, change)
    assert "The preview failed" in shown.text
    assert "the nested stack Aurora (aurora.yaml): no such engine" in shown.text
    assert "ChangeSetFailed" in shown.text


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"state": "succeeded", "last_phase": "change_set"}, "No changes"),
        ({"state": "canceled", "cancel_code": "discarded"}, "Change discarded"),
        ({"state": "canceled", "cancel_code": "expired"}, "Preview expired"),
        ({"state": "canceled", "cancel_code": "denied"}, "Nobody decided"),
        ({"state": "canceled", "cancel_code": "missed"}, "the portal was not running"),
        ({"state": "queued"}, "Applied; waiting for its turn"),
        ({"revision": 1}, "This is a new preview"),
    ],
)
def test_every_other_state_says_what_it_is(
    browser: Client, shop: Environment, values: dict[str, Any], expected: str
) -> None:
    assert expected in opened(browser, make_preview(shop, **values)).text


def test_a_change_that_cloudformation_would_not_accept_now_says_why(
    browser: Client, shop: Environment
) -> None:
    Environment.objects.filter(pk=shop.pk).update(stack_status="UPDATE_ROLLBACK_FAILED")
    shown = opened(browser, make_preview(shop, "scale"))
    assert "The rollback of the last update failed. Continue the rollback first." in shown.text
    assert "disabled" in shown.one("form", id="apply-form").one("button").attributes


def test_a_viewer_reads_the_preview_and_is_told_which_permission_is_missing(
    viewer: Client, shop: Environment
) -> None:
    shown = opened(viewer, make_preview(shop, "database"))
    assert "You need the permission “Change”." in shown.text
    assert not shown.all(id="typed-name")


def test_the_rows_of_closed_stacks_come_when_they_are_opened_or_searched_for(
    browser: Client, shop: Environment
) -> None:
    change = make_preview(shop, changes=many_changes(1000).to_json())
    response = browser.get(f"/deployments/{change.pk}/preview")
    assert len(response.content) < 40_000
    shown = page(response)
    assert shown.one(id="sentence").text == "1000 updated"
    assert "Topic13" not in shown.text

    rows = f"/deployments/{change.pk}/preview/rows"
    stack = browser.get(rows, {"stack": "Stack3"}).content.decode()
    assert "Topic13<" in stack
    assert "Topic14<" not in stack
    found = browser.get(rows, {"q": "topic99"}).content.decode()
    assert all(name in found for name in ("Topic99", "Topic990", "Topic999"))
    assert "Topic98" not in found
    assert "No matching changes." in browser.get(rows, {"q": "nothing"}).content.decode()
    assert "No matching changes." in browser.get(rows, {"effect": "replaced"}).content.decode()


def test_only_changes_have_a_preview(browser: Client, shop: Environment) -> None:
    creation = make_deployment(shop, state="succeeded")
    assert browser.get(f"/deployments/{creation.pk}/preview").status_code == 404
    assert browser.get(f"/deployments/{creation.pk}/").status_code == 200


def test_stacks_that_cloudformation_did_not_compute_are_listed_and_must_be_confirmed(
    browser: Client, shop: Environment
) -> None:
    reason = "Parameter 'Zone' must match pattern [a-z]+"
    stack = ChangedResource(path="Aurora", action="modify", type="AWS::CloudFormation::Stack", effect="stack")
    changes = Changes(resources=(stack,), computed=("",), root_only=True, root_only_reason=reason)
    change = make_preview(shop, changes=changes.to_json(), preview_digest=changes.digest)

    shown = opened(browser, change)

    assert shown.one(id="sentence").text == "1 nested stack not computed"
    assert "it cannot be ruled out that data in them is lost" in shown.text
    assert f"CloudFormation's reason: {reason}" in shown.text
    assert shown.one(id="typed-name").attributes["data-name"] == "shop"
    given = {"digest": change.preview_digest}
    refused = page(browser.post(f"/deployments/{change.pk}/apply", given, follow=True))
    assert "Type the name shop exactly to apply it." in refused.text
    browser.post(f"/deployments/{change.pk}/apply", given | {"typed_name": "shop"})
    change.refresh_from_db()
    assert change.applied_at is not None


def test_each_changed_parameter_says_what_it_causes(browser: Client, shop: Environment) -> None:
    base = make_deployment(shop, state="succeeded", parameters={"DatabaseName": "datelog", "Owner": "ana"})
    values: dict[str, Any] = {"base": base, "parameters": {"DatabaseName": "shop", "Owner": "ben"}}

    shown = opened(browser, make_preview(shop, "database", **values))

    table = shown.one("table", class_="values")
    assert "Effect" in table.one("thead").text
    database, owner = table.one("tbody").all("tr")
    assert "Deletes the data of DbCluster Replaces" in database.one("td", class_="effects").text
    assert owner.one("td", class_="effects").text == "–"

    computing = make_preview(shop, state="change_set", last_phase="change_set", **values)
    assert "Effect" not in opened(browser, computing).one("table", class_="values").text


def test_the_time_of_the_clock_at_which_it_is_ready_is_said_with_its_range(
    browser: Client, shop: Environment
) -> None:
    browser.cookies["sanso_zone"] = "Asia/Tokyo"
    at = datetime(2026, 12, 1, 5, 30, 20, tzinfo=UTC)
    change = make_preview(shop, "scale", state="scheduled", scheduled_for=at)
    numbers = {"seconds": 600.0, "low": 480.0, "high": 900.0, "runs": 2}
    Expectation.objects.create(deployment=change, **numbers)
    shown = opened(browser, change).one("section", **{"aria-labelledby": "assessment"})
    assert shown.one(id="ready-at").text == "about 2026-12-01 14:40 JST (14:38–14:46)"
    assert "if it begins at its time about 10 min (8–15) from 2 earlier changes" in shown.text

    now = make_preview(shop, "scale")
    Expectation.objects.create(deployment=now, **numbers)
    shown = opened(browser, now).one(id="ready-at")
    assert shown["data-offsets"] == "600 480 900"
    assert shown.text.startswith("about")
    freeze(shop.account)
    frozen = opened(browser, now)
    assert not frozen.all(id="ready-at")
    assert frozen.one(id="duration").text == "about 10 min (8–15)"


def test_a_discarded_change_says_when_that_was_requested_accepted_and_done(
    browser: Client, shop: Environment, operator: User
) -> None:
    at = datetime(2026, 12, 1, 5, 30, tzinfo=UTC)
    values: dict[str, Any] = {"cancel_code": "discarded", "canceled_by": operator, "cancel_requested_at": at}
    change = make_preview(shop, "scale", change_set_id="arn:changes", **values)
    stages = [one.text for one in opened(browser, change).one("ol", class_="cancel-stages").all("li")]
    assert [text.split()[1] for text in stages] == ["Requested", "Accepted", "Stopped"]
    assert "by ana" in stages[0]
    assert "waiting for the step in progress" in stages[1]

    later = {"cancel_accepted_at": at + timedelta(seconds=2), "ended_at": at + timedelta(seconds=2)}
    Deployment.objects.filter(pk=change.pk).update(state="canceled", **later)
    stages = [one.text for one in opened(browser, change).one("ol", class_="cancel-stages").all("li")]
    assert "AWS accepted DeleteChangeSet" in stages[1]
    assert stages[2].startswith("✓ Stopped")
    expired = make_preview(shop, "scale", state="canceled", cancel_code="expired")
    assert not opened(browser, expired).all("ol", class_="cancel-stages")


def test_what_was_changed_outside_and_is_undone_is_said(browser: Client, shop: Environment) -> None:
    change = make_preview(shop, "scale")
    values = (
        FoundValue(name="Days", deployed="30", now="14", after="30"),
        FoundValue(name="Size", deployed="2", now="5", after="5"),
        FoundValue(name="Own", deployed="1", now="2", after="3", is_outside=False),
    )
    found = FoundState(values=values, template_digest="x", undone=("web.yaml",), is_outside=True).to_json()
    Deployment.objects.filter(pk=change.pk).update(changes=change.changes | {"found": found})

    card = opened(browser, change).one("section", id="changed-outside")

    assert card.one("h2").text == "Apply overwrites 2 of 3 changes made outside of Sanso"
    assert [one.text for one in card.one("tbody").all("tr")] == [
        "Days 14 30 Overwritten",
        "web.yaml Another template → that of this change Overwritten",
        "Size 5 Stays as it is",
    ]


def test_a_preview_says_that_it_does_not_see_changes_of_single_resources(
    browser: Client, shop: Environment
) -> None:
    note = opened(browser, make_preview(shop, "scale")).one("p", id="not-compared").text

    assert note.startswith("Before is what CloudFormation deployed last.")
    assert "only CloudFormation’s drift detection finds them" in note


@pytest.mark.parametrize(("happened", "text"), [(True, "It was replaced."), (False, "It was not replaced.")])
def test_an_uncertain_replacement_is_uncertain_before_and_certain_afterwards(
    browser: Client, shop: Environment, happened: bool, text: str
) -> None:
    uncertain = ChangedResource(
        path="Web/Group",
        action="modify",
        type="AWS::AutoScaling::AutoScalingGroup",
        replacement="Conditional",
        effect="may_be_replaced",
    )
    change = make_preview(shop, changes=Changes(resources=(uncertain,)).to_json())
    before = opened(browser, change).one("tbody", id="changes-body").text
    assert "CloudFormation decides during the update whether to replace it." in before
    assert text not in before

    stored = change.changes | {"replaced": {"Web/Group": happened}}
    Deployment.objects.filter(pk=change.pk).update(changes=stored, state="succeeded", last_phase="ready")
    after = page(browser.get(f"/deployments/{change.pk}/preview?applied=yes"))

    assert text in after.one("tbody", id="changes-body").text


def test_a_skipped_resource_that_may_change_is_not_said_to_stay(browser: Client, shop: Environment) -> None:
    change = make_preview(shop, "traffic")
    unsure = next(one["path"] for one in change.changes["resources"] if one.get("effect") == "unchanged")
    stack, _, name = unsure.rpartition("/")
    skipped = [
        StuckResource(
            path=path,
            stack_name="shop",
            stack_id="arn:shop",
            logical_id=id_,
            physical_id="",
            type="T",
            reason="",
        ).as_json()
        for path, id_ in ((stack, name), ("", "Untouched"))
    ]
    Environment.objects.filter(pk=shop.pk).update(skipped=skipped)

    listed = opened(browser, change).one("fieldset", id="skipped").text

    stays, _, may_change = listed.partition("It is not certain")
    assert "this change does not touch them Untouched" in stays
    assert unsure not in stays
    assert unsure in may_change
