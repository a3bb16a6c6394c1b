"""The tree of stacks and resources: rows are below their dependencies."""

from __future__ import annotations

import pytest
from django.test import Client

from deployments.stacks.display.tree import TreeNode, in_order
from deployments.stacks.models.stacks import Resource
from tests.live import scenes
from tests.pages.pages import page


def test_rows_are_below_their_dependencies() -> None:
    nodes = {
        path: TreeNode(path=path, needs=needs)
        for path, needs in {
            "App": ("Data/Cluster", "Network"),
            "Data": ("Network/Vpc",),
            "Data/Cluster": (),
            "Network": (),
            "Loop": ("Pool",),
            "Pool": ("Loop",),
        }.items()
    }
    assert in_order(["App", "Data", "Network", "Loop", "Pool"], nodes) == [
        "Network",
        "Data",
        "App",
        "Loop",
        "Pool",
    ]


def test_a_chain_of_1500_resources_is_sorted() -> None:
    names = [f"R{number}" for number in range(1500)]
    nodes = {name: TreeNode(path=name, needs=names[n + 1 : n + 2]) for n, name in enumerate(names)}
    assert in_order(names, nodes) == names[::-1]


@pytest.mark.django_db
def test_the_rows_of_a_page_are_in_the_order_of_their_dependencies(client: Client) -> None:
    deployment = scenes.make_deployment()
    scenes.add_stacks(deployment, {"App": 1, "Network": 1})
    Resource.objects.filter(logical_id="App").update(depends_on=[["Network", "Ref"]])
    client.force_login(scenes.make_user())

    rows = page(client.get(f"/deployments/{deployment.pk}/")).one(id="tree").all("tr")

    assert [row["id"] for row in rows[:5]] == ["t-", "t-Network", "t-Network.Network1", "t-App", "t-App.App1"]
    assert "waiting for Network" in rows[3].text
