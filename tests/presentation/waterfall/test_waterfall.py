"""The waterfall's rows: what any stored rows make of them; their bars, order, folding and words."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.core.phases import Kind
from deployments.core.status import DisplayStatus
from deployments.core.time_axis import TimeAxis
from deployments.core.timeline import runs
from deployments.core.usual_durations import UsualDuration
from deployments.models import Resource, Stack
from deployments.models.health import FleetInstance
from deployments.models.stack import STACK_TYPE
from deployments.models.timeline import TimelineRow
from deployments.presentation.locale import Locale
from deployments.presentation.waterfall import cache, row_html
from deployments.presentation.waterfall.bars import Bar, bars_of
from deployments.presentation.waterfall.bars import summary as summed
from deployments.presentation.waterfall.outlook import outlook
from deployments.presentation.waterfall.rows import Row, RowBuilder
from deployments.presentation.waterfall.tree import ResourceTree, TreeNode, build_tree, in_order
from deployments.presentation.waterfall.view_model import DeploymentView
from tests.builders import START, make_event
from tests.live import scenes
from tests.views.pages import page

T0 = 1_800_000_000_000
"""A moment in epoch milliseconds."""
AXIS = TimeAxis(T0, T0 + 100_000)
USUAL_WORDS = st.sampled_from(
    ["", "CREATE_IN_PROGRESS", "CREATE_COMPLETE", "CREATE_FAILED", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
)
ODD_WORDS = st.sampled_from(["ROLLBACK_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "NEVER_HEARD_OF"])
WORDS = st.one_of(USUAL_WORDS, ODD_WORDS)
TIMES = st.one_of(st.none(), st.integers(0, 10**6).map(lambda s: START + timedelta(seconds=s)))
CHANGES = st.lists(
    st.one_of(st.tuples(st.integers(T0, T0 + 10**7), WORDS).map(list), st.just([]), st.just([1])), max_size=5
)
NAMES = st.sampled_from(["A", "B", "C", "@ready", "a.b", "<i>", "ü 名前"])
PATHS = st.lists(NAMES, max_size=4).map("/".join)
NEEDS: st.SearchStrategy[Any] = st.one_of(
    st.just([]), st.just("no list"), st.lists(st.lists(PATHS, max_size=3), max_size=3)
)


def stack_at(path: str, pk: int) -> st.SearchStrategy[Stack]:
    """Return stacks at a path as a database may hold them, with resources of any kind."""
    resources = st.lists(
        st.builds(
            Resource,
            logical_id=NAMES,
            type=st.sampled_from(["AWS::SNS::Topic", STACK_TYPE, "", "AWS::AutoScaling::AutoScalingGroup"]),
            status=WORDS,
            reason=st.sampled_from(["", "Resource creation cancelled", "<b>no</b>", "x" * 300]),
            physical_id=st.sampled_from(["", "arn:a:b:c:d:e", "id-1"]),
            started_at=TIMES,
            ended_at=TIMES,
            changes=CHANGES,
            depends_on=NEEDS,
        ),
        max_size=4,
        unique_by=lambda resource: resource.logical_id,
    )
    return st.builds(
        _with_resources,
        st.builds(
            Stack,
            pk=st.just(pk),
            path=st.just(path),
            status=WORDS,
            started_at=TIMES,
            ended_at=TIMES,
            changes=CHANGES,
            stack_id=st.sampled_from(["", scenes.arn("x")]),
        ),
        resources,
    )


def _with_resources(stack: Stack, resources: list[Resource]) -> Stack:
    for number, resource in enumerate(resources):
        resource.pk = number + 1
        resource.stack = stack
    stack._prefetched_objects_cache = {"resources": resources}  # type: ignore[attr-defined]
    return stack


STACKS = st.lists(PATHS, max_size=5, unique=True).flatmap(
    lambda paths: st.tuples(*(stack_at(path, number + 1) for number, path in enumerate(paths)))
)


@given(STACKS, st.sampled_from(list(Kind)))
@settings(max_examples=40, deadline=None)
def test_any_stored_rows_make_a_table(stacks: tuple[Stack, ...], kind: Kind) -> None:
    tree = build_tree(kind, stacks)
    rows = RowBuilder(tree=tree, lines={}, now=T0).all()

    assert len(rows) == len(tree.nodes)
    assert len({row.path for row in rows}) == len(rows)
    for row in rows:
        html = row_html.row(row, AXIS, T0, "en")
        assert "<b>" not in html
        assert "<i>" not in html
    assert all(count.done <= count.total for count in tree.counts.values())


@pytest.mark.django_db
@pytest.mark.parametrize("has_root", [True, False])
def test_odd_rows_and_events_still_make_a_page_and_a_frame(client: Client, has_root: bool) -> None:
    deployment = scenes.make_deployment()
    stacks = scenes.plant(deployment, {"A": 1, "A/B": 1})
    stray = Stack.objects.create(
        deployment=deployment, path="No/Such/Parent", status="SOMETHING_NEW", depth=3
    )
    Resource.objects.create(stack=stray, logical_id="A", type="", status="UNHEARD_OF", changes=[[1], []])
    Resource.objects.filter(logical_id="B1").update(depends_on=[["A/B/B1", "Ref"], ["Gone", "Ref"]])
    scenes.happen(deployment, scenes.event(stacks["A/B"], "New", "STRANGE_IN_PROGRESS", reason="<b>"))
    if not has_root:
        Stack.objects.filter(deployment=deployment, path="").update(path="Elsewhere")
    odd = [("phase", {}), ("phase", {"phase": "unheard"}), ("never.heard", {"a": 1}), ("ended", {"state": 5})]
    for number, (code, values) in enumerate(odd, deployment.last_seq + 90):
        make_event(deployment, number, source="portal", code=code, values=values, status="")
    cache.clear()
    client.force_login(scenes.make_user())

    shown = client.get(f"/deployments/{deployment.pk}/?row=A/B/New")
    updates = client.get(f"/deployments/{deployment.pk}/updates?since=0")

    assert (shown.status_code, updates.status_code) == (200, 200)
    assert "STRANGE_IN_PROGRESS" in page(shown).one(id="t-A.B.New").text
    assert "SOMETHING_NEW" in page(shown).one(id="t-No.Such.Parent").text


def test_a_bar_is_split_by_status_and_told_by_what_it_came_to() -> None:
    changes: list[list[int | str]] = [
        [T0, "UPDATE_IN_PROGRESS"],
        [T0 + 5_000, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"],
        [T0 + 8_000, "UPDATE_COMPLETE"],
    ]
    bars = bars_of(TreeNode(path="A", status="UPDATE_COMPLETE", changes=changes))

    assert bars == (
        Bar(T0, T0 + 5_000, DisplayStatus.DONE),
        Bar(T0 + 5_000, T0 + 8_000, DisplayStatus.SETTLING),
    )


def test_a_failure_that_is_taken_back_stays_in_sight() -> None:
    changes: list[list[int | str]] = [
        [T0, "CREATE_IN_PROGRESS"],
        [T0 + 4_000, "CREATE_FAILED"],
        [T0 + 6_000, "DELETE_IN_PROGRESS"],
        [T0 + 9_000, "DELETE_COMPLETE"],
    ]
    bars = bars_of(TreeNode(path="A", status="DELETE_COMPLETE", changes=changes))

    assert [(bar.status, bar.start, bar.end) for bar in bars] == [
        (DisplayStatus.FAILED, T0, T0 + 4_000),
        (DisplayStatus.DELETED, T0 + 6_000, T0 + 9_000),
    ]


@pytest.mark.parametrize(
    ("is_stack", "told"), [(True, DisplayStatus.FAILED), (False, DisplayStatus.CANCELLED)]
)
def test_what_was_broken_off_ends_where_it_is_taken_back(is_stack: bool, told: DisplayStatus) -> None:
    changes: list[list[int | str]] = [[T0, "CREATE_IN_PROGRESS"], [T0 + 4_000, "DELETE_IN_PROGRESS"]]
    node = TreeNode(path="A", status="DELETE_IN_PROGRESS", changes=changes, is_stack=is_stack)

    assert bars_of(node) == (Bar(T0, T0 + 4_000, told), Bar(T0 + 4_000, None, DisplayStatus.PROGRESS))


def test_what_goes_on_has_no_end_and_old_rows_have_a_bar_from_their_times() -> None:
    node = TreeNode(path="A", status="CREATE_IN_PROGRESS", changes=[[T0, "CREATE_IN_PROGRESS"]])
    assert bars_of(node) == (Bar(T0, None, DisplayStatus.PROGRESS),)

    old = TreeNode(path="A", status="CREATE_COMPLETE", started=T0, ended=T0 + 1)
    assert bars_of(old) == (Bar(T0, T0 + 1, DisplayStatus.DONE),)


def test_the_bars_in_a_stack_become_one_line_with_failures_on_top() -> None:
    line = summed(
        [],
        [
            [Bar(T0, T0 + 10_000, DisplayStatus.DONE)],
            [Bar(T0 + 9_000, T0 + 20_000, DisplayStatus.DONE)],
            [Bar(T0 + 30_000, T0 + 40_000, DisplayStatus.FAILED)],
            [Bar(T0 + 35_000, None, DisplayStatus.PROGRESS)],
        ],
    )

    assert line == (
        Bar(T0, T0 + 20_000, DisplayStatus.DONE),
        Bar(T0 + 35_000, None, DisplayStatus.PROGRESS),
        Bar(T0 + 30_000, T0 + 40_000, DisplayStatus.FAILED),
    )


def test_rows_stand_below_what_they_need() -> None:
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


def test_a_thousand_resources_in_one_chain_are_put_in_order() -> None:
    names = [f"R{number}" for number in range(1500)]
    nodes = {name: TreeNode(path=name, needs=names[n + 1 : n + 2]) for n, name in enumerate(names)}
    assert in_order(names, nodes) == names[::-1]


def row_builder(*nodes: TreeNode, lines: dict[str, TimelineRow] | None = None, **values: Any) -> RowBuilder:
    found = {node.path: node for node in (TreeNode(path="", type=STACK_TYPE, is_stack=True), *nodes)}
    children: dict[str, list[str]] = {}
    for path in found:
        if path:
            children.setdefault(path.rpartition("/")[0], []).append(path)
    return RowBuilder(tree=ResourceTree(nodes=found, children=children), lines=lines or {}, now=T0, **values)


def row_of(path: str, builder: RowBuilder) -> Row:
    return next(row for row in builder.all() if row.path == path)


def stack(path: str, status: str) -> TreeNode:
    return TreeNode(path=path, type=STACK_TYPE, is_stack=True, status=status)


@pytest.mark.parametrize(
    ("status", "is_open"),
    [
        ("", False),
        ("CREATE_IN_PROGRESS", True),
        ("CREATE_FAILED", True),
        ("ROLLBACK_IN_PROGRESS", True),
        ("CREATE_COMPLETE", False),
        ("DELETE_COMPLETE", False),
    ],
)
def test_what_is_at_rest_is_folded(status: str, is_open: bool) -> None:
    assert row_of("A", row_builder(stack("A", status))).open is is_open


def test_the_stacks_around_the_first_failure_stay_open_when_all_is_taken_back() -> None:
    builder = row_builder(
        stack("A", "DELETE_COMPLETE"),
        stack("A/B", "DELETE_COMPLETE"),
        TreeNode(path="A/B/Broken", status="DELETE_COMPLETE"),
        stack("C", "DELETE_COMPLETE"),
        focus="A/B/Broken",
    )
    assert [row.path for row in builder.all() if not row.open] == ["C"]
    assert not row_of("A/B/Broken", builder).hidden


def test_a_row_that_takes_longer_than_usual_says_so_with_its_ghost() -> None:
    changes: list[list[int | str]] = [[T0 - 90_000, "CREATE_IN_PROGRESS"]]
    line = TimelineRow(
        path="Db",
        type="AWS::RDS::DBInstance",
        status="CREATE_IN_PROGRESS",
        runs=runs(changes),
        usual=UsualDuration(40, 35, 50, 4, "here"),
        is_slow=True,
    )
    node = TreeNode(path="Db", status="CREATE_IN_PROGRESS", changes=changes, started=T0 - 90_000)
    row = row_of("Db", row_builder(node, lines={"Db": line}))

    assert [*(row.ghost or ())] == [T0 - 90_000, T0 - 50_000]
    html = row_html.row(row, AXIS, T0, "en")
    assert "slower than usual (0:40)" in html
    assert "usually 0:40" in html


def test_without_history_there_is_no_ghost_and_nothing_is_slow() -> None:
    line = TimelineRow(path="Db", type="", usual=UsualDuration(40, 35, 50, 0, "prior"))
    node = TreeNode(path="Db", status="CREATE_IN_PROGRESS", started=T0, changes=[[T0, "CREATE_IN_PROGRESS"]])
    row = row_of("Db", row_builder(node, lines={"Db": line}))

    assert (row.ghost, row.usual, row.is_slow) == (None, None, False)


def test_what_aws_says_is_escaped_in_rows() -> None:
    node = TreeNode(path='<img src="x">', name='<img src="x">', status="<s>", reason="<script>", type="<t>")
    html = row_html.row(row_of(node.path, row_builder(node)), AXIS, T0, "en")

    assert not re.search(r"<(img|s|script|t)[ >]", html)


@pytest.mark.django_db
def test_an_open_page_is_told_what_to_expect_of_rows_that_have_not_ended() -> None:
    cache.clear()
    view = DeploymentView.whole(scenes.running())
    told = outlook(view.timeline, view.axis)

    assert "t-Network" not in told["rest"]
    assert told["rest"]["t-Aurora.Aurora3"][0] is None  # it goes on: from now
    assert told["rest"]["t-AppServers"][1] > 0
    assert told["band"][1] <= told["band"][0] <= told["band"][2]


@pytest.mark.django_db
def test_servers_stand_below_their_group_with_what_configured_them() -> None:
    deployment = scenes.running()
    root = Stack.objects.get(deployment=deployment, path="AppServers")
    group = Resource.objects.create(
        stack=root,
        logical_id="Group",
        type="AWS::AutoScaling::AutoScalingGroup",
        physical_id="app-group",
        status="CREATE_COMPLETE",
    )
    now = datetime.now(UTC)
    environment = deployment.environment
    FleetInstance.objects.create(
        environment=environment,
        tier="app",
        group=group.physical_id,
        instance_id="i-0abc1234",
        zone="ap-northeast-1a",
        lifecycle="InService",
        health="Healthy",
        first_seen_at=now - timedelta(minutes=1),
        observed_at=now,
    )
    association = environment.associations.create(
        association_id="a-1", name="Configure", status="Failed", observed_at=now, tier="app"
    )
    association.runs.create(
        execution_id="e-1",
        instance_id="i-0abc1234",
        status="Failed",
        at=now,
        duration=30,
        failed_task="Install uWSGI",
        failed_message="no such package",
    )
    environment.targets.create(
        tier="app",
        target_group_arn="arn:aws:elasticloadbalancing:r:1:targetgroup/app-tg/9",
        target_id="i-0abc1234",
        port=9090,
        state="unhealthy",
        reason="Target.Timeout",
        description="Request timed out",
        since=now,
        observed_at=now,
    )
    cache.clear()

    rows = [row for row in DeploymentView.whole(deployment).rows() if row.path.startswith("AppServers/Group")]

    assert [(row.kind, row.level, row.display_status) for row in rows] == [
        ("group", 3, DisplayStatus.DONE),
        ("instance", 4, DisplayStatus.DONE),
        ("run", 5, DisplayStatus.FAILED),
        ("target", 5, DisplayStatus.WAITING),  # it is being made: nobody expects it to answer yet
    ]
    assert rows[2].reason == "Install uWSGI: no such package"
    assert rows[2].bars[0].end - rows[2].bars[0].start == 30_000  # type: ignore[operator]


@pytest.mark.django_db
def test_the_order_of_rows_follows_the_templates(client: Client) -> None:
    deployment = scenes.make_deployment()
    scenes.plant(deployment, {"App": 1, "Network": 1})
    Resource.objects.filter(logical_id="App").update(depends_on=[["Network", "Ref"]])
    client.force_login(scenes.make_user())

    rows = page(client.get(f"/deployments/{deployment.pk}/")).one(id="tree").all("tr")

    assert [row["id"] for row in rows[:5]] == ["t-", "t-Network", "t-Network.Network1", "t-App", "t-App.App1"]
    assert "waiting for Network" in rows[3].text


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_row_is_drawn_in_the_readers_language(language: str) -> None:
    locale = Locale(language, "Asia/Tokyo")
    with locale.active():
        view = DeploymentView.whole(scenes.running())
        drawn = "".join(view.render_rows(view.rows(), locale))
    assert ("完了" in drawn) is (language == "ja")
    assert "JST" in drawn
