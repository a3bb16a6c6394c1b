"""Continuous reads through the load balancer: stored results, and when no reads are made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone
from pytest_django import Settings

from datelog.version import compute_version
from deployments.aws.described_network import DescribedNetwork
from deployments.aws.reachability.network import (
    Endpoint,
    GroupRule,
    Network,
    Node,
    Route,
    SecurityGroup,
    Subnet,
)
from deployments.cloudformation.status import DELETED
from deployments.common.errors import AwsAccessError, AwsFailure, AwsRetryable
from deployments.common.rules.stored_messages import read_message
from deployments.common.texts import stored_text
from deployments.environments.models.environments import Environment
from deployments.health.models.observing import Observation
from deployments.health.models.samples import HealthSample
from deployments.health.models.site import SiteProbe, SiteReads
from deployments.health.steps.observe import history
from deployments.health.steps.observe.paths import AGE
from deployments.stacks.models.stacks import Resource
from deployments.template_sets import template_files
from tests.aws.site_server import Running
from tests.builders import make_account, make_deployment
from tests.fakes import FakeAws
from tests.health.steps.observed.environments import (
    balancer_arn,
    make_observed_environment,
    observation,
    poll,
    reload,
)
from tests.health.steps.observed.environments import server as observed_server
from tests.message_texts import text_of
from tests.services import LOOPBACK, REPOSITORY, free_port

pytestmark = pytest.mark.django_db
READ = "ec2:DescribeSecurityGroups"


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture
def server() -> Iterator[Running]:
    """A site on loopback, where the sandbox's load balancers listen."""
    running = Running()
    yield running
    running.stop()


@pytest.fixture
def environment(aws: FakeAws, server: Running) -> Environment:
    """An observed sandbox environment whose ALB leads to the site."""
    account = make_account(is_sandbox=True, sandbox_facts={"machines": "processes"})
    environment = make_observed_environment(aws, account=account)
    poll(aws)
    lead_to(environment, server.name)
    return environment


def lead_to(environment: Environment, name: str) -> None:
    environment.load_balancers.filter(tier="alb").update(dns_name=name)


def test_reads_that_succeed_keep_the_environment_healthy(
    aws: FakeAws, environment: Environment, server: Running
) -> None:
    poll(aws, "site")

    row = SiteReads.objects.get()
    assert (row.reads, row.failed, row.reached) == (4, 0, True)
    assert (row.latest_reads, row.latest_failed) == (4, 0)
    assert 0 < row.milliseconds / 4 <= row.slowest
    assert row.latest_milliseconds == pytest.approx(row.milliseconds / 4)
    assert reload(environment).health_word == "healthy"
    assert {method for method, _path, _host in server.requests} == {"GET"}
    assert observation(environment, "site").observed_at


def test_the_versions_that_answered_are_stored_beside_the_configured_one(
    aws: FakeAws, environment: Environment, server: Running, settings: Settings
) -> None:
    version = {"X-Datelog-Version": compute_version(REPOSITORY / "datelog")}
    server.routes["/read"] = lambda requested: requested.reply("[]", 200, **version)
    poll(aws, "site")
    bundled = template_files.load(settings.SANSO_TEMPLATE_SET).digest
    environment.deployments.update(template_digest=bundled)
    poll(aws, "site")
    server.routes["/read"] = lambda requested: requested.reply("no", 502)
    poll(aws, "site")

    (before, after) = SiteReads.objects.get().polls
    (answered,) = version.values()
    assert (before.configured, before.versions) == ("", {answered: 4})
    assert (after.configured, after.versions) == (answered, {answered: 4})


def test_the_configured_version_is_unknown_after_a_change_outside_of_sanso(
    aws: FakeAws, environment: Environment, server: Running, settings: Settings
) -> None:
    server.routes["/read"] = lambda requested: requested.reply("[]", 200, **{"X-Datelog-Version": "0" * 16})
    bundled = template_files.load(settings.SANSO_TEMPLATE_SET).digest
    environment.deployments.update(template_digest=bundled, artifact_prefix="sets/ours")

    def configured() -> str:
        poll(aws, "site")
        return str(SiteReads.objects.get().polls[-1].configured)

    assert configured() == compute_version(REPOSITORY / "datelog")
    Environment.objects.update(changed_outside_at=timezone.now())
    assert configured() == ""
    Environment.objects.update(changed_outside_at=None)
    taken = make_deployment(
        environment,
        kind="update",
        operation="take_over",
        state="succeeded",
        ended_at=timezone.now(),
        template_digest=bundled,
        artifact_prefix="sets/theirs",
    )
    assert configured() == ""
    taken.artifact_prefix = "sets/ours"
    taken.save()
    assert configured() == compute_version(REPOSITORY / "datelog")


