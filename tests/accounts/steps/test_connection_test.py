"""The steps of a test of an account's connection, and what they find."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from deployments.accounts.models import ConnectionTest
from deployments.accounts.rules.connection import Result
from deployments.accounts.shared.requested_tests import request_test
from deployments.accounts.steps import connection_test
from deployments.aws.acm import Certificate
from deployments.aws.iam import SimulatedDecision
from deployments.aws.service_quotas import CODES, Limited
from deployments.common.errors import AwsAccessError, AwsNotFound, AwsRetryable, QuotaExhausted
from deployments.common.models import leases
from deployments.environments.rules.account_template import REVISION, STACK
from tests.accounts.testing import ROLE, SERVICE_ROLE, line_of, outcome_of, production, take_steps
from tests.builders import make_account, make_environment
from tests.fake_services import IMAGE
from tests.fakes import ACCOUNT_ID, FakeAws, FakeStack

pytestmark = pytest.mark.django_db
SIMULATE = "iam:SimulatePrincipalPolicy"


def denied(action: str, **why: bool) -> SimulatedDecision:
    return SimulatedDecision(action=action, resource="", is_allowed=False, **why)


def refusal(operation: str, code: str = "AccessDenied") -> AwsAccessError:
    return AwsAccessError(code, "not authorized", operation)


def test_a_connection_that_works_is_tested_without_any_change(aws: FakeAws) -> None:
    aws.buckets["sanso-artifacts-123456789012-ap-northeast-1"] = set()

    found = outcome_of(production(), aws)

    assert (found.result, found.account_number) == (Result.OK, ACCOUNT_ID)
    assert [line.check for line in found.lines] == [
        *("identity", "region", "revision", "permissions", "service_role", "bucket", "quotas"),
        *("instance_types", "databases", "images"),
    ]
    assert {call.split(":")[1][:4] for call in aws.calls} <= {"Assu", "GetC", "GetP", "Desc", "List", "Simu"}
    assert {role for role, _action in aws.simulated} == {ROLE, SERVICE_ROLE}


def test_a_missing_permission_is_named_with_the_statement_to_add(aws: FakeAws) -> None:
    aws.not_allowed["rds:ModifyDBCluster"] = denied("rds:ModifyDBCluster")

    found = outcome_of(production(), aws)

    line = line_of(found, "permissions")
    assert (found.result, line.actions) == (Result.PROBLEM, ("rds:ModifyDBCluster",))
    (statement,) = json.loads(line.policy)["Statement"]
    assert statement["Action"] == ["rds:ModifyDBCluster"]
    assert statement["Condition"] == {"StringLike": {"aws:ResourceTag/sanso:environment": "*"}}
    service = line_of(found, "service_role")
    assert f"arn:aws:rds:*:{ACCOUNT_ID}:cluster:sanso-*" in service.policy


def test_what_an_organization_denies_has_no_statement_to_add(aws: FakeAws) -> None:
    aws.not_allowed["ec2:CreateVpc"] = denied("ec2:CreateVpc", by_organization=True)

    line = line_of(outcome_of(production(), aws), "service_role")

    assert (line.result, line.actions, line.policy) == (Result.PROBLEM, ("ec2:CreateVpc",), "")
    assert "organization" in line.advice


def test_a_denied_role_ends_the_test_and_says_what_to_compare(aws: FakeAws) -> None:
    aws.fail("sts:AssumeRole", refusal("sts:AssumeRole"))

    found = outcome_of(production(), aws)

    (line,) = found.lines
    assert (line.check, line.result) == ("identity", Result.PROBLEM)
    assert "external ID" in line.advice
    assert aws.calls == ["sts:AssumeRole"]


def test_expired_credentials_are_the_portals_own(aws: FakeAws) -> None:
    aws.fail("sts:AssumeRole", refusal("sts:AssumeRole", "ExpiredToken"))

    (line,) = outcome_of(production(), aws).lines

    assert "portal's own credentials" in line.text


def test_without_simulation_harmless_reads_are_tried(aws: FakeAws) -> None:
    aws.fail(SIMULATE, refusal(SIMULATE), refusal(SIMULATE))
    aws.fail("tag:GetResources", refusal("tag:GetResources"))

    found = outcome_of(production(), aws)

    only, failed = [line for line in found.lines if line.check == "permissions"]
    assert "harmless reads" in only.text
    assert SIMULATE in only.policy
    assert failed.actions == ("tag:GetResources",)
    assert "were not tested" in line_of(found, "service_role").text
    assert aws.calls.count(SIMULATE) == 2


def test_a_role_that_does_not_exist_is_named(aws: FakeAws) -> None:
    aws.fail(SIMULATE, AwsNotFound("NoSuchEntity", "cannot be found", SIMULATE))

    found = outcome_of(production(), aws)

    assert line_of(found, "permissions").text == "sanso-portal does not exist in this account."


def test_a_disabled_region_and_a_denied_stack_are_lines_of_their_own(aws: FakeAws) -> None:
    aws.fail("ec2:DescribeAvailabilityZones", refusal("ec2:DescribeAvailabilityZones", "AuthFailure"))
    aws.fail("cloudformation:DescribeStacks", refusal("cloudformation:DescribeStacks"))

    found = outcome_of(production(), aws)

    assert "is not enabled" in line_of(found, "region").text
    assert "cloudformation:DescribeStacks failed" in line_of(found, "revision").text


def test_the_revision_is_stored_as_well(aws: FakeAws) -> None:
    stack = FakeStack(
        name=STACK, stack_id="account", status="CREATE_COMPLETE", parameters={"Scope": "strict"}
    )
    stack.outputs = {"Revision": str(REVISION - 1)}
    aws.stacks["account"] = stack
    aws.not_allowed["ec2:DeleteVpc"] = denied("ec2:DeleteVpc")
    account = production()

    found = outcome_of(account, aws)

    account.refresh_from_db()
    assert account.roles_revision == REVISION - 1
    assert line_of(found, "revision").result is Result.WARNING
    assert "aws:ResourceTag/sanso:environment" in line_of(found, "service_role").policy


def test_a_bucket_of_another_account_is_a_problem(aws: FakeAws) -> None:
    aws.foreign_buckets.add("our-templates")

    line = line_of(outcome_of(production(artifact_bucket="our-templates"), aws), "bucket")

    assert (line.result, "our-templates" in line.text) == (Result.PROBLEM, True)


def test_without_a_service_role_the_test_warns(aws: FakeAws) -> None:
    found = outcome_of(production(service_role_arn=""), aws)

    assert found.result is Result.WARNING
    assert "No service role" in line_of(found, "service_role").text


def test_throttled_calls_are_repeated_and_the_test_goes_on(aws: FakeAws) -> None:
    throttled = AwsRetryable("Throttling", "Rate exceeded", SIMULATE)
    aws.fail("sts:AssumeRole", AwsRetryable("EndpointConnectionError", "no", "sts:AssumeRole"))
    aws.fail(SIMULATE, throttled, QuotaExhausted(SIMULATE, 0.5), throttled)

    assert outcome_of(production(), aws).result is Result.OK


def test_an_unreachable_aws_is_a_result_after_some_attempts(aws: FakeAws) -> None:
    lost = AwsRetryable("EndpointConnectionError", "no", "sts:AssumeRole")
    aws.fail("sts:AssumeRole", *[lost] * connection_test.TRIES)

    (line,) = outcome_of(production(), aws).lines

    assert "did not answer" in line.text


def test_a_simulation_that_is_always_throttled_ends_as_not_tested(aws: FakeAws) -> None:
    throttled = AwsRetryable("Throttling", "Rate exceeded", SIMULATE)
    aws.fail(SIMULATE, *[throttled] * 2 * connection_test.TRIES)

    assert outcome_of(production(), aws).result is Result.WARNING


def test_steps_whose_worker_dies_end_with_a_sentence(aws: FakeAws) -> None:
    account = production()
    request_test(account, timezone.now())

    aws.on_call = _die
    take_steps(account, aws, aws.identify)

    test = ConnectionTest.objects.of(account).get()
    assert test.result == "problem"
    assert [one["code"] for one in test.findings] == ["interrupted"]


def _die(_call: str) -> None:
    raise RuntimeError("a fault of the step")


def test_a_message_that_is_delivered_twice_does_nothing(aws: FakeAws) -> None:
    account = production()
    request_test(account, timezone.now())
    rows = ConnectionTest.objects.active()
    ((pk, version),) = leases.claim_due(rows, timezone.now(), timedelta(seconds=30))

    assert connection_test.run_test(pk, version, aws, aws.identify)
    assert not connection_test.run_test(pk, version, aws, aws.identify)


def test_while_a_test_is_in_progress_no_other_begins_and_the_last_result_stays(aws: FakeAws) -> None:
    account = production()
    aws.not_allowed["rds:ModifyDBCluster"] = denied("rds:ModifyDBCluster")
    outcome_of(account, aws)

    assert request_test(account, timezone.now())
    assert not request_test(account, timezone.now())

    test = ConnectionTest.objects.of(account).get()
    assert (test.is_running, test.result) == (True, "problem")
    aws.not_allowed.clear()
    take_steps(account, aws, aws.identify)
    assert ConnectionTest.objects.of(account).get().result == "ok"


def test_the_portals_own_user_is_simulated_where_no_role_is_entered(aws: FakeAws) -> None:
    outcome_of(production(role_arn="", service_role_arn=""), aws)

    assert {role for role, _action in aws.simulated} == {f"arn:aws:iam::{ACCOUNT_ID}:user/sanso"}


def test_an_exceeded_quota_is_named_with_its_page(aws: FakeAws) -> None:
    aws.in_use[Limited.VPCS] = 100

    line = line_of(outcome_of(production(), aws), "quotas")

    assert (line.result, line.text) == (
        Result.PROBLEM,
        "VPCs: 0 of 100 left. Needed: Trial 1, Standard 1, Production 1.",
    )
    assert line.link == (
        "https://ap-northeast-1.console.aws.amazon.com/servicequotas/home/services/vpc/quotas/L-F678F1CE"
        "?region=ap-northeast-1"
    )


def test_quotas_that_may_not_be_read_are_a_warning(aws: FakeAws) -> None:
    denied_read = refusal("servicequotas:ListServiceQuotas")
    aws.fail("servicequotas:ListServiceQuotas", denied_read)

    found = outcome_of(production(), aws)

    assert found.result is Result.WARNING
    assert "The quotas of vpc were not compared" in line_of(found, "quotas").text


def test_throttled_quotas_are_read_again_from_the_service_that_is_left(aws: FakeAws) -> None:
    call = "servicequotas:ListServiceQuotas"
    aws.fail(call, QuotaExhausted(call, 0.5), AwsRetryable("Throttling", "Rate exceeded", call))

    found = outcome_of(production(), aws)

    assert line_of(found, "quotas").result is Result.OK
    assert aws.calls.count(call) == len(CODES) + 2


def test_what_the_region_does_not_offer_is_named_with_the_sizes_that_need_it(aws: FakeAws) -> None:
    version, needed = "8.0.mysql_aurora.3.10.6", "Needed by: Trial, Standard, Production."
    aws.not_offered = {"m7g.large": ["ap-northeast-1c"], version: [], "db.r7g.large": aws.zone_names}
    aws.ssm_parameters = {}

    found = outcome_of(production(), aws)

    of_type, of_database, of_image = (
        line_of(found, one) for one in ("instance_types", "databases", "images")
    )
    assert (of_type.result, of_type.text) == (
        Result.WARNING,
        "m7g.large is not offered in ap-northeast-1c. Needed by: Production.",
    )
    text = f"ap-northeast-1 does not offer aurora-mysql {version}. {needed}"
    assert (of_database.result, of_database.text) == (Result.PROBLEM, text)
    assert "rds:DescribeOrderableDBInstanceOptions" not in aws.calls
    assert (of_image.result, of_image.text) == (
        Result.PROBLEM,
        f"{IMAGE} does not exist in ap-northeast-1. {needed}",
    )
    assert found.result is Result.PROBLEM


def test_offers_that_may_not_be_read_are_a_warning_and_the_others_are_read(aws: FakeAws) -> None:
    aws.fail("ec2:DescribeInstanceTypeOfferings", refusal("ec2:DescribeInstanceTypeOfferings"))

    found = outcome_of(production(), aws)

    line = line_of(found, "instance_types")
    assert (line.result, line.text) == (
        Result.WARNING,
        "Not tested: ec2:DescribeInstanceTypeOfferings failed (AccessDenied).",
    )
    assert "account.yaml" in line.advice
    assert line_of(found, "databases").result is Result.OK


def test_certificates_are_those_of_the_environments_that_exist(aws: FakeAws) -> None:
    account = production()
    used, other, of_deleted = (
        f"arn:aws:acm:ap-northeast-1:{ACCOUNT_ID}:certificate/{name}" for name in ("used", "other", "deleted")
    )
    for name, arn in (("shop", used), ("blog", other)):
        make_environment(name, account=account, parameters={"CertificateArn": arn, "DatabaseName": "datelog"})
    deleted = {"deleted_at": timezone.now(), "parameters": {"CertificateArn": of_deleted}}
    make_environment("old", account=account, **deleted)
    soon, later = (timezone.now() + timedelta(days=days, hours=1) for days in (12, 300))
    aws.certificates = {
        used: Certificate(status="ISSUED", ends_at=later),
        other: Certificate(status="ISSUED", ends_at=soon),
    }

    line = line_of(outcome_of(account, aws), "certificates")

    assert (line.result, line.text) == (Result.WARNING, f"{other} expires in 12 days.")
    assert aws.calls.count("acm:DescribeCertificate") == 2


def test_a_test_that_an_earlier_version_began_is_finished(aws: FakeAws) -> None:
    account = production()
    request_test(account, timezone.now())
    test = ConnectionTest.objects.of(account).get()
    assert connection_test.run_test(test.pk, test.version, aws, aws.identify)
    test.refresh_from_db()
    test.facts.pop("offers")
    test.save(update_fields=["facts"])

    take_steps(account, aws, aws.identify)

    assert ConnectionTest.objects.of(account).get().result == "ok"


def test_the_sandbox_has_the_roles_of_this_version(aws: FakeAws) -> None:
    account = make_account("sandbox", is_sandbox=True, sandbox_account_id=ACCOUNT_ID)

    found = outcome_of(account, aws)

    assert "The sandbox has the roles" in line_of(found, "revision").text
