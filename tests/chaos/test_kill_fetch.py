"""`kill -9` of the worker while it fetches a template set: another worker takes over the fetch."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone

from deployments.template_sets.models.sources import TemplateFetch, TemplateSource
from deployments.template_sets.models.versions import TemplateVersion
from deployments.template_sets.steps import fetch as fetch_requests
from tests.git_server import git_server
from tests.running import Portal
from tests.services import wait_until
from tests.template_sets.sources.test_process import fetch_processes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


@pytest.fixture
def process_environment(process_environment: dict[str, str]) -> dict[str, str]:
    """Allow the portal to fetch from loopback."""
    return process_environment | {"SANSO_SOURCE_ADDRESSES": "127.0.0.0/8"}


def test_a_fetch_survives_the_death_of_its_worker(portal: Portal, tmp_path: Path) -> None:
    before = fetch_processes()
    with git_server(tmp_path / "served") as server:
        repository = server.create("set")
        commit = repository.commit({"root.yaml": "Resources: {A: {Type: AWS::SNS::Topic}}"})
        repository.tag("v1")
        server.answering.clear()
        source = TemplateSource.objects.create(
            name="Shop", live_key="shop", kind="git", url=server.url("set"), refs="main v*"
        )
        fetch_requests.request(source, "button", timezone.now())
        wait_until(lambda: bool(server.requests), what="a request of the fetch")

        portal.worker.kill()
        assert TemplateFetch.objects.get().state == "running"
        server.answering.set()
        portal.start()
        TemplateFetch.objects.update(due_at=timezone.now())  # as if its lease had expired
        wait_until(lambda: not TemplateFetch.objects.active().exists(), what="the end of the fetch")

    fetch = TemplateFetch.objects.get()
    assert (fetch.state, fetch.added, fetch.attempts) == ("succeeded", 1, 2)
    version = TemplateVersion.objects.of(source).get()
    assert (version.commit, version.ref_names) == (commit, ["refs/heads/main", "refs/tags/v1"])
    wait_until(lambda: fetch_processes() <= before, what="the end of the killed worker's fetch")
