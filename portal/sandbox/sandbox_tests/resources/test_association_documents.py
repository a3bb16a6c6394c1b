"""Documents of associations: an account's own and AWS's, their steps and parameters."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import REGION
from sandbox_tests.processes import wait_until
from sandbox_tests.resources.conftest import changed, failure, gone, made
from sandbox_tests.resources.state_manager import DOCUMENT, SHELL, Manager


def test_an_own_document_runs_its_steps_and_gets_new_versions(manager: Manager) -> None:
    manager.account.client("s3").put_object(Bucket=manager.bucket, Key="playbook.zip", Body=b"")
    instance = manager.launch(Server="App", Stage="test")
    stack = made(manager.account, "document", DOCUMENT, Bucket=manager.bucket)
    outputs = manager.account.outputs(stack)
    (status,) = manager.ssm.describe_instance_associations_status(InstanceId=instance)[
        "InstanceAssociationStatusInfos"
    ]
    assert status["ExecutionSummary"].startswith("2 out of 2 plugins processed, 2 success")
    changed(manager.account, stack, DOCUMENT, Text="second", Bucket=manager.bucket)
    assert manager.account.outputs(stack) == outputs
    document = manager.ssm.describe_document(Name=outputs["Document"])["Document"]
    assert (document["LatestVersion"], document["DefaultVersion"]) == ("2", "2")
    assert document["Parameters"] == [{"Name": "variables", "Type": "String", "DefaultValue": "none"}]
    content = manager.ssm.get_document(Name=outputs["Document"], DocumentVersion="1")["Content"]
    assert "description: first" in content
    gone(manager.account, stack)
    with pytest.raises(ClientError, match="InvalidDocument"):
        manager.ssm.describe_document(Name=outputs["Document"])
    assert manager.ssm.list_associations()["Associations"] == []


def test_a_playbook_that_is_not_in_the_bucket_fails_the_association(manager: Manager) -> None:
    instance = manager.launch(Server="App", Stage="test")
    association = manager.ssm.create_association(
        Name="AWS-ApplyAnsiblePlaybooks",
        Parameters={
            "SourceType": ["S3"],
            "SourceInfo": [f'{{"path": "https://{manager.bucket}.s3.{REGION}.amazonaws.com/playbook.zip"}}'],
            "PlaybookFile": ["playbook.yml"],
        },
        Targets=[{"Key": "InstanceIds", "Values": [instance]}],
        OutputLocation={"S3Location": {"OutputS3BucketName": manager.bucket, "OutputS3KeyPrefix": "logs"}},
    )["AssociationDescription"]["AssociationId"]

    wait_until(lambda: manager.status(association) == "Failed", what="a failed association")
    (errors,) = [key for key in manager.written() if key.endswith("/stderr")]
    stored = manager.account.client("s3").get_object(Bucket=manager.bucket, Key=errors)["Body"].read()
    assert b"NoSuchKey" in stored


def test_awss_own_documents_can_be_read(manager: Manager) -> None:
    for name in ("AWS-RunShellScript", "AWS-ApplyAnsiblePlaybooks"):
        document = manager.ssm.describe_document(Name=name)["Document"]
        assert (document["Owner"], document["DocumentType"]) == ("Amazon", "Command")
    own = manager.ssm.list_documents(Filters=[{"Key": "Owner", "Values": ["Self"]}])["DocumentIdentifiers"]
    assert own == []


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"commands": ["true"], "colour": ["blue"]}, "colour"),
        ({}, "commands is required"),
    ],
)
def test_parameters_are_compared_with_the_documents(
    manager: Manager, parameters: dict[str, list[str]], complaint: str
) -> None:
    with pytest.raises(ClientError, match=f"InvalidParameters.*{complaint}"):
        manager.ssm.create_association(Name="AWS-RunShellScript", Parameters=parameters, Targets=[])


def test_the_playbook_document_refuses_variables_with_colons_as_awss_does(manager: Manager) -> None:
    with pytest.raises(ClientError, match=r"InvalidParameters.*ExtraVariables"):
        manager.ssm.create_association(
            Name="AWS-ApplyAnsiblePlaybooks",
            Parameters={"ExtraVariables": ["SECRET=arn:aws:secretsmanager:..."]},
            Targets=[],
        )


def test_an_unknown_document_fails_the_stack(manager: Manager) -> None:
    broken = SHELL.replace("AWS-RunShellScript", "No-SuchDocument")
    reason = failure(manager.account, "shell", broken, "Configure", Bucket=manager.bucket)
    assert "Document with name No-SuchDocument does not exist." in reason
