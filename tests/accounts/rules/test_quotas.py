"""Whether an account has room for one more environment, by its quotas and the templates."""

from __future__ import annotations

import pytest

from deployments.accounts.rules.connection import Check, ConnectionFinding, FindingCode, Result
from deployments.accounts.rules.facts import CallError, ConnectionAnswers
from deployments.accounts.rules.quotas import findings
from deployments.accounts.rules.sizes import SizeNeeds
from deployments.accounts.shared import pending_reads
from deployments.accounts.texts import LIMITED, finding_text
from deployments.aws.instance_vcpus import standard_vcpus
from deployments.aws.service_quotas import CODES, Limited, QuotaUse

pytestmark = pytest.mark.django_db
SIZES = [
    SizeNeeds(label="Trial", needs={Limited.VPCS: 1, Limited.VCPUS: 4}),
    SizeNeeds(label="Large", needs={Limited.VPCS: 1, Limited.VCPUS: 16}),
]


def found(limited: Limited, limit: int, used: int) -> list[ConnectionFinding]:
    use = QuotaUse(limited=limited, limit=limit, used=used)
    facts = ConnectionAnswers(region="eu-west-1", quotas={"any": (use,)})
    return list(findings(facts, SIZES, facts.region))


def test_a_quota_that_every_size_exceeds_is_a_problem() -> None:
    (one,) = found(Limited.VPCS, 5, 5)

    assert (one.check, one.result) == (Check.QUOTAS, Result.PROBLEM)
    assert finding_text(one) == "VPCs: 0 of 5 left. Needed: Trial 1, Large 1."


def test_a_quota_that_only_a_large_size_exceeds_is_a_warning() -> None:
    (one,) = found(Limited.VCPUS, 32, 20)

    assert one.result is Result.WARNING
    assert "12 of 32 left. Needed: Trial 4, Large 16." in finding_text(one)


def test_the_last_free_one_is_enough() -> None:
    (one,) = found(Limited.VPCS, 5, 4)

    assert (one.result, one.code) == (Result.OK, FindingCode.QUOTAS_OK)


def test_a_quota_below_what_is_in_use_has_nothing_left() -> None:
    (one,) = found(Limited.VPCS, 5, 7)

    assert one.values["left"] == "0"


def test_a_service_that_does_not_answer_is_named() -> None:
    error = CallError(operation="servicequotas:ListServiceQuotas", code="AccessDenied")
    facts = ConnectionAnswers(region="eu-west-1", quota_errors={"rds": error})

    (one,) = findings(facts, SIZES, facts.region)

    assert one.result is Result.WARNING
    assert "rds were not compared: servicequotas:ListServiceQuotas failed" in finding_text(one)


def test_every_quota_has_a_name_and_a_code() -> None:
    codes = [code for of_service in CODES.values() for code in of_service.values()]

    assert {one for of_service in CODES.values() for one in of_service} == set(Limited) == set(LIMITED)
    assert len(set(codes)) == len(Limited)


def test_the_needs_are_counted_from_the_templates_of_each_size() -> None:
    trial, standard, production = pending_reads.sizes()

    assert [trial.label, standard.label, production.label] == ["Trial", "Standard", "Production"]
    assert trial.needs == {
        Limited.VPCS: 1,
        Limited.INTERNET_GATEWAYS: 1,
        Limited.NAT_GATEWAYS: 1,
        Limited.SECURITY_GROUPS: 7,
        Limited.ADDRESSES: 1,
        Limited.VCPUS: 4,
        Limited.APPLICATION_LOAD_BALANCERS: 1,
        Limited.NETWORK_LOAD_BALANCERS: 1,
        Limited.TARGET_GROUPS: 2,
        Limited.DATABASE_CLUSTERS: 1,
        Limited.DATABASE_INSTANCES: 2,
        Limited.STACKS: trial.needs[Limited.STACKS],
    }
    assert standard.needs[Limited.VCPUS] == 8
    assert production.needs[Limited.ADDRESSES] == 2
    assert production.needs[Limited.NAT_GATEWAYS] == 1  # in each zone


@pytest.mark.parametrize(
    ("instance_type", "vcpus"),
    [
        ("t4g.micro", 2),
        ("t3.large", 2),
        ("t3.2xlarge", 8),
        ("m7g.medium", 1),
        ("m7g.large", 2),
        ("c7g.xlarge", 4),
        ("r7iz.metal-16xl", 64),
        ("m7g.metal", 96),
        ("g5.xlarge", 0),
        ("trn1.2xlarge", 0),
        ("dl1.24xlarge", 0),
        ("", 0),
    ],
)
def test_vcpus_follow_from_the_name_of_a_type(instance_type: str, vcpus: int) -> None:
    assert standard_vcpus(instance_type) == vcpus
