"""The details of a row: ids to copy, links to AWS, dependencies, latest events."""

from __future__ import annotations

import pytest
from django.test import Client

from deployments.cloudformation.usual_durations import UsualDuration
from deployments.deployment_pages.pages.waterfall import cache, inspector
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.stacks import Resource, Stack
from tests.live import scenes
from tests.pages.pages import Element, page


def read(client: Client, deployment: Deployment, path: str) -> Element:
    cache.clear()
    client.force_login(scenes.make_user())
    answer = client.get(f"/deployments/{deployment.pk}/rows/{path}")
    assert answer.status_code == 200
    return page(answer)


@pytest.mark.django_db
def test_details_tell_why_and_what_a_row_is_tied_to(client: Client) -> None:
    deployment = scenes.rolling_back()
    Resource.objects.filter(logical_id="Aurora3").update(depends_on=[["Network/Network1", "parameter"]])
    Resource.objects.filter(logical_id="Aurora4").update(depends_on=[["Aurora/Aurora3", "Ref"]])

    shown = read(client, deployment, "Aurora/Aurora3")

    assert scenes.WHY in shown.text
    assert "CREATE_FAILED" in shown.text
    links = {link.text: link["href"] for link in shown.all("a")}
    assert links["Network1"] == "?row=Network/Network1"
    assert links["Aurora4"] == "?row=Aurora/Aurora4"
    assert "through a parameter" in shown.text
    assert any(link.startswith("?tab=events&event=") for link in links.values())


@pytest.mark.django_db
def test_the_sandbox_has_no_console_and_says_so(client: Client) -> None:
    deployment = scenes.running()
    shown = read(client, deployment, "Network/Network1")
    assert "its resources are not in the AWS console" in shown.text
    assert "id-of-network1" in shown.text

    Account.objects.update(is_sandbox=False)
    shown = read(client, deployment, "Network/Network1")
    consoles = [link["href"] for link in shown.all("a") if "console" in link["href"]]
    assert any("SubnetDetails:subnetId=id-of-network1" in href for href in consoles)
    assert any("cloudtrailv2" in href and "ResourceName=id-of-network1" in href for href in consoles)


@pytest.mark.django_db
def test_the_root_and_the_phases_have_details_and_what_is_not_there_has_none(client: Client) -> None:
    deployment = scenes.running()
    root = Stack.objects.get(deployment=deployment, path="")

    assert root.name in read(client, deployment, "").text
    assert read(client, deployment, "@traffic").one("h2").text == "Traffic"
    assert client.get(f"/deployments/{deployment.pk}/rows/No/Such").status_code == 404


@pytest.mark.parametrize(
    ("usual", "words"),
    [
        (UsualDuration(381, 300, 520), "no history yet: published durations of this type"),
        (UsualDuration(381, 300, 520, 1, "here"), "from 1 run here"),
        (UsualDuration(381, 300, 520, 4, "type"), "from 4 runs of this type"),
        (UsualDuration(381, 300, 520, 2, "kind"), "from 2 runs elsewhere"),
    ],
    ids=["prior", "here", "type", "kind"],
)
def test_a_usual_duration_says_what_it_rests_on(usual: UsualDuration, words: str) -> None:
    assert inspector._history(usual) == words
    assert inspector._usual(usual) == "6:21 (5:00–8:40)"
