"""Rolling updates: the replaced members, the size of batches, and the wait after each batch.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html
"""

import math
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sanso_sandbox.engine.cloudformation.signals import FAILURE, SUCCESS, Signals, seconds
from sanso_sandbox.engine.registry import Record, Refused, truth
from sanso_sandbox.engine.time_scale import shortened
from sanso_sandbox.protocols import in_use

SIGNAL_PAUSE = 300.0  # the default PauseTime, in seconds, of a policy that waits for signals
LONGEST_PAUSE = 3600.0
LEAST_WAIT = 60.0  # minimum seconds for signals at any time scale: configuration takes real time
REPLACED_BY = ("LaunchTemplate", "LaunchConfigurationName", "VPCZoneIdentifier", "MixedInstancesPolicy")
"""Properties of a group that start a rolling update when they change."""


@dataclass(slots=True, kw_only=True)
class Rollout:
    """The current rolling update of a group."""

    outdated: list[str]
    known: set[str]  # earlier members, and new ones whose wait is over
    batch: int = 1
    least: int = 0  # MinInstancesInService
    pause: float = 0.0  # AWS's seconds
    waits: bool = False  # for a signal of each new instance
    percent: int = 100  # MinSuccessfulInstancesPercent
    suspended: tuple[str, ...] = ()
    signals: Signals = field(default_factory=Signals)
    desired: int = 0  # the group's capacity, which may be raised during the update
    total: int = 0
    failures: int = 0
    started: float | None = None  # when the wait after the latest batch began
    notes: list[str] = field(default_factory=list)  # reasons of events that have not been added yet
    failure: str = ""

    def accounts_for(self, added: Collection[str]) -> bool:
        """Return whether the wait after a batch is over, once its new instances are in service."""
        if self.started is None:
            self.started = time.monotonic()
            if added and self.waits:
                self.notes.append(
                    f"New instance(s) added to autoscaling group - Waiting on {len(added)} resource "
                    f"signal(s) with a timeout of PT{self.pause:g}S."
                )
        passed = time.monotonic() - self.started
        if self.waits:
            missing = [one for one in added if one not in self.signals.by_id]
            if missing and passed < scaled_timeout(self.pause):
                return False
            self._count(added, missing)
        elif passed < shortened(self.pause):
            return False
        self.known.update(added)
        self.started = None
        return True

    def _count(self, added: Collection[str], missing: list[str]) -> None:
        if missing:
            self.notes.append(
                f"Failed to receive {len(missing)} resource signal(s) for the current batch.  Each resource "
                "signal timeout is counted as a FAILURE."
            )
        good = sum(self.signals.by_id.get(one) == SUCCESS for one in added)
        self.failures += len(added) - good
        if self.failures > self.total - math.ceil(self.total * self.percent / 100):
            self.failure = unsatisfied(self.failures, FAILURE, self.total, self.percent)


def scaled_timeout(aws_seconds: float) -> float:
    """Return the seconds to wait here for signals, for AWS's seconds."""
    least = max(LEAST_WAIT, in_use.machines().setup_timeout)
    return shortened(aws_seconds, at_least=min(aws_seconds, least))


def unsatisfied(count: int, status: str, total: int, percent: int) -> str:
    """Return the message that too few instances have signaled success."""
    return (
        f"Received {count} {status} signal(s) out of {total}.  Unable to satisfy {percent}% "
        "MinSuccessfulInstancesPercent requirement"
    )


def require_valid_pause(policies: Record) -> None:
    """Raise Refused for a pause of more than an hour, also when the group is created, as CloudFormation may.

    https://github.com/aws/aws-cdk/issues/1113 has the message of an update.
    """
    policy = (policies.get("UpdatePolicy") or {}).get("AutoScalingRollingUpdate") or {}
    if seconds(policy.get("PauseTime"), 0.0) > LONGEST_PAUSE:
        raise Refused(
            "ValidationError",
            "Invalid Autoscaling rolling update policy: PauseTime must be in the ISO8601 time period format "
            f"and must be no greater than PT{LONGEST_PAUSE:g}S seconds, e.g. "
            '"PT5M30S" specifies a pause time of 5 minutes and 30 seconds.',
            by_service=False,
        )


def rollout(policies: Record, group: Record, outdated: list[str], added: int) -> Rollout | None:
    """Return the rolling update of an UpdatePolicy; None without one, or if no member is replaced or added.

    Args:
        outdated: the members to replace.
        added: the number of additional members.

    Raises Refused for a policy that does not allow to replace any instance.
    """
    policy: dict[str, Any] | None = (policies.get("UpdatePolicy") or {}).get("AutoScalingRollingUpdate")
    if policy is None or not (outdated or added):
        return None
    waits = truth(policy.get("WaitOnResourceSignals"))
    least = int(policy.get("MinInstancesInService") or 0)
    if outdated and least >= int(group["MaxSize"]):
        raise Refused(
            "ValidationError",
            f"MinInstancesInService ({least}) must be less than the autoscaling group's MaxSize "
            f"({group['MaxSize']}).",
        )
    found = Rollout(
        outdated=outdated,
        known={member["InstanceId"] for member in group["Instances"]},
        batch=max(1, int(policy.get("MaxBatchSize") or 1)),
        least=least,
        pause=seconds(policy.get("PauseTime"), SIGNAL_PAUSE if waits else 0.0),
        waits=waits,
        percent=int(policy.get("MinSuccessfulInstancesPercent", 100)),
        suspended=tuple(policy.get("SuspendProcesses") or ()),
        desired=int(group["DesiredCapacity"]),
        total=len(outdated) + added,
    )
    if outdated:
        found.notes.append(_announcement(found))
    return found


def _announcement(found: Rollout) -> str:
    signals = (
        f"  Waiting on resource signals with a timeout of PT{found.pause:g}S when new instances are added to "
        "the autoscaling group."
    )
    return (
        f"Rolling update initiated.  Terminating {len(found.outdated)} obsolete instance(s) in batches of "
        f"{found.batch}, while keeping at least {found.least} instance(s) in service."
        f"{signals if found.waits else ''}"
    )
