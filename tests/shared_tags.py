"""An environment whose associations match its servers by a tag that says nothing of the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.utils import timezone

from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment
from deployments.health.models.fleet import FleetInstance
from tests.builders import make_resource, make_stack
from tests.template_versions import make_pinned, make_source, make_version

ROOT = """
Parameters:
  Size: {Type: String, Default: small, AllowedValues: [small, large]}
  Role: {Type: String, Default: web}
Resources:
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties: {Tags: [{Key: Role, Value: !Ref Role, PropagateAtLaunch: true}]}
  Configure:
    Type: AWS::SSM::Association
    Properties: {Name: AWS-RunShellScript, Targets: [{Key: "tag:Role", Values: [!Ref Role]}]}
"""
CAUGHT = (
    "The targets of association Configure, Role=web, also match 1 server of environment shop: i-shop. "
    "The association would configure it, too."
)
CATCHING = (
    "The targets of association Configure of environment shop, Role=web, also match the servers that this "
    "environment launches: Group. That association would configure them, too."
)


def make_tagged(account: Account, folder: Path, name: str = "shop", **values: Any) -> Environment:
    """Return a saved environment with one server, `i-<name>`; its template set is a version."""
    version = make_version(make_source(f"{name}-set"), folder, files={"root.yaml": ROOT})
    environment = make_pinned(name, version, account=account, parameters={"Role": "web"}, **values)
    assert environment.latest
    make_resource(
        make_stack(environment.latest),
        "Group",
        type="AWS::AutoScaling::AutoScalingGroup",
        physical_id=f"{name}-group",
    )
    now = timezone.now()
    FleetInstance.objects.create(
        environment=environment,
        tier="web",
        group=f"{name}-group",
        instance_id=f"i-{name}",
        first_seen_at=now,
        observed_at=now,
    )
    return environment
