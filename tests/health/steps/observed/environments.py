"""Deployed environments in an in-memory account, and observers that poll it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from deployments.aws.autoscaling import Group, GroupInstance, ScalingActivity
from deployments.aws.elbv2 import LoadBalancer, TargetGroup, TargetHealth
from deployments.aws.rds import Cluster, DBInstance, Member
from deployments.aws.ssm import Association, Execution, ExecutionTarget
from deployments.environments.models.environments import Environment
from deployments.health.models.observing import Observation, Observer
from deployments.health.steps import observe
from deployments.steps import step
from tests.builders import make_account, make_deployment, make_environment, make_resource, make_stack
from tests.fakes import FakeAws

ELB = "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012"
ZONES = ("ap-northeast-1a", "ap-northeast-1c")
SOURCES = ("targets", "associations", "fleet", "database", "backups", "maintenance", "metrics")
ENGINE, VERSION = "aurora-mysql", "8.0.mysql_aurora.3.10.0"


def problems() -> QuerySet[Observation]:
    """Return the observations whose last poll failed."""
    return Observation.objects.exclude(problem_code="")


def balancer_arn(name: str, tier: str) -> str:
    """Return the ARN of a tier's load balancer."""
    return f"{ELB}:loadbalancer/{'app' if tier == 'web' else 'net'}/{name}-{tier}/1"


def group_arn(name: str, tier: str) -> str:
    """Return the ARN of a tier's target group."""
    return f"{ELB}:targetgroup/{name}-{tier}/1"


def server(name: str, tier: str, number: int) -> str:
    """Return an instance id."""
    return f"i-{name}-{tier}-{number}"


def make_observed_environment(
    aws: FakeAws, name: str = "staging", servers: int = 2, **values: Any
) -> Environment:
    """Return a deployed environment that is healthy in AWS."""
    account = values.pop("account", None) or make_account()
    environment = make_environment(
        name, account=account, stack_id=f"arn:{name}", stack_status="CREATE_COMPLETE", **values
    )
    make_parts(environment)
    make_healthy(aws, name, servers)
    return environment


def make_parts(environment: Environment, **values: Any) -> None:
    """Add a deployment that created every resource that is observed."""
    name = environment.name
    deployment = make_deployment(environment, **({"state": "succeeded"} | values))
    root = make_stack(deployment, status="CREATE_COMPLETE")
    created = {
        "Alb/Alb": ("AWS::ElasticLoadBalancingV2::LoadBalancer", balancer_arn(name, "web")),
        "Nlb/Nlb": ("AWS::ElasticLoadBalancingV2::LoadBalancer", balancer_arn(name, "app")),
        "Network/WebTargetGroup": ("AWS::ElasticLoadBalancingV2::TargetGroup", group_arn(name, "web")),
        "Network/AppTargetGroup": ("AWS::ElasticLoadBalancingV2::TargetGroup", group_arn(name, "app")),
        "WebServers/AutoScalingGroup": ("AWS::AutoScaling::AutoScalingGroup", f"{name}-web"),
        "AppServers/AutoScalingGroup": ("AWS::AutoScaling::AutoScalingGroup", f"{name}-app"),
        "Configuration/WebServerAssociation": ("AWS::SSM::Association", f"{name}-web"),
        "Configuration/AppServerAssociation": ("AWS::SSM::Association", f"{name}-app"),
        "Aurora/DbCluster": ("AWS::RDS::DBCluster", f"{name}-db"),
    }
    stacks: dict[str, Any] = {}
    for path, (kind, physical_id) in created.items():
        where, _, logical_id = path.partition("/")
        stacks.setdefault(where, None)
        if stacks[where] is None:
            stacks[where] = make_stack(deployment, where, root, status="CREATE_COMPLETE")
        make_resource(stacks[where], logical_id, type=kind, physical_id=physical_id)


