"""A set modeled on the article: deployed as the portal does, scaled out, and deleted entirely."""

from __future__ import annotations

from typing import Any

import pymysql

from deployments.template_sets import template_files
from sandbox_tests.engine import inventory
from sandbox_tests.engine.conftest import REGION, Account
from tests.sandbox.article_set.conftest import OFFERED, RETIRED, SET
from tests.services import wait_until

OWN_PREFIX = "fa-094"
CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


def publish(account: Account, bucket: str, prefix: str, version: str) -> str:
    """Upload the set by the portal's conventions and return the URL of its root template.

    The prefix is part of the file names: another environment needs a copy with other names.

    Args:
        version: the database version that replaces the article's.
    """
    template_set = template_files.load(SET)
    s3 = account.client("s3")
    if bucket not in [one["Name"] for one in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    for key, body in template_files.build_objects(template_set):
        s3.put_object(
            Bucket=bucket,
            Key=f"{prefix}/{key.replace(OWN_PREFIX, prefix)}",
            Body=body.replace(RETIRED.encode(), version.encode()),
        )
    root = template_set.root.name.replace(OWN_PREFIX, prefix)
    return f"https://{bucket}.s3.{REGION}.amazonaws.com/{prefix}/{root}"


def parameters(bucket: str, prefix: str, **changed: str) -> list[dict[str, str]]:
    values = {"TemplateBucketName": bucket, "Prefix": prefix, **changed}
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]


def failures(account: Account) -> list[str]:
    stacks = account.cloudformation.describe_stacks()["Stacks"]
    return [line for stack in stacks for line in account.story(stack["StackId"]) if "FAILED" in line]


def create(
    account: Account,
    bucket: str,
    prefix: str,
    *,
    version: str = OFFERED,
    **changed: str,
) -> str:
    answer = account.cloudformation.create_stack(
        StackName=prefix,
        TemplateURL=publish(account, bucket, prefix, version),
        Parameters=parameters(bucket, prefix, **changed),
        Capabilities=CAPABILITIES,
    )
    return str(answer["StackId"])


def finish(account: Account, stack: str, status: str) -> None:
    wait_until(lambda: not account.status(stack).endswith("_IN_PROGRESS"))
    assert account.status(stack) == status, failures(account)


def names(account: Account, service: str, method: str, member: str, key: str) -> set[str]:
    return {one[key] for one in getattr(account.client(service), method)()[member]}


def states(account: Account, group: str) -> set[str]:
    elb = account.client("elbv2")
    arn = elb.describe_target_groups(Names=[group])["TargetGroups"][0]["TargetGroupArn"]
    described = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    return {one["TargetHealth"]["State"] for one in described}


def rows(host: str, port: int = 3306, *, write: bool = True) -> Any:
    """Write a row at an endpoint unless `write` is false, then return all rows."""
    connection = pymysql.connect(
        host=host, port=port, user="testuser", password="Passw0rd", database="testdb", autocommit=True
    )
    with connection, connection.cursor() as cursor:
        if write:
            cursor.execute("INSERT INTO testtable VALUES ('2024-02-03 04:05:06')")
        cursor.execute("SELECT dt FROM testtable")
        return cursor.fetchall()


def test_the_articles_database_is_refused_as_rds_has_retired_its_version(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/AuroraMySQLReleaseNotes/AuroraMySQL.release-calendars.html"""
    stack = create(account, f"article-{account.id}", "fa-094", version=RETIRED)
    finish(account, stack, "ROLLBACK_COMPLETE")
    reasons = "".join(account.story(account.child(stack, "DatabaseStack"), of="DBCluster"))
    assert "Cannot find version 8.0.mysql_aurora.3.01.0 for aurora-mysql" in reasons


def test_the_articles_set_comes_up_grows_and_leaves_nothing(account: Account) -> None:
    bucket = f"article-{account.id}"
    before = inventory.taken(account)
    stack = create(account, bucket, "fa-094")
    finish(account, stack, "CREATE_COMPLETE")

    assert names(account, "elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerName") == {
        "fa-094-ALB",
        "fa-094-NLB",
    }
    wait_until(lambda: states(account, "fa-094-ALBTargetGroup") == {"healthy"}, what="healthy web servers")
    wait_until(lambda: states(account, "fa-094-NLBTargetGroup") == {"healthy"}, what="healthy app servers")

    outputs = account.outputs(stack)
    written = rows(outputs["WriteEndpoint"])
    assert [str(dt) for (dt,) in written] == ["2024-02-03 04:05:06"]
    wait_until(lambda: rows(outputs["ReadEndpoint"], write=False) == written, what="the row at the reader")

    ec2 = account.client("ec2")
    interfaces = ec2.describe_network_interfaces(
        Filters=[{"Name": "description", "Values": ["*fa-094-NLB*"]}]
    )
    addresses = {f"{one['PrivateIpAddress']}/32" for one in interfaces["NetworkInterfaces"]}
    group = ec2.describe_security_groups(
        Filters=[{"Name": "group-name", "Values": ["fa-094-AppSecurityGroup"]}]
    )
    let_in = {
        entry["CidrIp"]
        for permission in group["SecurityGroups"][0]["IpPermissions"]
        for entry in permission["IpRanges"]
    }
    assert len(addresses) == 2
    assert let_in == addresses

    written_keys = [one["Key"] for one in account.client("s3").list_objects_v2(Bucket=bucket)["Contents"]]
    assert any(key.startswith("fa-094/shellscript-association-log/i-") for key in written_keys)
    assert any(
        key.startswith("fa-094/playbook-association-log/i-")
        and key.endswith("awsrunShellScript/runShellScript/stdout")
        for key in written_keys
    )

    account.cloudformation.update_stack(
        StackName=stack,
        UsePreviousTemplate=True,
        Parameters=parameters(bucket, "fa-094", WebCapacity="3"),
        Capabilities=CAPABILITIES,
    )
    finish(account, stack, "UPDATE_COMPLETE")
    assert len(account.client("ssm").describe_instance_information()["InstanceInformationList"]) == 5

    account.cloudformation.delete_stack(StackName=stack)
    finish(account, stack, "DELETE_COMPLETE")
    after = inventory.taken(account)
    # Lambda creates a log group for functions without one; these groups remain on AWS too.
    implicit = {name for name in after["log group"] if name.startswith("/aws/lambda/fa-094-")}
    after["log group"] -= implicit
    assert implicit
    assert after == before


def test_two_environments_and_a_port_of_ones_own_live_side_by_side(account: Account) -> None:
    bucket = f"article-{account.id}"
    first = create(account, bucket, "one")
    second = create(account, bucket, "two", MySQLPort="3307")
    finish(account, first, "CREATE_COMPLETE")
    finish(account, second, "CREATE_COMPLETE")
    assert len(rows(account.outputs(first)["WriteEndpoint"])) == 1
    assert len(rows(account.outputs(second)["WriteEndpoint"], 3307)) == 1
    for stack in (first, second):
        account.cloudformation.delete_stack(StackName=stack)
        finish(account, stack, "DELETE_COMPLETE")
