"""The actions and resources of a call, by the service authorization reference.

https://docs.aws.amazon.com/service-authorization/latest/reference/
MiniStack determines the resource of most calls; this module has the calls for which it does not, and those
that consist of several actions.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from ministack.core import iam_actions
from ministack.services import cloudformation, rds

Check = tuple[str, str, dict[str, Any]]  # action, resource, condition keys


@dataclass(frozen=True, slots=True)
class Request:
    """The parts of a call from which its actions and resources are determined."""

    service: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    params: dict[str, Any]
    region: str
    account: str

    def param(self, name: str) -> str:
        """Return a parameter of a form or query, "" if it is missing."""
        value = self.params.get(name, "")
        return str(value[0] if isinstance(value, list) and value else value or "")

    def json(self) -> dict[str, Any]:
        """Return the parameters of a JSON call."""
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def arn(self, resource: str, *, own: bool = True, service: str = "") -> str:
        """Return the ARN of a resource in the call's region."""
        account = self.account if own else ""
        return f"arn:aws:{service or self.service}:{self.region}:{account}:{resource}"


def checks(request: Request) -> list[Check]:
    """Return the checks that a call must pass; none if MiniStack does not know its action."""
    action = iam_actions.extract_iam_action(
        request.service, request.method, request.path, request.headers, request.body, request.params
    )
    if action is None:
        return []
    if own := _OWN.get(action):
        return list(own(request, action))
    if action.startswith(_WITHOUT_RESOURCE):
        return [(action, "*", {})]
    resource = iam_actions.extract_resource_arn(
        request.service,
        request.method,
        request.path,
        request.headers,
        request.body,
        request.params,
        request.region,
        request.account,
    )
    if request.service == "rds" and resource == "*":
        resource = request.arn("*:*")
    context = iam_actions.request_tag_context(request.service, action, request.body, request.params)
    if request.service == "s3":
        context |= iam_actions.s3_service_context(action, request.params, request.path, request.headers)
        more = iam_actions.s3_additional_checks(
            request.method, request.path, request.headers, request.body, request.params
        )
        named = _versions(request, action, resource)
        return [(named, resource, context), *((extra, arn, {}) for extra, arn in more)]
    if request.service == "cloudformation":
        return list(_stack_checks(request, action))
    return [(action, resource, context)]


# Actions without resource-level permissions.
_WITHOUT_RESOURCE: Final = (
    "access-analyzer:ValidatePolicy",
    "autoscaling:Describe",
    "cloudtrail:LookupEvents",
    "cloudwatch:",
    "ec2:Describe",
    "elasticloadbalancing:Describe",
    "rds:DescribeDBEngineVersions",
    "rds:DescribeDBMajorEngineVersions",
    "servicequotas:",
    "ssm:DescribeAssociationExecution",
    "ssm:GetCommandInvocation",
    "ssm:ListCommand",
    "tag:",
)


def _versions(request: Request, action: str, resource: str) -> str:
    """Return the action of a batch delete. MiniStack assumes the action for objects without versions."""
    if action == "s3:DeleteObject" and "delete" in request.params and b"<VersionId>" in request.body:
        return "s3:DeleteObjectVersion"
    return action


def _stack_checks(request: Request, action: str) -> Iterator[Check]:
    """Yield the checks of a call about a stack, including the change set, tags, policies and passed roles.

    By AWS's reference, change sets are authorized on the stack; a user found that their own ARN is used
    (github.com/widdix/complete-aws-iam-reference/issues/6). Here, both must be allowed.
    """
    name, change_set = request.param("StackName"), request.param("ChangeSetName")
    if not name and not change_set:
        yield (action if action != "cloudformation:DescribeStacks" else "cloudformation:ListStacks"), "*", {}
        return
    if change_set:
        arn = change_set if change_set.startswith("arn:") else request.arn(f"changeSet/{change_set}/*")
        yield action, arn, {}
        known = cloudformation._change_sets.get(change_set)
        name = name or (str(known["StackId"]) if known else "")
    stack = name if name.startswith("arn:") else request.arn(f"stack/{name}/*")
    if name:
        yield action, stack, {}
    if request.param("Tags.member.1.Key"):
        yield "cloudformation:TagResource", stack, {}
    if request.param("StackPolicyBody"):
        yield "cloudformation:SetStackPolicy", stack, {}
    if role := request.param("RoleARN"):
        yield "iam:PassRole", role, {"iam:PassedToService": "cloudformation.amazonaws.com"}


