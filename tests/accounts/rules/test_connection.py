"""What a test finds, from what AWS answered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.accounts.rules import offers, quotas
from deployments.accounts.rules.account_roles import PORTAL, SERVICE
from deployments.accounts.rules.connection import (
    Check,
    ConnectionFinding,
    FindingCode,
    Result,
    connection_result,
    findings,
)
from deployments.accounts.rules.facts import (
    Bucket,
    CallError,
    CertificateAnswer,
    ConnectionAnswers,
    DatabaseAnswer,
    OfferAnswers,
    OfferRead,
    RoleFacts,
)
from deployments.accounts.rules.roles_facts import with_decisions
from deployments.accounts.rules.simulations import Simulation
from deployments.accounts.rules.sizes import SizeNeeds
from deployments.accounts.rules.stored_facts import (
    facts_as_json,
    findings_as_json,
    read_facts,
    read_findings,
)
from deployments.accounts.texts import FINDINGS, finding_advice, finding_text
from deployments.aws.iam import SimulatedDecision
from deployments.aws.service_quotas import Limited, QuotaUse
from deployments.cloudformation.region_needs import DatabaseNeed, RegionNeeds
from deployments.common.rules.aws_error_codes import CREDENTIALS, DENIED
from deployments.environments.rules.account_template import REVISION

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/sanso-portal"
SERVICE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/sanso-cloudformation"
FACTS = ConnectionAnswers(
    region="ap-northeast-1",
    account_id=ACCOUNT,
    arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/sanso-portal/sanso",
    skew=0.4,
    zones=("ap-northeast-1a", "ap-northeast-1c"),
    revision=REVISION,
    bucket="sanso-artifacts",
    bucket_state=Bucket.EXISTS,
    portal=RoleFacts(arn=ROLE, tested=90),
    service=RoleFacts(arn=SERVICE_ROLE, tested=300),
)
OF_THE_REGION = {Check.QUOTAS, Check.INSTANCE_TYPES, Check.DATABASES, Check.IMAGES, Check.CERTIFICATES}
POLICIES = {PORTAL: "{portal}", SERVICE: "{service}", "simulate": "{simulate}"}
DENIAL = CallError(operation="iam:SimulatePrincipalPolicy", code="AccessDenied")

codes = st.sampled_from(sorted(CREDENTIALS | DENIED | {"EndpointConnectionError", "NoSuchEntity"}))
errors = st.none() | st.builds(
    CallError, operation=st.sampled_from(["sts:AssumeRole", "ec2:DescribeAvailabilityZones"]), code=codes
)
actions = st.lists(st.sampled_from(["s3:GetObject", "ec2:RunInstances"]), unique=True).map(tuple)
roles = st.builds(
    RoleFacts,
    arn=st.sampled_from(
        ["", ROLE, SERVICE_ROLE, "arn:aws:iam::210987654321:role/other", f"arn:aws:iam::{ACCOUNT}:root"]
    ),
    tested=st.integers(0, 400),
    missing=st.dictionaries(st.integers(0, 30), actions, max_size=3),
    refused=actions,
    error=errors,
    reads=actions,
    reads_denied=actions,
)
uses = st.lists(
    st.builds(QuotaUse, limited=st.sampled_from(Limited), limit=st.integers(0, 9), used=st.integers(0, 9)),
    max_size=3,
).map(tuple)
needs = st.builds(
    DatabaseNeed, engine=st.just("aurora-mysql"), version=st.sampled_from("12"), instance_class=st.just("db")
)
zones = st.lists(st.sampled_from("abc"), unique=True).map(tuple)
databases = st.builds(DatabaseAnswer, need=needs, has_version=st.booleans(), zones=zones)
certificates = st.builds(
    CertificateAnswer,
    arn=st.just(f"arn:aws:acm:ap-northeast-1:{ACCOUNT}:certificate/1"),
    status=st.sampled_from(["", "ISSUED", "EXPIRED"]),
    days=st.none() | st.integers(-9, 99),
)
offered = st.builds(
    OfferAnswers,
    done=st.lists(st.sampled_from(OfferRead), unique=True).map(tuple),
    errors=st.dictionaries(st.sampled_from(OfferRead), errors.filter(bool), max_size=2),
    zones_by_type=st.dictionaries(st.sampled_from(["t4g.micro"]), zones),
    databases=st.lists(databases, max_size=2).map(tuple),
    images=st.lists(st.sampled_from(["/one", "/two"]), unique=True).map(tuple),
    certificates=st.lists(certificates, max_size=2).map(tuple),
)
sizes = st.lists(
    st.builds(
        SizeNeeds,
        label=st.sampled_from(["Trial", "Standard"]),
        needs=st.just({Limited.VPCS: 1}),
        region=st.builds(
            RegionNeeds,
            instance_types=st.sampled_from([(), ("t4g.micro",)]),
            databases=st.lists(needs, max_size=2).map(tuple),
            zones=st.sampled_from([(), (0, 1), (7,)]),
        ),
        images=st.sampled_from([(), ("/one",)]),
    ),
    max_size=3,
)
facts = st.builds(
    ConnectionAnswers,
    region=st.just("ap-northeast-1"),
    is_sandbox=st.booleans(),
    account_id=st.just(ACCOUNT),
    arn=st.just(ROLE),
    identity_error=errors,
    skew=st.none() | st.floats(-1000, 1000),
    zones=st.lists(st.sampled_from(["a", "b", "c"]), unique=True).map(tuple),
    region_error=errors,
    revision=st.none() | st.integers(1, REVISION + 2),
    parameters=st.dictionaries(st.sampled_from(["Scope"]), st.sampled_from(["strict"])),
    revision_error=errors,
    bucket=st.just("bucket"),
    bucket_state=st.none() | st.sampled_from(Bucket),
    bucket_error=errors,
    portal=roles,
    service=roles,
    quotas=st.dictionaries(st.sampled_from(["vpc", "rds"]), uses, max_size=2),
    quota_errors=st.dictionaries(st.just("ec2"), errors.filter(bool), max_size=1),
    offers=offered,
)


def of(check: Check, **changed: Any) -> list[ConnectionFinding]:
    return [one for one in findings(replace(FACTS, **changed), POLICIES) if one.check is check]


def one_of(check: Check, **changed: Any) -> ConnectionFinding:
    (found,) = of(check, **changed)
    return found


def test_a_connection_that_works_is_one_line_for_each_check() -> None:
    found = findings(FACTS, POLICIES)

    assert [one.check for one in found] == [one for one in Check if one not in OF_THE_REGION]
    assert connection_result(found) is Result.OK
    assert not any(finding_advice(one) for one in found)


@given(facts=facts, sizes=sizes)
def test_any_facts_have_findings_with_texts_and_survive_their_storage(
    facts: ConnectionAnswers, sizes: list[SizeNeeds]
) -> None:
    about_region = (*quotas.findings(facts, sizes, facts.region), *offers.findings(facts, sizes))
    found = (*findings(facts, POLICIES), *about_region)

    assert read_facts(facts_as_json(facts)) == facts
    assert read_findings(findings_as_json(found)) == list(found)
    assert {one.check for one in found} >= {Check.IDENTITY}
    for one in found:
        assert "%(" not in finding_text(one) + finding_advice(one)
        assert (one.result is Result.OK) <= (not finding_advice(one))
        assert (one.result is Result.OK) or finding_advice(one)


@given(facts=facts)
def test_without_an_identity_nothing_else_is_said(facts: ConnectionAnswers) -> None:
    if facts.identity_error is None:
        return
    (only,) = findings(facts, POLICIES)
    assert (only.check, only.result) == (Check.IDENTITY, Result.PROBLEM)


def test_every_code_has_a_text() -> None:
    assert set(FINDINGS) == set(FindingCode)


@pytest.mark.parametrize(
    ("operation", "code", "expected"),
    [
        ("sts:AssumeRole", "AccessDenied", FindingCode.IDENTITY_DENIED),
        ("sts:AssumeRole", "ExpiredToken", FindingCode.IDENTITY_CREDENTIALS),
        ("sts:AssumeRole", "NoCredentialsError", FindingCode.IDENTITY_CREDENTIALS),
        ("sts:AssumeRole", "SignatureDoesNotMatch", FindingCode.IDENTITY_CLOCK),
        ("sts:GetCallerIdentity", "RegionDisabledException", FindingCode.IDENTITY_REGION),
        ("sts:GetCallerIdentity", "EndpointConnectionError", FindingCode.IDENTITY_UNREACHABLE),
    ],
)
def test_a_refused_identity_says_why(operation: str, code: str, expected: FindingCode) -> None:
    error = CallError(operation=operation, code=code)

    assert one_of(Check.IDENTITY, identity_error=error).code is expected


def test_an_unreachable_sandbox_is_not_awss_network() -> None:
    error = CallError(operation="sts:AssumeRole", code="EndpointConnectionError")

    found = one_of(Check.IDENTITY, identity_error=error, is_sandbox=True)

    assert found.code is FindingCode.IDENTITY_SANDBOX


def test_clock_region_revision_and_bucket_name_what_is_wrong() -> None:
    assert one_of(Check.CLOCK, skew=-61.0).code is FindingCode.CLOCK_SKEWED
    assert one_of(Check.REGION, zones=("a",)).code is FindingCode.REGION_FEW_ZONES
    disabled = CallError(operation="ec2:DescribeAvailabilityZones", code="AuthFailure")
    assert one_of(Check.REGION, region_error=disabled).code is FindingCode.REGION_DISABLED
    old = one_of(Check.REVISION, revision=REVISION - 1)
    assert (old.result, old.code) == (Result.WARNING, FindingCode.REVISION_OLD)
    assert one_of(Check.REVISION, revision=None).result is Result.OK
    assert one_of(Check.BUCKET, bucket_state=Bucket.MISSING).result is Result.OK
    assert one_of(Check.BUCKET, bucket_state=Bucket.FOREIGN).result is Result.PROBLEM
    assert one_of(Check.BUCKET, bucket_state=Bucket.ELSEWHERE).code is FindingCode.BUCKET_ELSEWHERE


def test_missing_permissions_are_listed_with_the_statements_to_add() -> None:
    portal = replace(FACTS.portal, missing={3: ("s3:PutObject",), 4: ("s3:GetObject", "s3:PutObject")})

    found = one_of(Check.PERMISSIONS, portal=portal)

    assert (found.result, found.actions) == (Result.PROBLEM, ("s3:GetObject", "s3:PutObject"))
    assert found.policy == "{portal}"
    assert "sanso-portal lacks permissions: 2." in finding_text(found)


def test_what_another_policy_denies_has_no_statement_to_add() -> None:
    service = replace(FACTS.service, missing={1: ("ec2:CreateVpc",)}, refused=("ec2:RunInstances",))

    missing, refused = of(Check.SERVICE_ROLE, service=service)

    assert (missing.actions, missing.policy) == (("ec2:CreateVpc",), "{service}")
    assert (refused.actions, refused.policy) == (("ec2:RunInstances",), "")


def test_without_simulation_the_result_says_so() -> None:
    reads = ("ec2:DescribeAvailabilityZones", "tag:GetResources")
    portal = replace(FACTS.portal, error=DENIAL, reads=reads, reads_denied=reads[1:])

    only, denied = of(Check.PERMISSIONS, portal=portal)
    service = one_of(Check.SERVICE_ROLE, service=replace(FACTS.service, error=DENIAL))

    assert (only.result, only.policy) == (Result.WARNING, "{simulate}")
    assert "only 2 harmless reads" in finding_text(only)
    assert (denied.result, denied.actions) == (Result.PROBLEM, reads[1:])
    assert (service.result, service.code) == (Result.WARNING, FindingCode.NOT_SIMULATED)


def test_a_service_role_can_be_absent_or_of_another_account() -> None:
    assert one_of(Check.SERVICE_ROLE, service=RoleFacts()).code is FindingCode.ROLE_NONE
    other = RoleFacts(arn="arn:aws:iam::210987654321:role/sanso-cloudformation")
    assert one_of(Check.SERVICE_ROLE, service=other).code is FindingCode.ROLE_ELSEWHERE
    error = CallError(operation="iam:SimulatePrincipalPolicy", code="NoSuchEntity")
    gone = replace(FACTS.service, error=error)
    assert one_of(Check.SERVICE_ROLE, service=gone).code is FindingCode.ROLE_MISSING


def test_a_role_adds_up_the_decisions_that_its_calls_are_for() -> None:
    call = Simulation(statement=2, pairs=frozenset({("s3:GetObject", "a"), ("s3:PutObject", "b")}))
    decisions = [
        SimulatedDecision(action="s3:GetObject", resource="a", is_allowed=False),
        SimulatedDecision(action="s3:GetObject", resource="b", is_allowed=False),
        SimulatedDecision(action="s3:PutObject", resource="b", is_allowed=False, by_organization=True),
    ]

    found = with_decisions(RoleFacts(missing={2: ("s3:DeleteObject",)}, tested=1), call, decisions)

    assert found.missing == {2: ("s3:DeleteObject", "s3:GetObject")}
    assert (found.refused, found.tested) == (("s3:PutObject",), 3)
