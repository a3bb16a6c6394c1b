"""The versions that answered reads of the site, on the page of their environment."""

from __future__ import annotations

from datetime import timedelta

from django.test import Client
from django.utils import timezone

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.health.models.site import SiteReads
from deployments.health.rules.served_versions import VersionPoll
from tests.builders import make_deployment
from tests.health.display.test_environment_panels import make_reads
from tests.health_builders import make_whole
from tests.pages.environment_pages import show

OLD, NEW = "0123456789abcdef", "fedcba9876543210"


def make_polls(environment: Environment, *versions: dict[str, int], configured: str = NEW) -> SiteReads:
    """Return a row of reads with a poll a minute; the deployment ended before them."""
    now = timezone.now()
    Deployment.objects.filter(environment=environment).update(ended_at=now - timedelta(hours=1))
    count = len(versions)
    polls = [
        VersionPoll(at=now - timedelta(minutes=count - n), configured=configured, versions=one).to_json()
        for n, one in enumerate(versions)
    ]
    return make_reads(environment, versions=polls)


def test_the_versions_that_answer_are_shown_beside_the_configured_one(browser: Client) -> None:
    environment = make_whole()
    make_polls(environment, {NEW: 4}, {NEW: 4})

    for tab in ("", "servers"):
        shown = show(browser, environment, tab).one(id="served-versions")
        assert f"Version served: {NEW} (8 of 8 reads)" in shown.text
        assert f"Version configured: {NEW}" in shown.text
        assert not shown.all(id="served-other")


def test_different_versions_without_a_deployment_are_explained(browser: Client) -> None:
    environment = make_whole()
    make_polls(environment, {NEW: 4}, {OLD: 3, NEW: 1})

    shown = show(browser, environment).one(id="served-versions")
    assert f"{NEW} (5 of 8 reads) {OLD} (3 of 8 reads)" in shown.text
    assert "although no deployment is in progress" in shown.one(id="served-other").text

    make_deployment(environment, kind="update", state="servers")
    shown = show(browser, environment).one(id="served-versions")
    assert "A deployment is in progress" in shown.one(id="served-changing").text
    assert not shown.all(id="served-other")


def test_a_version_that_is_not_the_configured_one_is_explained(browser: Client) -> None:
    environment = make_whole()
    make_polls(environment, {OLD: 4})

    other = show(browser, environment).one(id="served-other").text

    assert "did not configure" in other
    assert "The association of the app servers configures them when it runs again" in other


def test_reads_of_the_release_before_have_no_versions(browser: Client) -> None:
    environment = make_whole()
    make_reads(environment)

    assert not show(browser, environment).all(id="served-versions")
    assert not show(browser, environment, "servers").all(id="served")
