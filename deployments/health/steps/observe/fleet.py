"""The source `fleet`: Auto Scaling groups, their instances and activities."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db.models import Q

from deployments.aws.autoscaling import Group
from deployments.health.models.fleet import FleetGroup, FleetInstance, ScalingActivity
from deployments.health.rules.aws_statuses import ACTIVITY_ENDED
from deployments.health.steps.observe.poll_round import ObservedEnvironment, PollRound
from deployments.health.steps.observe.rows import sync

ACTIVITIES_READ = 20
KEPT_ACTIVITIES = 200
DEFAULT_TIER = "app"


class Fleet:
    """Poll a hundred groups in one call; activities only while a group changes."""

    source = "fleet"

    def __init__(self) -> None:
        self._groups: dict[str, Group] | None = None

    def poll_many(self, polls: PollRound, observed: Sequence[ObservedEnvironment]) -> None:
        """Poll the groups of all environments."""
        names = [name for one in observed for name in one.parts.groups]
        if names:
            found = polls.call(
                [one for one in observed if one.parts.groups],
                partial(polls.clients.autoscaling.groups, names),
            )
            self._groups = None if found is None else {group.name: group for group in found}

    def poll_one(self, polls: PollRound, one: ObservedEnvironment) -> None:
        """Write the environment's groups and instances, and poll activities of groups that change."""
        known = self._groups if one.parts.groups else {}
        if known is None:
            return
        groups = [group for name in one.parts.groups if (group := known.get(name))]
        _write_groups(polls, one, groups)
        moved = _write_instances(polls, one, groups)
        open_ones = _open_activities(one)
        for group in groups:
            short = sum(instance.lifecycle == "InService" for instance in group.instances) != group.desired
            if short or group.name in moved or group.name in open_ones:
                _read_activities(polls, one, group.name)


def _tier(one: ObservedEnvironment, group: str) -> str:
    return one.parts.groups[group] or DEFAULT_TIER


def _write_groups(polls: PollRound, one: ObservedEnvironment, groups: Sequence[Group]) -> None:
    wanted: dict[tuple[Any, ...], dict[str, Any]] = {
        (group.name,): {
            "tier": _tier(one, group.name),
            "desired": group.desired,
            "minimum": group.minimum,
            "maximum": group.maximum,
        }
        for group in groups
    }
    changed, gone = sync(
        FleetGroup.objects.filter(environment=one.environment),
        ("name",),
        wanted,
        polls.now,
        new={"environment": one.environment, "observed_at": polls.now},
    )
    FleetGroup.objects.filter(pk__in=[row.pk for row in gone]).delete()
    one.changed |= changed or bool(gone)


def _write_instances(polls: PollRound, one: ObservedEnvironment, groups: Sequence[Group]) -> set[str]:
    """Write the instances. Return the names of the groups that have changed."""
    wanted: dict[tuple[Any, ...], dict[str, Any]] = {
        (group.name, instance.instance_id): {
            "tier": _tier(one, group.name),
            "zone": instance.zone,
            "lifecycle": instance.lifecycle,
            "health": instance.health,
            "launch_template_version": instance.launch_template_version,
            "instance_type": instance.instance_type,
            "gone_at": None,  # an instance that is found again keeps its row
        }
        for group in groups
        for instance in group.instances
    }
    present = [instance_id for _, instance_id in wanted]
    rows = FleetInstance.objects.of(one.environment).filter(Q(gone_at=None) | Q(instance_id__in=present))
    before = {(row.group, row.instance_id): (row.lifecycle, row.health) for row in rows}
    changed, gone = sync(
        rows,
        ("group", "instance_id"),
        wanted,
        polls.now,
        new={"environment": one.environment, "first_seen_at": polls.now, "observed_at": polls.now},
    )
    FleetInstance.objects.filter(pk__in=[row.pk for row in gone]).update(gone_at=polls.now)
    one.changed |= changed or bool(gone)
    moved = {row.group for row in gone}
    moved |= {key[0] for key, v in wanted.items() if before.get(key) != (v["lifecycle"], v["health"])}
    return moved


def _open_activities(one: ObservedEnvironment) -> set[str]:
    """Return the groups whose latest activity is in progress or unknown."""
    rows = ScalingActivity.objects.newest_of(one.environment).values_list("group", "status")
    newest: dict[str, str] = {}
    for group, status in rows[:KEPT_ACTIVITIES]:
        running = status not in ACTIVITY_ENDED
        if group not in newest or running:
            newest[group] = status
    return {group for group in one.parts.groups if newest.get(group, "") not in ACTIVITY_ENDED}


def _read_activities(polls: PollRound, one: ObservedEnvironment, group: str) -> None:
    found = polls.call([one], partial(polls.clients.autoscaling.activities, group, ACTIVITIES_READ))
    wanted: dict[tuple[Any, ...], dict[str, Any]] = {
        (row.activity_id,): {
            "tier": _tier(one, group),
            "group": group,
            "status": row.status,
            "description": row.description,
            "cause": row.cause,
            "message": row.message,
            "progress": min(100, max(0, row.progress)),
            "started_at": row.started_at,
            "ended_at": row.ended_at,
        }
        for row in found or ()
    }
    rows = ScalingActivity.objects.filter(environment=one.environment, activity_id__in=[k[0] for k in wanted])
    changed, _ = sync(rows, ("activity_id",), wanted, polls.now, new={"environment": one.environment})
    one.changed |= changed
