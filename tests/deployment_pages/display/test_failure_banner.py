"""The failure banner explains the reason, displays the evidence, and offers the possible actions."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from deployments.cloudformation.timeline import in_ms
from deployments.environments.models.deployments import Deployment
from deployments.failures.models import Evidence
from tests.builders import (
    START,
    make_account,
    make_deployment,
    make_environment,
    make_event,
    make_resource,
    make_stack,
)
from tests.pages.pages import Element, page

pytestmark = pytest.mark.django_db
DENIED = (
    "User: arn:aws:sts::123456789012:assumed-role/sanso/sanso is not authorized to perform: "
    "rds:CreateDBCluster on resource: arn:aws:rds:ap-northeast-1:123456789012:cluster:app"
)


def read(browser: Client, deployment: Deployment) -> Element:
    return page(browser.get(deployment.get_absolute_url()))


def links(part: Element) -> dict[str, str]:
    return {link.text: link["href"] for link in part.all("a")}


def _failed(
    reason: str, *, type_: str = "AWS::RDS::DBCluster", sandbox: bool = False, **values: object
) -> Deployment:
    environment = make_environment(
        account=make_account(is_sandbox=sandbox), stack_id="arn:aws:cf:x:1:stack/a"
    )
    deployment = make_deployment(environment, state="rolled_back", active_key=None, **values)
    type(environment).objects.filter(pk=environment.pk).update(latest=deployment)
    nested = make_stack(deployment, "Aurora", make_stack(deployment))
    make_event(
        deployment,
        1,
        stack=nested,
        logical_id="Cluster",
        type=type_,
        status="CREATE_FAILED",
        reason=reason,
    )
    return deployment


def test_a_denied_action_comes_with_the_policy_that_allows_it(browser: Client) -> None:
    shown = read(browser, _failed(DENIED)).one(id="banner")

    assert "AWS denied rds:CreateDBCluster" in shown.one(id="end-title").text
    (button,) = [b for b in shown.all("button") if "Copy a policy" in b.text]
    assert json.loads(button["data-copy"])["Action"] == "rds:CreateDBCluster"
    assert "Aurora ▸ Cluster" in shown.text


def test_a_quota_leads_to_the_services_quotas(browser: Client) -> None:
    reason = "The quota for DB clusters has been exceeded: DBClusterQuotaExceededFault"
    shown = read(browser, _failed(reason)).one(id="banner")
    (url,) = [url for label, url in links(shown).items() if label.startswith("Open Service Quotas")]
    assert "/services/rds/quotas?region=" in url


def test_the_sandbox_has_no_quotas_page(browser: Client) -> None:
    shown = read(browser, _failed("DBClusterQuotaExceededFault", sandbox=True)).one(id="banner")
    assert not [label for label in links(shown) if "Quotas" in label]


def test_a_value_that_is_wrong_leads_to_its_field(browser: Client) -> None:
    deployment = _failed(
        "Cannot find version 8.0.mysql_aurora.3.01.0 for aurora-mysql",
        parameters={"EngineVersion": "8.0.mysql_aurora.3.01.0", "Name": "x"},
    )
    type(deployment.environment).objects.update(stack_id="")
    shown = read(browser, deployment).one(id="banner")
    form = links(shown)["Retry with these values"]
    assert form.endswith(f"?from={deployment.pk}#id_parameter_EngineVersion")


def test_evidence_found_beside_the_failure_is_shown_as_text(browser: Client) -> None:
    deployment = _failed(
        "Received response status [FAILED] from custom resource. Message returned: no", type_="Custom::X"
    )
    Evidence.objects.create(
        deployment=deployment, kind="function_log", subject="/sanso/init s", text="<b>no table</b>", at=START
    )

    shown = read(browser, deployment).one(id="banner")

    assert "Function log" in shown.text
    assert "<b>no table</b>" in shown.one("pre").text


def test_a_reason_that_nobody_knows_is_shown_in_awss_own_words(browser: Client) -> None:
    shown = read(browser, _failed("Strange new words")).one(id="banner")

    assert shown.one(id="end-title").text == "Cluster could not be created: Strange new words."
    assert shown.one(id="main-action").text == "Clean up and retry…"
    assert "Delete remaining resources…" in links(shown)


def test_later_failures_are_folded_under_the_first(browser: Client) -> None:
    deployment = _failed(DENIED)
    nested = deployment.stacks.get(path="Aurora")
    make_event(
        deployment, 2, stack=nested, logical_id="Group", status="DELETE_FAILED", reason="It is in use."
    )
    make_resource(
        nested, "Group", changes=[[in_ms(START), "CREATE_COMPLETE"], [in_ms(START), "DELETE_FAILED"]]
    )

    folded = read(browser, deployment).one(id="banner").one(class_="collateral")

    assert folded.one("summary").text == "1 more resource failed"
    assert "It is in use." in folded.text
    assert "Group" in folded.text


def test_while_things_are_taken_back_nothing_is_offered_that_cannot_be_done(browser: Client) -> None:
    deployment = _failed(DENIED)
    Deployment.objects.update(state="stacks", active_key=deployment.environment_id)

    shown = read(browser, deployment).one(id="banner")

    assert not shown.all(id="main-action")
    assert "Delete remaining resources…" not in links(shown)
    assert [b for b in shown.all("button") if "Copy a policy" in b.text]


def test_an_association_that_failed_names_the_instance_and_the_task(browser: Client) -> None:
    environment = make_environment(account=make_account(is_sandbox=True), stack_id="arn:aws:cf:x:1:stack/b")
    deployment = make_deployment(
        environment,
        state="failed",
        last_phase="configuration",
        active_key=None,
        ended_at=START,
        error_code="AssociationFailed",
        error_message="app-servers failed on i-2",
    )
    type(environment).objects.filter(pk=environment.pk).update(latest=deployment)
    Evidence.objects.create(
        deployment=deployment,
        kind="association_output",
        subject="i-2 app-servers",
        text="Install the release: No space left on device\nfatal: …",
        at=START,
    )

    shown = read(browser, deployment).one(id="banner")

    message = "Server i-2 failed at task “Install the release”: No space left on device."
    assert shown.one(id="end-title").text == message
    assert f"/environments/{environment.pk}/servers#associations" in links(shown).values()


VALIDATION = "Validation failed with 2 error(s). Call DescribeEvents to retrieve the full list of issues."


def _find(deployment: Deployment, code: str, number: int = 1, **values: str) -> None:
    """Store what stopped the stack, as the steps do."""
    found = {"path": "Aurora/Cluster", "place": "Aurora ▸ Cluster", "type": "AWS::RDS::DBCluster", **values}
    Evidence.objects.create(
        deployment=deployment,
        kind="validation",
        subject=f"e-{number}",
        problem={"code": code, "params": {"property_path": "", **found}},
        at=START,
    )


def headline(shown: Element) -> str:
    return shown.one(id="end-title").text.replace(" :", ":")  # behind a link


def test_what_the_validation_found_is_the_cause_and_is_listed(browser: Client) -> None:
    deployment = _failed(VALIDATION, type_="AWS::CloudFormation::Stack")
    check = "NAME_CONFLICT_VALIDATION"
    _find(deployment, "stopped_by_validation", check=check, reason="'app' already exists.")
    _find(deployment, "stopped_by_validation", 2, check="OTHER", reason="<b>none</b> is no value")

    shown = read(browser, deployment).one(id="banner")

    assert shown.one(id="end-title").text == (
        "Cluster did not pass CloudFormation's validation: A resource with this name already exists."
    )
    assert "'app' already exists." in shown.one(class_="failure-message").text
    listed = shown.one("section", id="findings")
    assert "Aurora ▸ Cluster did not pass CloudFormation's validation: 'app' already" in listed.text
    assert "<b>none</b> is no value (OTHER)" in listed.text
    assert not shown.all("details", class_="evidence")
    assert shown.one(class_="chain").all("a")[-1].text == "Cluster"


def test_a_hook_is_named_with_its_report_and_what_to_do(browser: Client) -> None:
    deployment = _failed("The following hook(s) failed: [A::B::C]")
    _find(deployment, "stopped_by_hook", check="A::B::C", reason="x already exists")

    shown = read(browser, deployment).one(id="banner")

    assert headline(shown) == "The hook A::B::C stopped Cluster: x already exists."
    assert "contact the owner of the hook" in shown.one(class_="advice").text
    assert not shown.all(class_="failure-message")


def test_a_hook_whose_report_cannot_be_read_is_named_and_the_reason_muted(browser: Client) -> None:
    deployment = _failed("The following hook(s) failed: [A::B::C]")
    params = {"action": "cloudformation:DescribeEvents", "aws": "not authorized", "code": "AccessDenied"}
    Evidence.objects.create(
        deployment=deployment,
        kind="validation",
        subject="cloudformation:DescribeEvents",
        problem={"code": "evidence_unreadable", "params": params},
        at=START,
    )

    shown = read(browser, deployment).one(id="banner")

    assert shown.one(id="end-title").text == "Cluster could not be created: The hook A::B::C stopped it."
    (item,) = shown.one("section", id="findings").all("li")
    assert "muted" in item["class"]
    assert "It could not be read. cloudformation:DescribeEvents: not authorized" in item.text


def test_a_stack_without_a_failed_event_is_explained_by_what_stopped_it(browser: Client) -> None:
    deployment = _failed("")
    deployment.events.all().delete()
    Deployment.objects.update(ended_at=START, error_code="ROLLBACK_COMPLETE", last_phase="stacks")
    stack = deployment.environment.stack_name
    _find(deployment, "stopped_by_hook", path="", place=stack, check="A::B::C", reason="Encrypt it.")

    shown = read(browser, deployment).one(id="banner")

    assert headline(shown) == f"The hook A::B::C stopped {stack}: Encrypt it."
    assert "contact the owner of the hook" in shown.one(class_="advice").text


def test_an_error_that_no_event_has_is_the_headline(browser: Client) -> None:
    deployment = _failed("The following resource(s) failed to create: [Cluster].")
    _find(deployment, "stopped_by_error", check="CREATE_FAILED", reason="Strange new words")

    shown = read(browser, deployment).one(id="banner")

    assert shown.one(id="end-title").text == "Cluster could not be created: Strange new words."
