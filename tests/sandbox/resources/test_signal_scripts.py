"""The signal scripts of both tiers on a server without the AWS CLI, like the booted machines."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from sandbox_tests.engine.conftest import PREFIX, REGION, Account
from sandbox_tests.resources.conftest import Network, given
from tests.infra.web_server import script
from tests.services import LIMIT, wait_until

SCRIPT = Path(__file__).resolve().parents[3] / "playbook/files/signal.sh"
ROOT = """
Parameters:
  Url: {{Type: String}}
  SubnetA: {{Type: AWS::EC2::Subnet::Id}}
  Template: {{Type: String}}
Resources:
  {servers}:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: !Sub "${{Url}}/servers.yaml"
      Parameters: {{SubnetA: !Ref SubnetA, Template: !Ref Template}}
"""
SERVERS = """
Parameters:
  SubnetA: {Type: AWS::EC2::Subnet::Id}
  Template: {Type: String}
Resources:
  AutoScalingGroup:
    Type: AWS::AutoScaling::AutoScalingGroup
    CreationPolicy: {ResourceSignal: {Count: 1, Timeout: PT20M}}
    Properties:
      LaunchTemplate: {LaunchTemplateId: !Ref Template, Version: "1"}
      MinSize: 1
      MaxSize: 1
      VPCZoneIdentifier: [!Ref SubnetA]
"""


def web_script() -> str:
    """Return a script with the functions of the web servers' association that signals success."""
    text = script({"EnvironmentName": "shop", "AWS::Region": REGION})
    functions = text.partition("SIGNAL_STACK=")[2].partition("trap ")[0]
    return f"set -eu\nSIGNAL_STACK={functions}\nsignal SUCCESS\n"


@pytest.mark.parametrize("servers", ["AppServers", "WebServers"])
def test_a_signal_reaches_the_group_of_the_tier(account: Account, network: Network, servers: str) -> None:
    account.publish(servers=SERVERS)
    url = f"https://{account.bucket}.s3.{REGION}.amazonaws.com/{PREFIX}"
    values = {"Url": url, "SubnetA": network.subnet_a, "Template": network.template}
    stack = account.start("shop", ROOT.format(servers=servers), Parameters=given(**values))
    wait_until(lambda: _instances(account) != [], what="an instance")
    (instance,) = _instances(account)
    keys = account.sandbox.credentials(account.id)
    command = ["sh", str(SCRIPT), "shop", servers, "SUCCESS"] if servers == "AppServers" else ["sh"]

    done = subprocess.run(
        command,
        input=web_script(),
        env={
            "PATH": "/usr/bin:/bin",
            "AWS_ACCESS_KEY_ID": keys["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": keys["aws_secret_access_key"],
            "AWS_ENDPOINT_URL": keys["endpoint_url"],
            "AWS_SSM_INSTANCE_ID": instance,
            "AWS_SSM_REGION_NAME": REGION,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )

    assert done.returncode == 0, done.stderr
    assert account.settled(stack) == "CREATE_COMPLETE", done.stdout + done.stderr


def _instances(account: Account) -> list[str]:
    groups = account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    return [one["InstanceId"] for group in groups for one in group["Instances"]]
