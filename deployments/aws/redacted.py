"""Gateways whose results contain no secret values: texts that programs and people wrote are redacted.

All results from AWS pass through here before the runner stores, logs or uses them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from deployments.aws.session import Clients
from deployments.common.errors import AwsFailure, QuotaExhausted
from deployments.common.rules.redaction import Redactor

Result = TypeVar("Result")

_NAMES = (
    "account_id action activity_id arguments arn association_id attribute backup_window causing_entity "
    "change_set_id "
    "check cluster_id command_id counts deployment_mode detailed_status dns_name "
    "document endpoint engine engine_version evaluation event_id execution_id execution_status group "
    "health id instance_class instance_id instance_type interface_id key kind launch_template_version "
    "lifecycle load_balancer_arns logical_id maintenance_window major_version name opt_in output_bucket "
    "output_key output_prefix parameter_status policy_action protocol reader_endpoint recreation "
    "replacement resource_id scope secret_arn snapshot_id source "
    "stack_id stack_name state status subnet_group suspended tags target_group_arn target_groups target_id "
    "token type updated version vpc_id zone zones"
)
PUBLIC = frozenset(_NAMES.split())
"""Fields that are not redacted: values of the API, and public names that later calls need. All other fields
are redacted."""
ADDRESSED = frozenset(
    {
        "AWS::AutoScaling::AutoScalingGroup",
        "AWS::CloudFormation::Stack",
        "AWS::EC2::VPC",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "AWS::Lambda::Function",
        "AWS::Logs::LogGroup",
        "AWS::RDS::DBCluster",
        "AWS::RDS::DBInstance",
        "AWS::SSM::Association",
        "AWS::SecretsManager::Secret",
    }
)
"""Types whose physical ids are not redacted, since the portal calls AWS with them. Those of other types may
be any text: a custom resource's physical id is returned by its function."""


def redacted(clients: Clients, redact: Redactor) -> Clients:
    """Return clients that replace secret values in results and errors."""
    if not redact:
        return clients
    gateways: dict[str, Any] = {
        field.name: _Redacted(getattr(clients, field.name), redact) for field in fields(clients)
    }
    return Clients(**gateways)


class _Redacted:
    """A gateway that calls the methods of another one and redacts their results."""

    def __init__(self, gateway: object, redact: Redactor) -> None:
        self._gateway, self._redact = gateway, redact

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._gateway, name)

        def call(*arguments: Any, **named: Any) -> Any:
            try:
                result = method(*arguments, **named)
            except QuotaExhausted:
                raise
            except AwsFailure as exc:
                failure = type(exc)(exc.code, self._redact(exc.message), exc.operation, exc.request_id)
                raise failure from None  # botocore's error also contains the message
            return result if isinstance(result, str) else without_secrets(result, self._redact)

        return call


def without_secrets(value: Result, redact: Redactor) -> Result:
    """Return a value, a dataclass or a collection of these, with its texts redacted."""
    cleaned: Any = value
    if isinstance(value, str):
        cleaned = redact(value)
    elif isinstance(value, bytes):  # the end of a file: its first character may be incomplete
        cleaned = redact(value.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    elif isinstance(value, Mapping):
        cleaned = {key: without_secrets(one, redact) for key, one in value.items()}
    elif isinstance(value, list | tuple):
        cleaned = type(value)(without_secrets(one, redact) for one in value)
    elif is_dataclass(value) and not isinstance(value, type):
        changed = {
            name: clean
            for name in _texts_of(value)
            if (clean := without_secrets(old := getattr(value, name), redact)) != old
        }
        cleaned = replace(value, **changed) if changed else value
    return cleaned  # type: ignore[no-any-return]  # of the value's own type


def _texts_of(value: Any) -> list[str]:
    names = [field.name for field in fields(value) if field.name not in PUBLIC]
    if getattr(value, "type", "") in ADDRESSED:
        return [name for name in names if name != "physical_id"]
    return names