def _named_backup(kind: str, parameter: str, known: Any) -> Callable[[Request, str], Iterator[Check]]:
    """Return a function for the check of a named backup. RDS reports a missing backup first."""

    def find(request: Request, action: str) -> Iterator[Check]:
        if request.param(parameter) in known:
            yield action, request.arn(f"{kind}:{request.param(parameter)}"), {}

    return find


def _new_cluster_snapshot(request: Request, action: str) -> Iterator[Check]:
    """Yield the checks of CreateDBClusterSnapshot: the cluster, the snapshot, and the snapshot's tags."""
    cluster = request.param("DBClusterIdentifier")
    snapshot = request.arn(f"cluster-snapshot:{request.param('DBClusterSnapshotIdentifier')}")
    tags = iam_actions.request_tag_context(request.service, action, request.body, request.params)
    yield action, cluster if cluster.startswith("arn:") else request.arn(f"cluster:{cluster}"), tags
    yield action, snapshot, tags
    if tags:
        yield "rds:AddTagsToResource", snapshot, tags


def _associations(request: Request, action: str) -> Iterator[Check]:
    payload = request.json()
    for found in [payload.get("AssociationId"), *(payload.get("AssociationIds") or ())]:
        if found:
            yield action, request.arn(f"association/{found}"), {}


def _command(request: Request, action: str) -> Iterator[Check]:
    """Yield the checks of SendCommand: the document and every instance."""
    payload = request.json()
    name = str(payload.get("DocumentName", ""))
    own = not name.startswith("AWS-")
    yield action, name if name.startswith("arn:") else request.arn(f"document/{name}", own=own), {}
    for instance in payload.get("InstanceIds") or ():
        yield action, request.arn(f"instance/{instance}", service="ec2"), {}


def _parameters(request: Request, action: str) -> Iterator[Check]:
    payload = request.json()
    for name in payload.get("Names") or [payload.get("Name", "")]:
        if str(name).startswith("arn:"):
            yield action, str(name), {}
        else:
            own = not str(name).startswith("/aws/service/")
            yield action, request.arn(f"parameter/{str(name).lstrip('/')}", own=own), {}


def _log_group(request: Request, action: str) -> Iterator[Check]:
    payload = request.json()
    found = payload.get("logGroupIdentifier") or payload.get("logGroupName") or "*"
    name = str(found).rpartition(":log-group:")[2] or str(found)
    yield action, request.arn(f"log-group:{name}"), {}


def _interface(request: Request, action: str) -> Iterator[Check]:
    yield action, request.arn(f"network-interface/{request.param('NetworkInterfaceId')}"), {}


def _simulated(request: Request, action: str) -> Iterator[Check]:
    yield action, request.param("PolicySourceArn"), {}


_OWN: Final[dict[str, Callable[[Request, str], Iterator[Check]]]] = {
    "ec2:DeleteNetworkInterface": _interface,
    "iam:SimulatePrincipalPolicy": _simulated,
    "logs:DeleteLogGroup": _log_group,
    "logs:DescribeLogGroups": _log_group,
    "logs:FilterLogEvents": _log_group,
    "logs:GetLogEvents": _log_group,
    "rds:CreateDBClusterSnapshot": _new_cluster_snapshot,
    "rds:DeleteDBClusterSnapshot": _named_backup(
        "cluster-snapshot", "DBClusterSnapshotIdentifier", rds._db_cluster_snapshots
    ),
    "rds:DeleteDBSnapshot": _named_backup("snapshot", "DBSnapshotIdentifier", rds._snapshots),
    "rds:DeleteDBClusterAutomatedBackup": _named_backup("cluster-auto-backup", "DbClusterResourceId", ()),
    "rds:DeleteDBInstanceAutomatedBackup": _named_backup("auto-backup", "DbiResourceId", ()),
    "ssm:DescribeAssociation": _associations,
    "ssm:GetParameter": _parameters,
    "ssm:GetParameters": _parameters,
    "ssm:SendCommand": _command,
    "ssm:StartAssociationsOnce": _associations,
}
