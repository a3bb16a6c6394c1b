"""The resources that a deletion leaves behind according to the templates."""

from __future__ import annotations

from typing import Any

from deployments.cloudformation.resource_policies import RETAIN, SNAPSHOT, log_exporters, policies


def template(**resources: Any) -> dict[str, Any]:
    return {"Resources": resources}


def test_policies_are_found_by_path_through_nested_stacks() -> None:
    url = {"Fn::Sub": "https://${Bucket}.s3.amazonaws.com/${Prefix}/data.yaml"}
    contents = {
        "root.yaml": template(
            Kept={"Type": "AWS::SQS::Queue", "DeletionPolicy": "Retain"},
            New={"Type": "AWS::SQS::Queue", "DeletionPolicy": "RetainExceptOnCreate"},
            Gone={"Type": "AWS::SQS::Queue", "DeletionPolicy": "Delete"},
            Data={"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}},
        ),
        "data.yaml": template(Cluster={"Type": "AWS::RDS::DBCluster", "DeletionPolicy": "Snapshot"}),
    }

    assert policies(contents, "root.yaml", {}) == {
        "Kept": RETAIN,
        "New": RETAIN,
        "Data/Cluster": SNAPSHOT,
    }


def test_a_database_without_a_policy_leaves_a_snapshot_and_a_member_of_a_cluster_none() -> None:
    contents = {
        "root.yaml": template(
            Cluster={"Type": "AWS::RDS::DBCluster"},
            Alone={"Type": "AWS::RDS::DBInstance", "Properties": {}},
            Member={"Type": "AWS::RDS::DBInstance", "Properties": {"DBClusterIdentifier": "x"}},
        )
    }

    assert policies(contents, "root.yaml", {}) == {"Cluster": SNAPSHOT, "Alone": SNAPSHOT}


def test_a_stack_that_contains_itself_is_not_followed_for_ever() -> None:
    url = "https://b.s3.amazonaws.com/p/root.yaml"
    contents = {
        "root.yaml": template(
            Again={"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}},
            Kept={"Type": "AWS::SQS::Queue", "DeletionPolicy": "Retain"},
        )
    }

    assert policies(contents, "root.yaml", {})["Again/Kept"] == RETAIN


def test_databases_that_export_logs_are_found_by_path() -> None:
    url = {"Fn::Sub": "https://${Bucket}.s3.amazonaws.com/${Prefix}/data.yaml"}
    exports = {"EnableCloudwatchLogsExports": ["error", "slowquery"]}
    contents = {
        "root.yaml": template(
            Data={"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}},
            Other={"Type": "AWS::SQS::Queue", "Properties": exports},
        ),
        "data.yaml": template(
            Cluster={"Type": "AWS::RDS::DBCluster", "Properties": exports},
            Silent={"Type": "AWS::RDS::DBCluster", "Properties": {"EnableCloudwatchLogsExports": []}},
            Alone={"Type": "AWS::RDS::DBInstance", "Properties": exports},
        ),
    }

    assert log_exporters(contents, "root.yaml", {}) == {
        "Data/Cluster": "/aws/rds/cluster/{}/",
        "Data/Alone": "/aws/rds/instance/{}/",
    }
