"""After a failure, the rule or route that a needed connection lacks is stored and shown as the cause."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployments.aws.described_network import DescribedNetwork
from deployments.aws.reachability.network import Network, Node, SecurityGroup
from deployments.cloudformation.root_cause import root_cause
from deployments.common.errors import AwsAccessError
from deployments.deployment_pages.api.schemas.deployments import DeploymentDetail
from deployments.deployment_pages.display import failure_banner
from deployments.environments.models.deployments import Deployment
from deployments.failures.models import Evidence
from deployments.failures.shared import notices
from deployments.failures.steps import evidence
from deployments.stacks.models.events import Event
from tests.aws.reachability.networks import APP_A, DATABASE, LOCAL, network
from tests.builders import make_deployment, make_event, make_resource, make_stack
from tests.fakes import FakeAws

pytestmark = [pytest.mark.core, pytest.mark.django_db]
SILENT = "CloudFormation did not receive a response from your Custom Resource. Please check your logs."
SIGNALS = "Received 0 SUCCESS signal(s) out of 2. Unable to satisfy 100% MinSuccessfulInstancesPercent"
READ = "ec2:DescribeSecurityGroups"


def _failed(type_: str, reason: str) -> Deployment:
    deployment = make_deployment(state="failed")
    root = make_stack(deployment)
    make_resource(root, "Vpc", type="AWS::EC2::VPC", physical_id="vpc-1")
    make_resource(root, "Cluster", type="AWS::RDS::DBCluster", physical_id="shop-db")
    make_resource(root, "Setup", type="AWS::SSM::Association", physical_id="setup")
    make_resource(root, "Function", type="AWS::Lambda::Function", physical_id="shop-init")
    make_resource(root, "Failed", type=type_, depends_on=[["Function", "Ref"]])
    make_event(
        deployment, 1, stack=root, logical_id="Failed", type=type_, status="CREATE_FAILED", reason=reason
    )
    return deployment


def _described(found: Network) -> DescribedNetwork:
    function = Node(address="10.0.4.20", subnet="app-a", groups=("sg-app",))
    return DescribedNetwork(
        network=found,
        instances={"i-app": APP_A},
        others={"RDSNetworkInterface": (DATABASE,), "AWS Lambda VPC ENI-shop-init-1": (function,)},
    )


def _gathered(deployment: Deployment, found: Network) -> str:
    aws = FakeAws()
    aws.network = _described(found)
    evidence.gather(deployment, aws(deployment.environment.account.ref()), is_last=True)
    return Evidence.objects.connections_of(deployment)


def _without_ingress() -> Network:
    return replace(network(), groups={**network().groups, "sg-db": SecurityGroup(id="sg-db", name="db")})


def _without_route() -> Network:
    return replace(network(), tables={**network().tables, "private": (LOCAL,)}, endpoints=())


def test_the_rule_that_a_function_lacks_is_the_cause_on_the_page_in_the_notification_and_in_the_api() -> None:
    deployment = _failed("Custom::InitDB", SILENT)
    sentence = (
        "shop-init cannot reach shop-db: no inbound rule of sg-db (db) allows TCP 3306 "
        "from sg-app (sg-app), 10.0.4.20"
    )

    assert _gathered(deployment, _without_ingress()) == f"{sentence}."

    failures = [found for event in Event.objects.of(deployment).landmarks() if (found := event.as_failure())]
    banner = failure_banner.of_deployment(deployment, root_cause(failures), is_latest=True)
    assert banner is not None
    assert banner.code == "NoInboundRule"
    assert sentence in banner.headline
    assert "Add the rule" in banner.advice
    cause = notices._why(deployment)["cause"]
    assert cause["code"] == "NoInboundRule"
    assert cause["values"]["lacking"] == "sg-db (db)"
    assert DeploymentDetail.of_page(deployment).blocked_connections == [f"{sentence}."]


def test_a_function_without_a_response_may_lack_the_way_to_s3() -> None:
    deployment = _failed("Custom::InitDB", SILENT)
    found = _gathered(deployment, _without_route())
    assert found.startswith("shop-init cannot reach Amazon S3: route table private has no route to ")


def test_a_function_that_responded_reaches_s3() -> None:
    reason = "Received response status [FAILED] from custom resource. Message returned: no table"
    assert _gathered(_failed("Custom::InitDB", reason), _without_route()) == ""


def test_servers_without_signals_may_lack_the_way_to_systems_manager() -> None:
    deployment = _failed("AWS::AutoScaling::AutoScalingGroup", SIGNALS)
    found = _gathered(deployment, _without_route())
    assert found.startswith("i-app cannot reach Systems Manager: route table private has no route to ")


def test_nothing_is_stored_if_the_network_allows_everything_or_another_cause_is_known() -> None:
    assert _gathered(_failed("AWS::AutoScaling::AutoScalingGroup", SIGNALS), network()) == ""
    other = _failed("AWS::EC2::VPC", "The maximum number of VPCs has been reached.")
    assert _gathered(other, _without_route()) == ""


def test_a_network_that_cannot_be_read_changes_nothing_else() -> None:
    deployment = _failed("Custom::InitDB", SILENT)
    aws = FakeAws()
    aws.fail(READ, AwsAccessError("UnauthorizedOperation", "You are not authorized.", READ))

    evidence.gather(deployment, aws(deployment.environment.account.ref()), is_last=True)

    assert {piece.kind for piece in Evidence.objects.of(deployment)} == {"function_log"}
