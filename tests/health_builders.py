"""Builders of observations of an environment: a healthy one, and changes to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from deployments.environments.models.environments import Environment
from deployments.environments.rules.observers import KINDS
from deployments.health.models.balancing import LoadBalancer, Target
from deployments.health.models.configuration import Association, AssociationRun
from deployments.health.models.database import DatabaseCluster, DatabaseMember, DatabaseSnapshot
from deployments.health.models.fleet import FleetGroup, FleetInstance
from deployments.health.models.maintenance import DatabaseMaintenance, DatabaseSecret
from deployments.health.models.metrics import DatabaseFailover, DatabaseMetrics
from deployments.health.models.observing import Observation
from deployments.health.models.reads import observations_of
from deployments.health.models.samples import HealthSample
from deployments.health.rules.database_metrics import begin_of
from deployments.health.rules.rollup import roll_up
from deployments.stacks.models.stacks import Stack
from tests.builders import make_deployment, make_environment, make_resource, make_stack

ARN = "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012"
ZONES = ("ap-northeast-1a", "ap-northeast-1c")
PARTS = {
    "LoadBalancer": ("Alb", "AWS::ElasticLoadBalancingV2::LoadBalancer", f"{ARN}:loadbalancer/app/site/1"),
    "WebTargetGroup": ("Alb", "AWS::ElasticLoadBalancingV2::TargetGroup", f"{ARN}:targetgroup/web/1"),
    "InnerLoadBalancer": ("Nlb", "AWS::ElasticLoadBalancingV2::LoadBalancer", f"{ARN}:loadbalancer/net/in/1"),
    "AppTargetGroup": ("Nlb", "AWS::ElasticLoadBalancingV2::TargetGroup", f"{ARN}:targetgroup/app/1"),
    "WebGroup": ("WebServers", "AWS::AutoScaling::AutoScalingGroup", "web-group"),
    "AppGroup": ("AppServers", "AWS::AutoScaling::AutoScalingGroup", "app-group"),
    "WebAssociation": ("Configuration", "AWS::SSM::Association", "assoc-web"),
    "AppAssociation": ("Configuration", "AWS::SSM::Association", "assoc-app"),
    "Cluster": ("Aurora", "AWS::RDS::DBCluster", "site-cluster"),
}


def server_id(tier: str, number: int) -> str:
    """Return the id of an instance."""
    return f"i-0{'a' if tier == 'web' else 'b'}{number:015x}"


def make_whole(
    name: str = "staging", *, servers: int = 2, zones: tuple[str, ...] = ZONES, **values: Any
) -> Environment:
    """Return a healthy deployed environment with this number of servers in each tier."""
    defaults = {"stack_id": "arn:stack", "stack_status": "CREATE_COMPLETE", "health_word": "healthy"}
    environment = make_environment(name, **(defaults | values))
    deployment = make_deployment(environment, state="succeeded", requested_by=environment.owner)
    make_parts(environment)
    now = timezone.now()
    type(deployment).objects.filter(pk=deployment.pk).update(
        ready_at=deployment.created_at + timedelta(minutes=12)
    )
    for source in KINDS:
        Observation.objects.create(environment=environment, source=source, observed_at=now, attempted_at=now)
    for tier in ("web", "app"):
        _make_tier(environment, tier, servers, zones, now)
    _make_database(environment, zones, now)
    return environment


def make_parts(environment: Environment) -> None:
    """Add every observed resource to the environment's latest deployment."""
    assert environment.latest
    root = make_stack(environment.latest, status="CREATE_COMPLETE")
    stacks: dict[str, Stack] = {}
    for logical_id, (path, kind, physical_id) in PARTS.items():
        stack = stacks.get(path) or make_stack(environment.latest, path, root, status="CREATE_COMPLETE")
        stacks[path] = stack
        make_resource(stack, logical_id, type=kind, physical_id=physical_id)


