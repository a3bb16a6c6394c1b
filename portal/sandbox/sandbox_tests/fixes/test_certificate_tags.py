"""A described certificate has its tags, which ListTagsForCertificate alone returns."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account
from sandbox_tests.fixes.conftest import unlike_aws


def test_a_described_certificate_has_no_tags(ministack: Account, account: Account) -> None:
    assert _faults(ministack) == ["Certificate.Tags is unknown"]
    assert _faults(account) == []


def _faults(account: Account) -> list[str]:
    client = account.client("acm")
    arn = client.request_certificate(DomainName="example.com")["CertificateArn"]
    return unlike_aws(client, "describe_certificate", CertificateArn=arn)