def make_healthy(aws: FakeAws, name: str, servers: int = 2) -> None:
    """Put the healthy resources of an environment into the account."""
    now = timezone.now()
    for tier in ("web", "app"):
        arn, group = group_arn(name, tier), f"{name}-{tier}"
        aws.balancers[balancer_arn(name, tier)] = LoadBalancer(
            arn=balancer_arn(name, tier),
            name=group,
            dns_name=f"{group}.elb.example",
            type="application" if tier == "web" else "network",
            state="active",
            zones=ZONES,
        )
        aws.target_group_rows[arn] = TargetGroup(arn=arn, name=group, protocol="HTTP", port=80)
        ids = [server(name, tier, number) for number in range(servers)]
        aws.targets[arn] = [
            TargetHealth(target_group_arn=arn, target_id=one, port=80, state="healthy") for one in ids
        ]
        aws.scaling_groups[group] = Group(
            name=group,
            desired=servers,
            minimum=servers,
            maximum=servers,
            instances=tuple(
                GroupInstance(
                    instance_id=one, zone=ZONES[number % 2], lifecycle="InService", health="Healthy"
                )
                for number, one in enumerate(ids)
            ),
        )
        aws.scaling_activities[group] = [activity(group, "launch", "Successful", now)]
        configure(aws, name, tier, dict.fromkeys(ids, "Success"))
    aws.db_clusters[f"{name}-db"] = Cluster(
        cluster_id=f"{name}-db",
        status="available",
        engine=ENGINE,
        engine_version=VERSION,
        maintenance_window="sun:18:00-sun:18:30",
        endpoint="w",
        reader_endpoint="r",
        port=3306,
        members=(
            Member(instance_id=f"{name}-a", is_writer=True),
            Member(instance_id=f"{name}-b", is_writer=False),
        ),
    )
    for number, one in enumerate(("a", "b")):
        aws.db_instances[f"{name}-{one}"] = DBInstance(
            instance_id=f"{name}-{one}", cluster_id=f"{name}-db", status="available", zone=ZONES[number]
        )


def activity(group: str, key: str, status: str, at: datetime, **values: Any) -> ScalingActivity:
    """Return a scaling activity of a group."""
    given: dict[str, Any] = {
        "description": f"{key} an instance",
        "cause": "",
        "message": "",
        "progress": 100,
        "ended_at": at,
    }
    return ScalingActivity(
        activity_id=f"{group}-{key}", group=group, status=status, started_at=at, **(given | values)
    )


def configure(aws: FakeAws, name: str, tier: str, statuses: dict[str, str], run: int = 1) -> None:
    """Add a run of the tier's association with these statuses by instance."""
    key, now = f"{name}-{tier}", timezone.now()
    counts = {status: list(statuses.values()).count(status) for status in statuses.values()}
    ended = "Failed" if "Failed" in counts else "Success"
    aws.association_rows[key] = Association(
        association_id=key,
        name=f"configure-{tier}",
        document="AWS-RunShellScript",
        version="1",
        status=ended,
        detailed_status=ended,
        last_execution_at=now,
        counts=counts,
        output_bucket="logs",
        output_prefix=tier,
    )
    execution_id = f"{key}-{run}"
    aws.execution_rows.setdefault(key, []).insert(
        0,
        Execution(
            association_id=key,
            execution_id=execution_id,
            status=ended,
            detailed_status=ended,
            created_at=now - timedelta(seconds=30),
            counts=counts,
        ),
    )
    aws.execution_target_rows[execution_id] = [
        ExecutionTarget(
            association_id=key,
            execution_id=execution_id,
            instance_id=one,
            status=status,
            detailed_status=status,
            at=now,
        )
        for one, status in statuses.items()
    ]


def set_target_state(aws: FakeAws, name: str, tier: str, number: int, state: str, reason: str = "") -> None:
    """Change the health of one target."""
    rows = aws.targets[group_arn(name, tier)]
    rows[number] = replace(rows[number], state=state, reason=reason)


def poll(aws: FakeAws, *sources: str, every: bool = True) -> None:
    """Poll these sources (default: all) once. With `every`, include environments that are not due."""
    observe.ensure_observers()
    past = timezone.now() - timedelta(seconds=1)
    if every:
        Observation.objects.filter(source__in=sources or SOURCES).update(due_at=past)
    for observer in Observer.objects.filter(source__in=sources or SOURCES).order_by("pk"):
        step.run_observer(observer.pk, observer.version, aws)


def observation(environment: Environment, source: str) -> Observation:
    """Return the observation of a source."""
    return Observation.objects.get(environment=environment, source=source)


def reload(environment: Environment) -> Environment:
    """Return the current row."""
    return Environment.objects.select_related("account", "latest").get(pk=environment.pk)