def _make_tier(
    environment: Environment, tier: str, servers: int, zones: tuple[str, ...], now: datetime
) -> None:
    kind, balancer = ("alb", "LoadBalancer") if tier == "web" else ("nlb", "InnerLoadBalancer")
    LoadBalancer.objects.create(
        environment=environment,
        tier=kind,
        arn=PARTS[balancer][2],
        dns_name=f"{kind}-1.elb.example",
        state="active",
        zones=list(zones),
        observed_at=now,
    )
    FleetGroup.objects.create(
        environment=environment,
        tier=tier,
        name=f"{tier}-group",
        desired=servers,
        maximum=servers * 2,
        observed_at=now,
    )
    association = Association.objects.create(
        environment=environment,
        tier=tier,
        association_id=f"assoc-{tier}",
        name=f"{tier} servers",
        document="AWS-RunShellScript" if tier == "web" else "SansoPlaybook",
        status="Success",
        execution_id="execution-1",
        executed_at=now - timedelta(hours=2),
        counts={"Success": servers},
        observed_at=now,
    )
    ids = [(server_id(tier, number), zones[number % len(zones)]) for number in range(servers)]
    Target.objects.bulk_create(
        Target(
            environment=environment,
            tier=tier,
            target_group_arn=PARTS["WebTargetGroup" if tier == "web" else "AppTargetGroup"][2],
            target_id=key,
            port=80 if tier == "web" else 9090,
            zone=zone,
            state="healthy",
            since=now - timedelta(hours=2),
            observed_at=now,
        )
        for key, zone in ids
    )
    FleetInstance.objects.bulk_create(
        FleetInstance(
            environment=environment,
            tier=tier,
            group=f"{tier}-group",
            instance_id=key,
            zone=zone,
            lifecycle="InService",
            health="Healthy",
            launch_template_version="1",
            instance_type="t4g.micro",
            first_seen_at=now - timedelta(hours=3),
            observed_at=now,
        )
        for key, zone in ids
    )
    AssociationRun.objects.bulk_create(
        AssociationRun(
            association=association,
            execution_id="execution-1",
            instance_id=key,
            status="Success",
            at=now - timedelta(hours=2),
            duration=178 if tier == "app" else 41,
            recap={"ok": 14, "changed": 11} if tier == "app" else {},
            output_key=f"out/{key}/stdout",
            output="PLAY [all]\nok: [localhost]\n",
            output_at=now,
        )
        for key, _ in ids
    )


def make_metrics(
    environment: Environment, *numbers: tuple[int, float | None, float | None, float | None]
) -> None:
    """Add metrics of the database: minutes ago, connections of the writer and of the reader, lag."""
    now = timezone.now()
    DatabaseMetrics.objects.bulk_create(
        DatabaseMetrics(
            environment=environment,
            cluster_id="site-cluster",
            start=begin_of(now - timedelta(minutes=minutes)),
            writer_connections=writer,
            reader_connections=reader,
            replica_lag_ms=lag,
        )
        for minutes, writer, reader, lag in numbers
    )


def make_failover(environment: Environment, minutes: int) -> DatabaseFailover:
    """Add a failover of the database some minutes ago."""
    return DatabaseFailover.objects.create(
        environment=environment,
        cluster_id="site-cluster",
        at=timezone.now() - timedelta(minutes=minutes),
        writer_id="site-1",
        previous_writer_id="site-2",
    )


