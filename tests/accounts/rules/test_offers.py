"""Whether a region offers what environments need, from what AWS answered."""

from __future__ import annotations

from typing import Any

import pytest

from deployments.accounts.rules.connection import Check, ConnectionFinding, FindingCode, Result
from deployments.accounts.rules.facts import (
    CallError,
    CertificateAnswer,
    ConnectionAnswers,
    DatabaseAnswer,
    OfferAnswers,
    OfferRead,
)
from deployments.accounts.rules.offers import certificates_in, findings
from deployments.accounts.rules.sizes import SizeNeeds
from deployments.accounts.texts import finding_text
from deployments.cloudformation.region_needs import DatabaseNeed, RegionNeeds

REGION = "eu-west-1"
ZONES = (f"{REGION}a", f"{REGION}b", f"{REGION}c")
SMALL, LARGE = (
    DatabaseNeed(engine="aurora-mysql", version="3.10", instance_class=name) for name in ("db.s", "db.l")
)
SIZES = [
    SizeNeeds(
        label="Trial",
        region=RegionNeeds(instance_types=("t4g.micro",), databases=(SMALL,), zones=(0, 2)),
        images=("/image",),
    ),
    SizeNeeds(
        label="Large",
        region=RegionNeeds(instance_types=("m7g.large",), databases=(LARGE,), zones=(0, 2)),
        images=("/image",),
    ),
]


def of(check: Check, **answers: Any) -> list[ConnectionFinding]:
    offers = OfferAnswers(done=tuple(OfferRead), **answers)
    facts = ConnectionAnswers(region=REGION, zones=ZONES, offers=offers)
    return [one for one in findings(facts, SIZES) if one.check is check]


def databases(*answers: DatabaseAnswer) -> ConnectionFinding:
    (found,) = of(Check.DATABASES, databases=answers)
    return found


def certificate(**values: Any) -> ConnectionFinding:
    (found,) = of(Check.CERTIFICATES, certificates=(CertificateAnswer(arn="arn:c", **values),))
    return found


def test_types_that_the_zones_in_use_offer_are_fine_whatever_others_offer() -> None:
    used = (ZONES[0], ZONES[2])

    (found,) = of(Check.INSTANCE_TYPES, zones_by_type={"t4g.micro": ZONES, "m7g.large": used})

    assert found.result is Result.OK
    assert finding_text(found) == "m7g.large; t4g.micro: offered in eu-west-1a, eu-west-1c"


def test_a_type_that_only_a_large_size_needs_is_a_warning() -> None:
    (found,) = of(Check.INSTANCE_TYPES, zones_by_type={"t4g.micro": ZONES, "m7g.large": ZONES[1:]})

    assert found.result is Result.WARNING
    assert finding_text(found) == "m7g.large is not offered in eu-west-1a. Needed by: Large."


def test_types_that_every_size_lacks_are_problems() -> None:
    found = of(Check.INSTANCE_TYPES, zones_by_type={"t4g.micro": ZONES[:1]})

    assert {one.result for one in found} == {Result.PROBLEM}
    assert [one.values["type"] for one in found] == ["t4g.micro", "m7g.large"]


def test_a_version_and_a_class_that_are_not_offered_are_told_apart() -> None:
    fine = DatabaseAnswer(need=SMALL, has_version=True, zones=ZONES)

    no_version = databases(fine, DatabaseAnswer(need=LARGE, has_version=False))
    no_class = databases(fine, DatabaseAnswer(need=LARGE, has_version=True, zones=ZONES[:1]))

    assert no_version.code is FindingCode.VERSION_NOT_OFFERED
    assert finding_text(no_version) == "eu-west-1 does not offer aurora-mysql 3.10. Needed by: Large."
    assert finding_text(no_class) == (
        "db.l with aurora-mysql 3.10 is not offered in eu-west-1c. Needed by: Large."
    )


def test_an_image_that_all_sizes_need_is_a_problem() -> None:
    (missing,) = of(Check.IMAGES)
    (fine,) = of(Check.IMAGES, images=("/image",))

    assert missing.result is Result.PROBLEM
    assert finding_text(missing) == "/image does not exist in eu-west-1. Needed by: Trial, Large."
    assert finding_text(fine) == "/image: available in eu-west-1"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "arn:c does not exist."),
        ({"status": "PENDING_VALIDATION"}, "arn:c has the status PENDING_VALIDATION."),
        ({"status": "ISSUED", "days": 29}, "arn:c expires in 29 days."),
    ],
)
def test_a_certificate_that_cannot_be_used_for_long_is_a_warning(values: dict[str, Any], text: str) -> None:
    found = certificate(**values)

    assert (found.result, finding_text(found)) == (Result.WARNING, text)


def test_a_certificate_that_is_valid_for_a_month_is_fine_and_none_is_no_finding() -> None:
    assert certificate(status="ISSUED", days=30).result is Result.OK
    assert of(Check.CERTIFICATES) == []


def test_certificates_are_values_that_are_arns_of_the_region() -> None:
    arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1"
    other = arn.replace("eu-west-1", "us-east-1")

    assert certificates_in([{"A": arn, "B": other, "C": f"{arn} "}, {"A": arn, "D": 4}, {}], REGION) == [arn]


def test_a_read_that_failed_is_a_warning_and_one_that_was_not_made_is_no_finding() -> None:
    error = CallError(operation="acm:DescribeCertificate", code="AccessDenied")
    facts = ConnectionAnswers(region=REGION, offers=OfferAnswers(errors={OfferRead.CERTIFICATES: error}))

    (found,) = findings(facts, SIZES)

    assert (found.check, found.result) == (Check.CERTIFICATES, Result.WARNING)
    assert finding_text(found) == "Not tested: acm:DescribeCertificate failed (AccessDenied)."
