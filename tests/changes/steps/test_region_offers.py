"""A creation that would fail for what its region lacks is refused in the preflight."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from django.utils.translation import override
from pytest_django import Settings

from deployments.accounts.rules.connection import Check, ConnectionFinding, FindingCode, Result
from deployments.accounts.texts import finding_text
from deployments.aws.acm import Certificate
from deployments.common.errors import AwsAccessError, AwsRetryable
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.template_sets import template_files
from deployments.template_sets.models.stored_sets import TemplateCheck
from tests.builders import make_deployment, make_environment
from tests.fakes import FakeAws
from tests.message_texts import reason
from tests.stepping import run

pytestmark = [pytest.mark.core, pytest.mark.django_db]

VERSION = "8.0.mysql_aurora.3.10.0"
CERTIFICATE = "arn:aws:acm:ap-northeast-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
ROOT = """
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
  ServerType: {Type: String, Default: t4g.micro}
  Certificate: {Type: String, Default: ""}
  ImageId: {Type: String, Default: ""}
Mappings: {Images: {all: {Parameter: /image}}}
Resources:
  First:
    Type: AWS::EC2::Subnet
    Properties: {AvailabilityZone: !Select [0, !GetAZs ""]}
  Server:
    Type: AWS::EC2::Instance
    Properties: {InstanceType: !Ref ServerType}
  Cluster:
    Type: AWS::RDS::DBCluster
    Properties: {Engine: aurora-mysql, EngineVersion: 8.0.mysql_aurora.3.10.0}
  Database:
    Type: AWS::RDS::DBInstance
    Properties: {Engine: aurora-mysql, DBInstanceClass: db.r7g.large}
"""
MANIFEST = """
root: root.yaml
bucket_parameter: Bucket
prefix_parameter: Prefix
image_parameters: {ImageId: !FindInMap [Images, all, Parameter]}
"""


@pytest.fixture
def template_set(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> template_files.TemplateSet:
    """A set with a server and a database in the first zone of the region."""
    folder = tmp_path_factory.mktemp("servers")
    (folder / "root.yaml").write_text(ROOT)
    (folder / "template-set.yaml").write_text(MANIFEST)
    settings.SANSO_TEMPLATE_SET = folder
    return template_files.load(folder)


@pytest.fixture
def aws() -> FakeAws:
    """An account whose region offers everything."""
    found = FakeAws()
    found.ssm_parameters = {"/image": "ami-0123456789abcdef0"}
    return found


def creation(template_set: template_files.TemplateSet, **values: str) -> Deployment:
    TemplateCheck.objects.create(digest=template_set.digest, findings=[])
    given = {"ServerType": "t4g.micro", "Certificate": "", **values}
    return make_deployment(make_environment("staging"), template_digest=template_set.digest, parameters=given)


def test_a_region_that_offers_everything_refuses_nothing(
    template_set: template_files.TemplateSet, aws: FakeAws
) -> None:
    aws.not_offered = {"t4g.micro": ["ap-northeast-1c"]}  # in which the set has no subnet

    ended = run(creation(template_set), aws)

    assert ended.state == State.SUCCEEDED
    assert ended.images == {"ImageId": "ami-0123456789abcdef0"}


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ({"m7g.large": ["ap-northeast-1a"]}, "m7g.large is not offered in ap-northeast-1a."),
        ({VERSION: []}, f"ap-northeast-1 does not offer aurora-mysql {VERSION}."),
        (
            {"db.r7g.large": ["ap-northeast-1a"]},
            f"db.r7g.large with aurora-mysql {VERSION} is not offered in ap-northeast-1a.",
        ),
    ],
    ids=["type", "version", "class"],
)
def test_what_the_region_does_not_offer_ends_the_creation_before_anything_is_created(
    template_set: template_files.TemplateSet,
    aws: FakeAws,
    missing: Mapping[str, list[str]],
    sentence: str,
) -> None:
    aws.not_offered = dict(missing)

    ended = run(creation(template_set, ServerType="m7g.large"), aws)

    assert (ended.state, ended.last_phase, reason(ended)) == (State.FAILED, State.PREFLIGHT, sentence)
    assert aws.stacks == {}
    assert aws.buckets == {}


def test_a_missing_image_is_named_as_in_the_test_of_the_connection(
    template_set: template_files.TemplateSet, aws: FakeAws
) -> None:
    aws.ssm_parameters = {}

    ended = run(creation(template_set), aws)

    values = {"name": "/image", "region": "ap-northeast-1"}
    found = ConnectionFinding(
        check=Check.IMAGES, result=Result.PROBLEM, code=FindingCode.IMAGE_MISSING, values=values
    )
    for language in ("en", "ja"):
        with override(language):
            assert reason(ended) == finding_text(found)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("", f"{CERTIFICATE} does not exist."),
        ("PENDING_VALIDATION", f"{CERTIFICATE} has the status PENDING_VALIDATION."),
    ],
)
def test_a_certificate_that_no_listener_accepts_ends_the_creation(
    template_set: template_files.TemplateSet, aws: FakeAws, status: str, sentence: str
) -> None:
    if status:
        aws.certificates = {CERTIFICATE: Certificate(status=status, ends_at=None)}

    ended = run(creation(template_set, Certificate=CERTIFICATE), aws)

    assert (ended.state, reason(ended)) == (State.FAILED, sentence)


def test_what_older_roles_may_not_read_refuses_nothing(
    template_set: template_files.TemplateSet, aws: FakeAws
) -> None:
    operation = "ec2:DescribeInstanceTypeOfferings"
    aws.fail(operation, AwsAccessError("UnauthorizedOperation", "denied", operation))

    assert run(creation(template_set), aws).state == State.SUCCEEDED


def test_a_denied_read_leaves_the_others(template_set: template_files.TemplateSet, aws: FakeAws) -> None:
    operation = "ec2:DescribeInstanceTypeOfferings"
    aws.fail(operation, AwsAccessError("UnauthorizedOperation", "denied", operation))
    aws.not_offered = {VERSION: []}

    assert reason(run(creation(template_set), aws)).startswith("ap-northeast-1 does not offer")


def test_a_read_that_aws_does_not_answer_is_repeated(
    template_set: template_files.TemplateSet, aws: FakeAws
) -> None:
    operation = "ec2:DescribeInstanceTypeOfferings"
    aws.not_offered = {"t4g.micro": ["ap-northeast-1a"]}
    aws.fail(operation, AwsRetryable("Unavailable", "later", operation))

    assert reason(run(creation(template_set), aws)) == "t4g.micro is not offered in ap-northeast-1a."
