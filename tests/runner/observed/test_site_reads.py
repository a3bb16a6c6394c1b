"""Continuous reads through the load balancer: stored results, and when no reads are made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone
from pytest_django import Settings

from datelog.version import compute_version
from deployments import catalog
from deployments.core.status import DELETED
from deployments.models import Environment, HealthSample, Observation, Resource, SiteProbe, SiteReads
from deployments.runner.observe import history
from deployments.wording import stored_text
from tests.aws.site_server import Running
from tests.builders import make_account, make_deployment
from tests.fakes import FakeAws
from tests.runner.observed.environments import (
    balancer_arn,
    make_observed_environment,
    observation,
    poll,
    reload,
)
from tests.services import LOOPBACK, REPOSITORY, free_port

pytestmark = pytest.mark.django_db


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
    bundled = catalog.load(settings.SANSO_TEMPLATE_SET).digest
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
    bundled = catalog.load(settings.SANSO_TEMPLATE_SET).digest
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
    monkeypatch.setattr("deployments.runner.observe.poll_round.ROUND_SECONDS", 0.0)
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