def _make_database(environment: Environment, zones: tuple[str, ...], now: datetime) -> None:
    cluster = DatabaseCluster.objects.create(
        environment=environment,
        cluster_id="site-cluster",
        status="available",
        engine_version="8.0.mysql_aurora.3.10.0",
        endpoint="site.cluster-abc.rds.example",
        reader_endpoint="site.cluster-ro-abc.rds.example",
        port=3306,
        backup_retention_days=7,
        backup_window="17:00-17:30",
        earliest_restorable_at=now - timedelta(days=7),
        latest_restorable_at=now - timedelta(minutes=5),
        observed_at=now,
    )
    DatabaseMaintenance.objects.create(
        environment=environment,
        cluster_id="site-cluster",
        maintenance_window="sun:18:00-sun:18:30",
        engine_version="8.0.mysql_aurora.3.10.0",
        newer_versions=["8.0.mysql_aurora.3.10.6", "8.0.mysql_aurora.3.12.0"],
        standard_support_ends_at=datetime(2028, 4, 30, 23, 59, 59, tzinfo=UTC),
        extended_support_ends_at=datetime(2029, 7, 31, 23, 59, 59, tzinfo=UTC),
        observed_at=now,
    )
    for name, cluster_id in (("rds!cluster-0a1b2c3d", "site-cluster"), ("sanso-site-datelog", "")):
        DatabaseSecret.objects.create(
            environment=environment,
            arn=f"arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:{name}-AbCdEf",
            name=name,
            cluster_id=cluster_id,
            value_created_at=now - timedelta(days=3 if cluster_id else 200),
            rotates=bool(cluster_id),
            rotated_at=now - timedelta(days=3) if cluster_id else None,
            rotates_at=now + timedelta(days=4) if cluster_id else None,
            observed_at=now,
        )
    DatabaseSnapshot.objects.create(
        environment=environment,
        cluster_id="site-cluster",
        snapshot_id="rds:site-cluster-2026-12-01-17-04",
        cause="automated",
        status="available",
        progress=100,
        size=3,
        created_at=now - timedelta(hours=5),
        observed_at=now,
    )
    for number, zone in enumerate(zones[:2]):
        DatabaseMember.objects.create(
            cluster=cluster,
            instance_id=f"site-{number + 1}",
            is_writer=number == 0,
            status="available",
            zone=zone,
            instance_class="db.t4g.medium",
            lag_ms=12.4 if number else None,
            since=now - timedelta(hours=3),
        )


def unwell(environment: Environment, tier: str = "app", number: int = 1, **values: Any) -> None:
    """Make one server's target unhealthy, or change it to these values."""
    defaults = {
        "state": "unhealthy",
        "reason": "Target.FailedHealthChecks",
        "since": timezone.now() - timedelta(seconds=40),
    }
    Target.objects.filter(environment=environment, target_id=server_id(tier, number)).update(
        **(defaults | values)
    )
    store_health(environment)


def store_health(environment: Environment) -> None:
    """Store the health of an environment as its observers do."""
    health = roll_up(observations_of(environment), timezone.now())
    Environment.objects.filter(pk=environment.pk).update(
        health_word=str(health.status),
        health_sentence=health.sentence.as_json() if health.sentence else {},
    )


def run_failed(environment: Environment, tier: str = "app", number: int = 1) -> AssociationRun:
    """Make the tier's latest run on a server fail, with a failed task and output."""
    association = Association.objects.get(environment=environment, tier=tier)
    run = association.runs.get(instance_id=server_id(tier, number))
    association.status, association.counts = "Failed", {"Success": 1, "Failed": 1}
    association.save()
    run.status, run.recap = "Failed", {"ok": 9, "changed": 3, "failed": 1}
    run.failed_task, run.failed_message = (
        "Install the release",
        "No matching distribution found for datelog==9",
    )
    run.output = "\x1b[0;31mfatal: [localhost]: FAILED! <script>alert(1)</script>\x1b[0m\n"
    run.save()
    return run


def make_past(
    environment: Environment,
    *incidents: tuple[str, timedelta, timedelta],
    every: timedelta = timedelta(minutes=5),
) -> None:
    """Write a day of healthy samples with incidents: (tier, how long ago, for how long)."""
    now = timezone.now()
    times = [
        now - timedelta(hours=24) + every * number for number in range(int(timedelta(hours=24) / every) + 1)
    ]
    rows = []
    for tier in ("environment", "alb", "web", "nlb", "app", "database"):
        for at in times:
            bad = any(
                (tier == incident or tier == "environment") and now - ago <= at <= now - ago + length
                for incident, ago, length in incidents
            )
            rows.append(
                HealthSample(
                    environment=environment,
                    at=at,
                    tier=tier,
                    healthy=1 if bad else 2,
                    total=2,
                    word="degraded" if bad else "healthy",
                )
            )
    HealthSample.objects.bulk_create(rows)
    type(environment).objects.filter(pk=environment.pk).update(created_at=now - timedelta(days=9))
