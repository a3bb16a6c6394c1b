"""Targets of target groups: registered or draining, and their descriptions in DescribeTargetHealth."""

from ministack.services import alb

from sanso_sandbox.engine import elbv2_responses, heartbeat, query, time_scale
from sanso_sandbox.engine.registry import Answer, Parameters, Record, Refused
from sanso_sandbox.engine.time_scale import Wait
from sanso_sandbox.protocols import in_use
from sanso_sandbox.services.ec2 import instances
from sanso_sandbox.services.elbv2 import target_health

LEAST_DELAY = 2.0  # minimum seconds of draining at any time scale except for 0


def install() -> None:
    """Install the three actions, and remove drained targets regularly."""
    heartbeat.listen(alb._tgs, remove_drained)
    alb._ACTION_MAP["RegisterTargets"] = _register_action
    alb._ACTION_MAP["DeregisterTargets"] = _deregister_action
    alb._ACTION_MAP["DescribeTargetHealth"] = _describe


def register(target_group: str, target_id: str, port: int | None = None) -> None:
    """Register a target; a draining one becomes a new one. An unknown group is ignored."""
    group = alb._tgs.get(target_group)
    if group is None:
        return
    port = port or group["Port"]
    rows = alb._targets.setdefault(target_group, [])
    known = next((row for row in rows if row["Id"] == target_id and row["Port"] == port), None)
    if known is None:
        rows.append({"Id": target_id, "Port": port})
    elif known.pop("_draining", None):
        target_health.forget(target_group, target_id, port)


def deregister(target_group: str, target_id: str, port: int | None = None) -> None:
    """Start to drain a target, which leaves the group after its deregistration delay."""
    given = float(_attribute(target_group, "deregistration_delay.timeout_seconds") or 300)
    # Real requests take real time to end at any time scale; only time scale 0 does not wait for them.
    real = in_use.machines().checks_are_real and time_scale.current() > 0
    for row in alb._targets.get(target_group, []):
        if row["Id"] == target_id and (port is None or row["Port"] == port):
            serving = target_health.state_of(target_group, row)["State"] not in ("unused", "initial")
            delay = given if serving else 0.0
            row.setdefault("_draining", Wait(delay, at_least=min(delay, LEAST_DELAY) if real else 0.0))


def _attribute(target_group: str, name: str) -> str:
    attributes: list[Record] = alb._tg_attrs.get(target_group, [])
    return next((str(entry["Value"]) for entry in attributes if entry["Key"] == name), "")


def is_registered(target_group: str, target_id: str) -> bool:
    """Return whether the target is in the group, even if it is draining."""
    return any(row["Id"] == target_id for row in alb._targets.get(target_group, []))


def remove_drained() -> None:
    """Remove the targets from all groups whose draining has ended."""
    for target_group in list(alb._tgs):
        rows = alb._targets.get(target_group, [])
        for row in [row for row in rows if "_draining" in row and row["_draining"].is_over()]:
            rows.remove(row)
            target_health.forget(target_group, row["Id"], row["Port"])


def _group(parameters: Parameters) -> tuple[str, Record]:
    key = query.value(parameters, "TargetGroupArn")
    group = alb._tgs.get(key)
    if group is None:
        raise Refused("TargetGroupNotFound", "One or more target groups not found")
    return key, group


def _listed(parameters: Parameters) -> list[tuple[str, int | None]]:
    return [
        (row["Id"], int(row["Port"]) if row.get("Port") else None)
        for row in query.structures(parameters, "Targets")
    ]


def _register_action(parameters: Parameters) -> Answer:
    try:
        key, group = _group(parameters)
        for target_id, port in _listed(parameters):
            if group["TargetType"] == "instance" and not instances.exists(target_id):
                raise Refused(
                    "InvalidTarget",
                    f"The following targets are not in a running state: '{target_id}'",
                )
            register(key, target_id, port)
    except Refused as refused:
        return elbv2_responses.refusal(refused)
    return elbv2_responses.answer("RegisterTargets", {})


def _deregister_action(parameters: Parameters) -> Answer:
    try:
        key, _found = _group(parameters)
    except Refused as refused:
        return elbv2_responses.refusal(refused)
    for target_id, port in _listed(parameters):
        deregister(key, target_id, port)
    return elbv2_responses.answer("DeregisterTargets", {})


def _describe(parameters: Parameters) -> Answer:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetHealth.html"""
    try:
        key, group = _group(parameters)
    except Refused as refused:
        return elbv2_responses.refusal(refused)
    rows = list(alb._targets.get(key, []))
    wanted = _listed(parameters)
    if wanted:
        known = {row["Id"] for row in rows}
        rows = [
            row
            for row in rows
            if any(row["Id"] == target and port in (None, row["Port"]) for target, port in wanted)
        ]
        rows += [
            {"Id": target, "Port": port or group["Port"], "_unknown": True}
            for target, port in wanted
            if target not in known
        ]
    described = []
    for row in rows:
        check_port = group["HealthCheckPort"]
        described.append(
            {
                "Target": {"Id": row["Id"], "Port": row["Port"]},
                "HealthCheckPort": row["Port"] if check_port == "traffic-port" else check_port,
                "TargetHealth": target_health.state_of(key, row),
            }
        )
    return elbv2_responses.answer("DescribeTargetHealth", {"TargetHealthDescriptions": described})
