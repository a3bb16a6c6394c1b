"""Network interfaces of functions in a VPC: shared by subnet and set of groups, and removed with a delay.

Lambda removes an interface about 25 minutes after its last function, with the permissions of that function's
role; until then, its subnet and groups cannot be deleted. Sources:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html,
https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/392,
https://github.com/aws/aws-cdk/issues/14456.
"""

import time
import uuid
from typing import Any, Final

from ministack.services import ec2, lambda_svc

from sanso_sandbox.engine import heartbeat
from sanso_sandbox.engine.registry import Created, Properties, Record, Refused, handler, note
from sanso_sandbox.engine.time_scale import shortened
from sanso_sandbox.services.ec2 import interfaces
from sanso_sandbox.services.iam import role_permissions

FUNCTION: Final = "AWS::Lambda::Function"
KEPT: Final = 25 * 60.0  # of AWS's seconds
LOOK: Final = 0.1
WAITING: Final = (
    "CloudFormation is waiting for NetworkInterfaces associated with the Lambda Function to be cleaned up."
)


def install() -> None:
    """Create the interfaces of functions, and remove unused ones after the delay."""
    found = handler(FUNCTION)
    create, update, delete = found["create"], found["update"], found["delete"]

    def created(logical_id: str, properties: Properties, stack: str) -> Created:
        _require_permission(properties)
        made: Created = create(logical_id, properties, stack)
        _place(made[0], properties)
        return made

    def updated(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Created:
        _require_permission(new)
        made: Created = update(physical_id, old, new, *rest)
        _place(made[0], new)
        return made

    def deleted(physical_id: str, properties: Properties) -> None:
        delete(physical_id, properties)
        _await_removal(physical_id)

    found.update(create=created, update=updated, delete=deleted)
    lambda_svc._create_function = _placing(lambda_svc._create_function, 0)
    lambda_svc._update_config = _placing(lambda_svc._update_config, 1)
    heartbeat.listen(ec2._network_interfaces, _remove_unused)


def _placing(action: Any, data_at: int) -> Any:
    def placed(*arguments: Any) -> Any:
        answer = action(*arguments)
        request = arguments[data_at]
        name = str(request.get("FunctionName") or arguments[0])
        if answer[0] < 300 and "VpcConfig" in request:
            _place(name, request)
        return answer

    return placed


def _require_permission(properties: Properties) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions"""
    if not (properties.get("VpcConfig") or {}).get("SubnetIds"):
        return
    if not role_permissions.role_allows(str(properties.get("Role") or ""), "ec2:CreateNetworkInterface"):
        raise Refused(
            "InvalidParameterValueException",
            "The provided execution role does not have permissions to call CreateNetworkInterface on EC2",
        )


def _place(name: str, properties: Properties) -> None:
    """Set a function's subnets in its configuration, and create an interface in each of them."""
    function = lambda_svc._functions.get(name)
    if function is None:
        return
    vpc = properties.get("VpcConfig") or {}
    config = function["config"]
    config["VpcConfig"] = lambda_svc._vpc_config_with_id(
        {
            "SubnetIds": list(vpc.get("SubnetIds") or ()),
            "SecurityGroupIds": list(vpc.get("SecurityGroupIds") or ()),
        }
    )
    with interfaces.addresses:
        have = {record["_lambda"] for record in ec2._network_interfaces.values() if "_lambda" in record}
        for key in sorted(_keys(config) - have):
            subnet, groups = key
            record = interfaces.add(
                subnet,
                f"AWS Lambda VPC ENI-{name}-{uuid.uuid4()}",
                groups,
                kind="lambda",
                requester=f"AROAEXAMPLEID:{name}",
            )
            record["_lambda"] = key
    for record in ec2._network_interfaces.values():
        if record.get("_lambda") in _keys(config):
            record.update(_role=str(config["Role"]), _unused_since=None)


def _keys(config: Record) -> set[tuple[str, tuple[str, ...]]]:
    vpc = config.get("VpcConfig") or {}
    groups = tuple(sorted(vpc.get("SecurityGroupIds") or ()))
    return {(subnet, groups) for subnet in vpc.get("SubnetIds") or ()}


def _remove_unused() -> None:
    """Remove interfaces that have been unused for long enough, if the last function's role still may."""
    in_use = {key for function in lambda_svc._functions.values() for key in _keys(function["config"])}
    now = time.monotonic()
    for interface_id, record in list(ec2._network_interfaces.items()):
        if "_lambda" not in record:
            continue
        if record["_lambda"] in in_use:
            record["_unused_since"] = None
        elif record.get("_unused_since") is None:
            record["_unused_since"] = now
        elif now - record["_unused_since"] >= shortened(KEPT):
            if role_permissions.role_allows(record["_role"], "ec2:DeleteNetworkInterface"):
                interfaces.remove(interface_id=interface_id)
            else:
                record["_abandoned"] = True


def _await_removal(name: str) -> None:
    """Wait for the removal of interfaces that only a deleted function has used, as CloudFormation does."""
    mine = f"AWS Lambda VPC ENI-{name}-"
    noted = False
    while any(
        record["Description"].startswith(mine) and not _shared(record) and not record.get("_abandoned")
        for record in ec2._network_interfaces.values()
    ):
        if not noted:
            note(WAITING)
            noted = True
        time.sleep(LOOK)


def _shared(record: Record) -> bool:
    return any(record["_lambda"] in _keys(function["config"]) for function in lambda_svc._functions.values())