def test_the_versions_of_earlier_reads_are_known_in_the_next_interval(
    aws: FakeAws, environment: Environment, server: Running
) -> None:
    server.routes["/read"] = lambda requested: requested.reply("[]", 200, **{"X-Datelog-Version": "0" * 16})
    poll(aws, "site")
    SiteReads.objects.update(start=F("start") - timedelta(minutes=5))
    for _ in range(6):
        poll(aws, "site")

    polls = SiteReads.objects.newest_of(environment)[0].polls
    assert [one.versions for one in polls] == [{"0" * 16: 4}] * 5


def test_a_site_that_fails_is_unhealthy_at_once_and_in_the_history(
    aws: FakeAws, environment: Environment, server: Running
) -> None:
    poll(aws, "site")
    server.routes["/read"] = lambda requested: requested.reply("no", 502)

    poll(aws, "site")

    seen = reload(environment)
    assert (seen.health_word, stored_text(seen.health_sentence)) == (
        "unhealthy",
        "None of 4 reads of the site succeeded.",
    )
    samples = HealthSample.objects.filter(tier="site").order_by("at")
    assert list(samples.values_list("word", "healthy", "total")) == [("healthy", 4, 4), ("unhealthy", 0, 4)]
    whole = HealthSample.objects.filter(tier="environment").latest("at")
    assert (whole.healthy, whole.total) == (8, 8)  # counts components, not reads
    row = SiteReads.objects.get()
    assert (row.reads, row.failed) == (8, 4)
    assert stored_text(row.problem) == "/read returns 502: no"


def test_after_a_failure_the_next_reads_follow_soon(
    aws: FakeAws, environment: Environment, server: Running
) -> None:
    def delay() -> timedelta:
        before = timezone.now()
        poll(aws, "site")
        due_at = observation(environment, "site").due_at
        assert due_at
        return due_at - before

    usual = delay()
    server.routes["/read"] = lambda requested: requested.reply("no", 502)

    assert delay() < usual / 2


def test_a_site_that_the_portal_cannot_reach_is_not_measured(aws: FakeAws, environment: Environment) -> None:
    lead_to(environment, f"{LOOPBACK}:{free_port()}")

    poll(aws, "site")

    row = SiteReads.objects.get()
    assert (row.reached, row.reads, row.failed) == (False, 0, 0)
    assert "does not accept connections" in stored_text(row.problem)
    assert reload(environment).health_word == "healthy"
    assert not HealthSample.objects.filter(tier="site").exists()


def test_reads_of_five_minutes_are_one_row(aws: FakeAws, environment: Environment) -> None:
    for _ in range(2):
        poll(aws, "site")
    SiteReads.objects.update(start=F("start") - timedelta(minutes=5))
    poll(aws, "site")

    rows = SiteReads.objects.order_by("start")
    assert [row.reads for row in rows] in ([8, 4], [4, 4, 4])
    assert all(row.durations and sum(row.durations.values()) == row.reads for row in rows)


def test_there_are_no_reads_while_the_environment_is_created_or_deleted(
    aws: FakeAws, environment: Environment, server: Running
) -> None:
    for kind in ("create", "delete"):
        deployment = make_deployment(environment, kind=kind, state="stacks")
        poll(aws, "site")
        type(deployment).objects.filter(pk=deployment.pk).update(state="succeeded", active_key=None)

    assert server.requests == []


def test_there_are_no_reads_without_servers_or_a_load_balancer(
    aws: FakeAws, environment: Environment, server: Running
) -> None:
    type(environment.account).objects.update(sandbox_facts={"machines": "records"})
    poll(aws, "site")
    type(environment.account).objects.update(sandbox_facts={"machines": "processes"})
    Resource.objects.filter(physical_id=balancer_arn("staging", "web")).update(status=DELETED)
    poll(aws, "site")

    assert server.requests == []
    assert not SiteReads.objects.exists()


def test_an_update_goes_on_being_measured(aws: FakeAws, environment: Environment, server: Running) -> None:
    make_deployment(environment, kind="update", state="stacks")

    poll(aws, "site")

    assert SiteReads.objects.get().reads == 4


