"""The age of secrets, in the API's own shapes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from deployments.aws.secretsmanager import SecretAge, SecretsManagerGateway
from deployments.common.errors import AwsNotFound
from tests.aws.conftest import Stub
from tests.builders import START

ARN = "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:rds!cluster-1-AbCdEf"
REQUEST = {"SecretId": ARN}


def test_the_age_is_that_of_the_current_value(stub: Stub) -> None:
    client, stubber = stub("secretsmanager")
    stubber.add_response(
        "describe_secret",
        {
            "ARN": ARN,
            "Name": "rds!cluster-1",
            "RotationEnabled": True,
            "LastRotatedDate": START,
            "NextRotationDate": START + timedelta(days=7),
            "LastChangedDate": START + timedelta(days=1),
        },
        REQUEST,
    )
    versions = [
        {
            "VersionId": "a" * 32,
            "VersionStages": ["AWSPREVIOUS"],
            "CreatedDate": START - timedelta(days=7),
        },
        {"VersionId": "b" * 32, "VersionStages": ["AWSCURRENT"], "CreatedDate": START},
    ]
    stubber.add_response("list_secret_version_ids", {"Versions": versions}, REQUEST)

    assert SecretsManagerGateway(client).age_of(ARN) == SecretAge(
        arn=ARN,
        name="rds!cluster-1",
        value_created_at=START,
        rotates=True,
        rotated_at=START,
        rotates_at=START + timedelta(days=7),
    )


def test_a_secret_without_a_value_has_no_age_and_a_missing_one_is_not_found(stub: Stub) -> None:
    client, stubber = stub("secretsmanager")
    stubber.add_response("describe_secret", {"ARN": ARN, "Name": "sanso-shop"}, REQUEST)
    stubber.add_response("list_secret_version_ids", {"Versions": []}, REQUEST)
    stubber.add_client_error("describe_secret", "ResourceNotFoundException")
    secrets = SecretsManagerGateway(client)

    assert secrets.age_of(ARN) == SecretAge(arn=ARN, name="sanso-shop")
    with pytest.raises(AwsNotFound):
        secrets.age_of(ARN)
