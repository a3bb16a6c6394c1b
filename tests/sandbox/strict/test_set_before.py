"""The template set from before the sandbox was as strict as AWS breaks these rules.

`before_strictness/` has its templates and manifest; playbook, application and functions are the current ones.
Each test has the rule of docs/sandbox.md that it is about, and the sources are at the tests of the rules.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from sandbox_tests.engine.conftest import Account
from sandbox_tests.engine.test_change_sets import done
from sandbox_tests.strict.reasons import failures, worded
from sanso_sandbox.engine.cloudformation.create import CANCELLED
from tests.sandbox.engine.test_infra_templates import CAPABILITIES, parameters, upload
from tests.services import REPOSITORY

BEFORE = Path(__file__).with_name("before_strictness")
LONG = "x" * 120
"""A name of a stack that these templates and CloudFormation accept."""


@pytest.fixture
def root_url(account: Account, tmp_path: Path) -> str:
    """Upload the set, and return the URL of its root template."""
    shutil.copytree(BEFORE, tmp_path / "infra_templates")
    for folder in ("playbook", "datelog", "infra_templates/functions"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    return upload(account, tmp_path / "infra_templates")


def created(account: Account, url: str, **changed: str) -> str:
    """Create the environment without a change set, and return its StackId."""
    return str(
        account.cloudformation.create_stack(
            StackName="shop",
            TemplateURL=url,
            Capabilities=CAPABILITIES,
            Parameters=parameters(account, **changed),
        )["StackId"]
    )


def reason_of(account: Account, stack: str, path: str, status: str = "CREATE_FAILED") -> str:
    """Return why a resource failed, by its path of logical ids."""
    *nested, logical_id = path.split("/")
    for name in nested:
        stack = account.child(stack, name)
    (reason,) = failures(account, stack, logical_id, status)
    return reason


def test_its_parameters_for_outputs_have_patterns_that_fail_a_change_set(
    account: Account, root_url: str
) -> None:
    """NC3"""
    made = account.cloudformation.create_change_set(
        StackName="shop",
        ChangeSetName="review",
        ChangeSetType="CREATE",
        IncludeNestedStacks=True,
        Capabilities=CAPABILITIES,
        TemplateURL=root_url,
        Parameters=parameters(account),
    )
    review = done(account, made["Id"])
    assert review["Status"] == "FAILED"
    failed = done(account, review["StatusReason"].split()[3])
    assert failed["StatusReason"] == "Parameter 'WebTargetGroup' must be the ARN of a target group"


def test_one_server_that_is_not_configured_fails_its_association_and_everything(
    account: Account, root_url: str
) -> None:
    """SM1"""
    fault: dict[str, Any] = {"shop-app-servers": {"on": 1, "stdout": "fatal: no mirror"}}
    account.sandbox.control("POST", "faults", {"associations": fault}, account=account.id)

    stack = created(account, root_url)

    assert account.settled(stack) == "ROLLBACK_COMPLETE", account.story(stack)
    reason = reason_of(account, stack, "Configuration/AppServerAssociation")
    assert worded(reason).text.endswith("did not stabilize.")


def test_it_protects_from_the_start_and_a_failed_creation_stays(account: Account, root_url: str) -> None:
    """DP2"""
    account.fail(DatabaseInitialisation="The function timed out.")

    stack = created(account, root_url, DeletionProtection="true", FinalSnapshot="true")

    assert account.settled(stack) == "ROLLBACK_FAILED", account.story(stack)
    reason = reason_of(account, stack, "Aurora/DbCluster", "DELETE_FAILED")
    assert worded(reason).text.startswith("Cannot delete protected Cluster ")


def test_it_lets_the_access_rule_be_changed_which_needs_a_second_load_balancer(
    account: Account, root_url: str
) -> None:
    """LB1"""
    stack = created(account, root_url, AppServersAdmit="addresses")
    assert account.settled(stack) == "CREATE_COMPLETE", account.story(stack)

    account.cloudformation.update_stack(
        StackName=stack,
        UsePreviousTemplate=True,
        Capabilities=CAPABILITIES,
        Parameters=parameters(account, AppServersAdmit="security-group"),
    )

    assert account.settled(stack) == "UPDATE_ROLLBACK_COMPLETE", account.story(stack)
    reason = reason_of(account, stack, "Nlb/NlbListener", "UPDATE_FAILED")
    assert "associated with more than one load balancer" in worded(reason).text


def test_a_long_name_makes_the_name_of_an_association_too_long(account: Account, root_url: str) -> None:
    """SM2"""
    given = {
        **dict.fromkeys(("NlbDnsName", "WriterEndpoint", "ReaderEndpoint"), "name.example.com"),
        "ArtifactPrefix": "sets/0123abcd",
        "ArtifactBucket": account.bucket,
        "LogPrefix": "logs",
        "DatabaseUserSecretName": "secret",
        "EnvironmentName": LONG,
    }
    stack = account.cloudformation.create_stack(
        StackName="configuration",
        TemplateURL=root_url.replace("root.yaml", "configuration.yaml"),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
    )["StackId"]

    assert account.settled(stack) == "ROLLBACK_COMPLETE", account.story(stack)
    reasons = [one for tier in ("Web", "App") for one in failures(account, stack, f"{tier}ServerAssociation")]
    # Both names are too long. The one that is refused first cancels the other if that is still being created.
    (reason, *_others) = [one for one in reasons if one != CANCELLED]
    assert "#/AssociationName: failed validation constraint" in worded(reason).text
