"""The complete environment of infra_templates/: deployed as the portal does, updated, deleted entirely."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from deployments.template_sets import template_files
from sandbox_tests.engine import inventory
from sandbox_tests.engine.conftest import PREFIX, REGION, Account
from tests.services import REPOSITORY, wait_until

BEFORE = Path(__file__).with_name("before_policy")
"""The template whose function had its policy in its role, so that the database was deleted after it."""
BEFORE_RESTORE = BEFORE.parents[1] / "machines/before_restore.tar.gz"
"""The templates of the last version without the parameter DatabaseSnapshot."""
CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


def upload(account: Account, folder: Path, prefix: str = PREFIX) -> str:
    """Upload a template set to the account's bucket as the portal does; return the root template's URL."""
    account.publish()
    template_set = template_files.load(folder)
    for key, body in template_files.build_objects(template_set):
        account.client("s3").put_object(Bucket=account.bucket, Key=f"{prefix}/{key}", Body=body)
    root = template_set.root.name
    return f"https://{account.bucket}.s3.{REGION}.amazonaws.com/{prefix}/{root}"


def parameters(account: Account, **changed: str) -> list[dict[str, str]]:
    values = {
        "ArtifactBucket": account.bucket,
        "ArtifactPrefix": PREFIX,
        "DeletionProtection": "false",
        "FinalSnapshot": "false",
        **changed,
    }
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]


def apply(
    account: Account, stack: str, kind: str, *, name: str = "", seconds: float = 120, **request: Any
) -> str:
    """Create a change set with nested ones, execute it, wait for its end, and return the StackId."""
    name = name or f"by-{kind.lower()}"
    made = account.cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName=name,
        ChangeSetType=kind,
        IncludeNestedStacks=True,
        Capabilities=CAPABILITIES,
        **request,
    )
    describe = account.cloudformation.describe_change_set
    wait_until(lambda: not describe(ChangeSetName=made["Id"])["Status"].endswith("_IN_PROGRESS"))
    assert describe(ChangeSetName=made["Id"]).get("StatusReason") is None
    account.cloudformation.execute_change_set(ChangeSetName=made["Id"], ClientRequestToken=f"go-{name}")
    wait_until(lambda: not account.status(made["StackId"]).endswith("_IN_PROGRESS"), seconds=seconds)
    return str(made["StackId"])


def failures(account: Account) -> list[str]:
    """List every failed event in the account, for the message of a failed assertion."""
    stacks = account.cloudformation.describe_stacks()["Stacks"]
    return [line for stack in stacks for line in account.story(stack["StackId"]) if "FAILED" in line]


def test_the_environment_comes_up_changes_and_leaves_nothing(account: Account) -> None:
    root_url = upload(account, REPOSITORY / "infra_templates")
    before = inventory.taken(account)

    root = apply(account, "whole", "CREATE", TemplateURL=root_url, Parameters=parameters(account))
    assert account.status(root) == "CREATE_COMPLETE", failures(account)
    stacks = account.cloudformation.describe_stacks()["Stacks"]
    assert {stack["StackStatus"] for stack in stacks} == {"CREATE_COMPLETE"}
    assert len(stacks) == 9
    outputs = account.outputs(root)
    assert outputs["SiteUrl"].startswith("http")
    assert all(outputs.values())
    group = outputs["WebAutoScalingGroupName"]
    autoscaling = account.client("autoscaling")
    found = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
    assert len(found[0]["Instances"]) == 2

    nested = {
        name: account.child(root, name)
        for name in ("Network", "Iam", "Nlb", "Alb", "Aurora", "AppServers", "WebServers", "Configuration")
    }
    seen = {name: len(account.events(stack)) for name, stack in nested.items()}
    apply(
        account,
        root,
        "UPDATE",
        UsePreviousTemplate=True,
        Parameters=parameters(account, WebServerCount="3"),
    )
    assert account.status(root) == "UPDATE_COMPLETE", failures(account)
    story = account.story(nested["WebServers"], since=seen["WebServers"])
    signals = [line for line in story if "ignal" in line]
    assert "Waiting on 1 resource signal(s)" in signals[0]
    assert "Received SUCCESS signal with UniqueId i-" in signals[1]
    assert [line for line in story if line not in signals] == [
        "stack UPDATE_IN_PROGRESS User Initiated",
        "AutoScalingGroup UPDATE_IN_PROGRESS",
        "AutoScalingGroup UPDATE_COMPLETE",
        "stack UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "stack UPDATE_COMPLETE",
    ]
    untouched = [name for name, stack in nested.items() if len(account.events(stack)) == seen[name]]
    assert set(untouched) == set(nested) - {"WebServers"}
    found = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
    assert found[0]["DesiredCapacity"] == 3

    account.cloudformation.delete_stack(StackName=root)
    wait_until(lambda: not account.status(root).endswith("_IN_PROGRESS"))
    assert account.status(root) == "DELETE_COMPLETE", failures(account)
    assert {stack: account.status(stack) for stack in nested.values()} == dict.fromkeys(
        nested.values(), "DELETE_COMPLETE"
    )
    after = inventory.taken(account)
    # With time scale 0, the last log lines of a custom resource's function may arrive after its log group is
    # deleted, and create the group again; on AWS, the function's role does not allow that.
    del before["log group"], after["log group"]
    assert after == before


@pytest.fixture
def set_before(tmp_path: Path) -> Path:
    """A folder with the template set of the version before the function's policy left its role."""
    for folder in ("infra_templates", "playbook", "datelog"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    before = tmp_path / "infra_templates"
    with tarfile.open(BEFORE_RESTORE) as archive:  # which had no restores either
        archive.extractall(tmp_path, filter="data")
    shutil.copy(BEFORE / "aurora.yaml", before)
    return before


def test_an_environment_whose_function_had_its_policy_in_its_role_is_updated_and_deleted(
    account: Account, set_before: Path
) -> None:
    before = inventory.taken(account)
    url = upload(account, set_before)
    root = apply(account, "whole", "CREATE", TemplateURL=url, Parameters=parameters(account))
    assert account.status(root) == "CREATE_COMPLETE", failures(account)
    outputs = account.outputs(root)

    newer = upload(account, REPOSITORY / "infra_templates", "sets/newer")
    values = parameters(account, ArtifactPrefix="sets/newer")
    apply(account, root, "UPDATE", TemplateURL=newer, Parameters=values)

    assert account.status(root) == "UPDATE_COMPLETE", failures(account)
    assert account.outputs(root)["DatabaseClusterId"] == outputs["DatabaseClusterId"]
    aurora = account.cloudformation.describe_stack_resources(StackName=account.child(root, "Aurora"))
    ids = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in aurora["StackResources"]}
    policies = account.client("iam").list_role_policies(RoleName=ids["InitialiseDatabaseRole"])
    assert sorted(policies["PolicyNames"]) == ["read-login-and-sql", "write-own-logs"]
    assert account.delete(root) == "DELETE_COMPLETE", failures(account)
    after = inventory.taken(account)
    del before["log group"], after["log group"]  # as above
    assert after == before


def test_the_database_is_deleted_before_the_interfaces_of_its_function_are_gone(account: Account) -> None:
    url = upload(account, REPOSITORY / "infra_templates")
    root = apply(account, "whole", "CREATE", TemplateURL=url, Parameters=parameters(account))
    aurora = account.child(root, "Aurora")
    account.pace(0.02)  # the interfaces take two and a half seconds, everything else a fraction
    assert account.delete(root) == "DELETE_COMPLETE", failures(account)
    ends = [line for line in account.story(aurora) if line.endswith(" DELETE_COMPLETE")]
    assert ends.index("TrialDbCluster DELETE_COMPLETE") < ends.index(
        "InitialiseDatabaseFunction DELETE_COMPLETE"
    ), ends