def test_a_site_that_hangs_does_not_keep_others_from_being_measured(
    aws: FakeAws, environment: Environment, server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_observed_environment(aws, "other", account=environment.account)
    poll(aws)
    lead_to(environment, server.name)
    lead_to(other, f"{LOOPBACK}:{free_port()}")
    monkeypatch.setattr("deployments.health.steps.observe.poll_round.ROUND_SECONDS", 0.0)
    monkeypatch.setattr("deployments.aws.site.READ_SECONDS", 0.5)
    server.routes["/read"] = lambda requested: requested.connection.recv(1)

    poll(aws, "site")

    assert set(SiteReads.objects.values_list("environment", "reached")) == {
        (environment.pk, True),
        (other.pk, False),
    }


def test_old_reads_are_deleted(aws: FakeAws, environment: Environment) -> None:
    poll(aws, "site")
    SiteReads.objects.update(start=timezone.now() - timedelta(days=400))

    assert history.prune(timezone.now()) == 1
    assert not SiteReads.objects.exists()


def test_a_site_check_that_was_asked_for_is_none_of_the_reads(aws: FakeAws, environment: Environment) -> None:
    poll(aws, "site")

    assert not SiteProbe.objects.exists()
    assert Observation.objects.get(environment=environment, source="site").problem_code == ""


def _described(*ingress: GroupRule) -> DescribedNetwork:
    """Return a network in which app servers reach a database by these rules of its group."""
    rules = tuple(
        GroupRule(protocol="tcp", first=port, last=port, peer="10.0.1.0/24") for port in (443, 3306)
    )
    groups = {
        "sg-app": SecurityGroup(id="sg-app", name="app", egress=rules),
        "sg-db": SecurityGroup(id="sg-db", name="db", ingress=ingress),
    }
    app = Node(address="10.0.1.10", subnet="subnet-1", groups=("sg-app",))
    inside = replace(app, address="10.0.1.30", groups=())
    subnet = Subnet(id="subnet-1", vpc="vpc-1", zone="a", table="rtb-1")
    return DescribedNetwork(
        network=Network(
            groups=groups,
            subnets={"subnet-1": subnet},
            tables={"rtb-1": (Route(destination="0.0.0.0/0", target="nat-1"),)},
            endpoints=(
                Endpoint(id="vpce-1", vpc="vpc-1", service="ssm", nodes=(inside,), private_names=True),
            ),
        ),
        instances={observed_server("staging", "app", 0): app},
        others={"RDSNetworkInterface": (replace(app, address="10.0.1.20", groups=("sg-db",)),)},
    )


MISSING = "no inbound rule of sg-db (db) allows TCP 3306 from sg-app (app), 10.0.1.10."


@pytest.mark.parametrize("answer", [500, 504])
def test_the_rule_that_the_database_connection_lacks_is_named_while_reads_fail(
    aws: FakeAws, environment: Environment, server: Running, answer: int
) -> None:
    aws.network = _described()
    poll(aws, "site")
    assert READ not in aws.calls
    answers = server.routes["/read"]
    server.routes["/read"] = lambda requested: requested.reply("no", answer)

    poll(aws, "site")
    poll(aws, "site")

    sentence = f"app {observed_server('staging', 'app', 0)} cannot reach staging-db: {MISSING}"
    assert text_of(read_message(reload(environment).health_sentence)) == sentence
    assert aws.calls.count(READ) == 1

    SiteReads.objects.update(path_read_at=timezone.now() - AGE - timedelta(seconds=1))
    aws.network = _described(GroupRule(protocol="tcp", first=3306, last=3306, peer="sg-app"))
    poll(aws, "site")
    assert aws.calls.count(READ) == 2
    assert (
        text_of(read_message(reload(environment).health_sentence)) == "None of 4 reads of the site succeeded."
    )

    server.routes["/read"] = answers
    poll(aws, "site")
    assert (reload(environment).health_word, SiteReads.objects.get().path_read_at) == ("healthy", None)


def test_what_the_requests_lack_is_kept_in_the_next_interval(
    aws: FakeAws, environment: Environment, server: Running
) -> None:
    aws.network = _described()
    server.routes["/read"] = lambda requested: requested.reply("no", 500)
    poll(aws, "site")
    SiteReads.objects.update(start=F("start") - timedelta(minutes=5))

    poll(aws, "site")

    assert aws.calls.count(READ) == 1
    assert len({str(row.missing_path) for row in SiteReads.objects.all()}) == 1
    assert SiteReads.objects.count() == 2


@pytest.mark.parametrize("problem", [AwsRetryable, AwsAccessError])
def test_a_network_that_cannot_be_read_changes_nothing_else_for_the_site(
    aws: FakeAws, environment: Environment, server: Running, problem: type[AwsFailure]
) -> None:
    aws.network = _described()
    aws.fail(READ, problem("Denied", "Denied.", READ))
    server.routes["/read"] = lambda requested: requested.reply("no", 500)

    poll(aws, "site")

    assert SiteReads.objects.get().missing_path is None
    assert reload(environment).health_word == "unhealthy"
    assert observation(environment, "site").problem_code == ""
