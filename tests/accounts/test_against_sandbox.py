"""A connection is tested against the sandbox, with the roles of account.yaml."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from deployments.accounts.display.connection import ConnectionStatus, connection_status
from deployments.accounts.models import ConnectionTest
from deployments.accounts.rules.connection import Result
from deployments.accounts.shared.requested_tests import request_test
from deployments.aws import session
from deployments.environments.models.accounts import Account
from deployments.environments.rules.account_template import REVISION, STACK
from tests.accounts.testing import line_of, take_steps
from tests.api.clients import Program
from tests.builders import make_environment, make_user
from tests.pages.pages import page, rows
from tests.permissions import granted_actions
from tests.permissions.check_roles import ACCOUNT_TEMPLATE, BEFORE
from tests.running import client, create_roles, new_account
from tests.services import Sandbox

pytestmark = pytest.mark.django_db
PORTAL, SERVICE = "sanso-portal", "sanso-cloudformation"
REMOVED = (
    (PORTAL, "stacks", "cloudformation:RollbackStack", "permissions"),
    (PORTAL, "observe", "cloudtrail:LookupEvents", "permissions"),
    (PORTAL, "operate", "rds:ModifyDBCluster", "permissions"),
    (PORTAL, "artifacts", "s3:PutObject", "permissions"),
    (PORTAL, "stacks", "cloudformation:ExecuteChangeSet", "permissions"),
    (PORTAL, "observe", "tag:GetResources", "permissions"),
    (PORTAL, "observe", "ec2:DescribeInstances", "permissions"),
    (PORTAL, "artifacts", "s3:GetObject", "permissions"),
    (PORTAL, "operate", "autoscaling:SuspendProcesses", "permissions"),
    (PORTAL, "operate", "logs:DeleteLogGroup", "permissions"),
    (SERVICE, "network", "ec2:CreateVpc", "service_role"),
    (SERVICE, "database", "rds:CreateDBCluster", "service_role"),
    (SERVICE, "network", "ec2:CreateNatGateway", "service_role"),
    (SERVICE, "load-balancers-and-servers", "elasticloadbalancing:CreateLoadBalancer", "service_role"),
    (SERVICE, "functions-and-associations", "lambda:CreateFunction", "service_role"),
    (SERVICE, "functions-and-associations", "ssm:CreateDocument", "service_role"),
    (SERVICE, "alarms", "cloudwatch:PutMetricAlarm", "service_role"),
    (SERVICE, "roles", "iam:CreateRole", "service_role"),
    (SERVICE, "roles", "iam:PassRole", "service_role"),
    (SERVICE, granted_actions.READS, "ec2:Describe*", "service_role"),
)

EXCEEDED = {
    "VPCs: 0 of 1 left. Needed: Trial 1, Standard 1, Production 1.": ("vpcs", 1),  # the default one
    "Elastic IP addresses: 0 of 0 left. Needed: Trial 1, Standard 1, Production 2.": ("addresses", 0),
    "vCPUs of running On-Demand Standard instances: 3 of 3 left. Needed: Trial 4, Standard 8, "
    "Production 16.": ("vcpus", 3),
    "Application Load Balancers: 0 of 0 left. Needed: Trial 1, Standard 1, Production 1.": (
        *("load_balancers_application", 0),
    ),
    "Database instances: 1 of 1 left. Needed: Trial 2, Standard 2, Production 2.": ("database_instances", 1),
    "CloudFormation stacks: 8 of 8 left. Needed: Trial 9, Standard 9, Production 10.": ("stacks", 8),
}
"""Each line of a test with the quota of the account that causes it."""


@pytest.fixture
def account(sandbox: Sandbox, settings: Settings) -> Account:
    """A new account of the sandbox with the roles of account.yaml, as this version has them."""
    settings.SANSO_SANDBOX_READS_PER_SECOND = 400.0
    found = new_account()
    create_roles(found, sandbox)
    iam = client(found, "iam", sandbox)
    granted_actions.put(iam, found.sandbox_account_id)  # with RolesNeedBoundary=true, as on AWS
    return found


def outcome_of(account: Account) -> ConnectionStatus:
    request_test(account, timezone.now())
    take_steps(account, session.connect, session.identify_anew)
    return connection_status(ConnectionTest.objects.of(account).get())


def test_the_roles_of_this_version_are_connected(account: Account) -> None:
    found = outcome_of(account)

    assert [
        (line.check, line.result, line.text) for line in found.lines if line.result is not Result.OK
    ] == []
    assert found.account_number == account.sandbox_account_id
    assert "is created by the first deployment" in line_of(found, "bucket").text


def test_each_removed_permission_is_named_with_its_statement(account: Account, sandbox: Sandbox) -> None:
    iam = client(account, "iam", sandbox)
    for role, policy, action, _check in REMOVED:
        granted_actions.take_away(iam, account.sandbox_account_id, role, policy, action)

    found = outcome_of(account)

    assert found.result is Result.PROBLEM
    for _role, _policy, action, check in REMOVED:
        line = line_of(found, check)
        assert _names(line.policy, action), action
        assert any(granted_actions.matches(one, action) for one in line.actions), action
    for line in (line_of(found, "permissions"), line_of(found, "service_role")):
        expected = {action for _r, _p, action, check in REMOVED if check == line.check}
        assert all(any(granted_actions.matches(one, action) for action in expected) for one in line.actions)


def _names(policy: str, action: str) -> bool:
    statements: list[dict[str, Any]] = json.loads(policy)["Statement"]
    return any(action in one["Action"] for one in statements)


def test_the_statements_that_are_named_repair_the_role(account: Account, sandbox: Sandbox) -> None:
    iam = client(account, "iam", sandbox)
    for action in ("rds:ModifyDBCluster", "elasticloadbalancing:ModifyLoadBalancerAttributes"):
        granted_actions.take_away(iam, account.sandbox_account_id, PORTAL, "operate", action)
    policy = line_of(outcome_of(account), "permissions").policy

    iam.put_role_policy(RoleName=PORTAL, PolicyName="added", PolicyDocument=policy)

    assert outcome_of(account).result is Result.OK


def test_without_the_simulation_the_test_says_so(account: Account, sandbox: Sandbox) -> None:
    iam = client(account, "iam", sandbox)
    action = "iam:SimulatePrincipalPolicy"
    granted_actions.take_away(iam, account.sandbox_account_id, PORTAL, "observe", action)

    found = outcome_of(account)

    assert found.result is Result.WARNING
    line = line_of(found, "permissions")
    assert "harmless reads" in line.text
    assert _names(line.policy, action)


def test_each_exceeded_quota_is_named_before_a_deployment_would_fail(
    account: Account, sandbox: Sandbox
) -> None:
    sandbox.control("POST", "quotas", dict(EXCEEDED.values()), account=account.sandbox_account_id)

    found = outcome_of(account)

    assert found.result is Result.PROBLEM
    lines = {line.text: line.result for line in found.lines if line.check == "quotas"}
    assert lines == dict.fromkeys(EXCEEDED, Result.PROBLEM)


def test_what_zones_do_not_offer_is_named_before_a_deployment_would_fail(
    account: Account, sandbox: Sandbox
) -> None:
    zones = {"t4g.micro": [f"{account.region}a"], "m7g.large": [f"{account.region}c"]}
    sandbox.control("POST", "shortages", {"not_offered": zones}, account=account.sandbox_account_id)

    found = outcome_of(account)

    (line,) = [one for one in found.lines if one.result is not Result.OK]
    assert line.text == (f"t4g.micro is not offered in {account.region}a. Needed by: Trial, Standard.")


def test_certificates_of_environments_are_read_with_the_role(account: Account, sandbox: Sandbox) -> None:
    acm = client(account, "acm", sandbox)
    arn = acm.request_certificate(DomainName="example.com")["CertificateArn"]
    environment = make_environment("shop", account=account, parameters={"CertificateArn": arn})

    assert line_of(outcome_of(account), "certificates").result is Result.OK
    acm.delete_certificate(CertificateArn=arn)

    line = line_of(outcome_of(account), "certificates")
    assert (line.result, line.text) == (Result.WARNING, f"{arn} does not exist.")
    environment.delete()
    assert outcome_of(account).result is Result.OK


def test_roles_of_an_earlier_revision_are_named_before_a_deployment_would_fail(
    account: Account, sandbox: Sandbox
) -> None:
    deploy_roles(account, sandbox, BEFORE)

    found = outcome_of(account)

    assert found.result is Result.PROBLEM
    line = line_of(found, "revision")
    assert line.text == f"Revision 1 of account.yaml; this version needs revision {REVISION}."
    assert line.result is Result.WARNING
    simulated, read = [one for one in found.lines if one.check == "permissions"]
    assert _names(simulated.policy, "iam:SimulatePrincipalPolicy")
    assert (read.result, read.actions) == (Result.PROBLEM, ("ec2:DescribeAvailabilityZones",))


def test_an_earlier_revision_alone_is_a_warning_wherever_a_failed_test_is_shown(
    account: Account, sandbox: Sandbox, tmp_path: Path, settings: Settings
) -> None:
    deploy_roles(account, sandbox, earlier_revision(tmp_path))

    found = outcome_of(account)

    assert [line.check for line in found.lines if line.result is not Result.OK] == ["revision"]
    text = f"Revision {REVISION - 1} of account.yaml; this version needs revision {REVISION}."
    root = make_user("root", is_superuser=True)
    browser = Client()
    browser.force_login(root)
    (row,) = rows(browser.get(f"{reverse('aws_accounts')}?connection=warning"))
    assert "Warning" in row
    assert text in row
    assert text in page(browser.get(reverse("environment_new"))).one(id="connection-warnings").text
    (listed,) = Program(root).get("/accounts").json()["items"]
    assert listed["connection"] == "warning"
    settings.SANSO_METRICS_TOKEN = "a-token-of-thirty-two-characters"
    scraper = Client(headers={"authorization": f"Bearer {settings.SANSO_METRICS_TOKEN}"})
    metric = f'sanso_account_connection{{account="{account.name}",result="warning"}} 1.0'
    assert metric in scraper.get("/metrics").content.decode()


def earlier_revision(folder: Path) -> Path:
    """Return account.yaml as it is, but of the revision before."""
    text, own = ACCOUNT_TEMPLATE.read_text(), f'Value: "{REVISION}"'
    assert text.count(own) == 1
    file = folder / "account.yaml"
    file.write_text(text.replace(own, f'Value: "{REVISION - 1}"'))
    return file


def deploy_roles(account: Account, sandbox: Sandbox, template: Path) -> None:
    """Deploy a version of account.yaml as an administrator does, in place of the roles of the sandbox."""
    iam, cloudformation = (client(account, one, sandbox) for one in ("iam", "cloudformation"))
    trust = iam.get_role(RoleName=PORTAL)["Role"]["AssumeRolePolicyDocument"]
    for role in (PORTAL, SERVICE):
        _delete_role(iam, role)
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        for version in iam.list_policy_versions(PolicyArn=policy["Arn"])["Versions"]:
            if not version["IsDefaultVersion"]:
                iam.delete_policy_version(PolicyArn=policy["Arn"], VersionId=version["VersionId"])
        iam.delete_policy(PolicyArn=policy["Arn"])
    values = {
        "PortalPrincipal": trust["Statement"][0]["Principal"]["AWS"],
        "ExternalId": account.external_id,
    }
    cloudformation.create_stack(
        StackName=STACK,
        TemplateBody=template.read_text(),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )


def _delete_role(iam: Any, role: str) -> None:
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=policy)
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=role, PolicyArn=attached["PolicyArn"])
    iam.delete_role(RoleName=role)


def test_another_external_id_is_a_denied_role(account: Account, sandbox: Sandbox) -> None:
    assert outcome_of(account).result is Result.OK
    trust = client(account, "iam", sandbox).get_role(RoleName=PORTAL)["Role"]["AssumeRolePolicyDocument"]
    changed = json.loads(json.dumps(trust).replace(account.external_id, "another-external-id-0123"))

    client(account, "iam", sandbox).update_assume_role_policy(
        RoleName=PORTAL, PolicyDocument=json.dumps(changed)
    )

    (line,) = outcome_of(account).lines
    assert (line.check, line.result) == ("identity", Result.PROBLEM)
    assert "sts:AssumeRole" in line.text
