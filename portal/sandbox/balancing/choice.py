"""Which targets a listener may send to now, in the order in which to try them."""

from collections import Counter
from dataclasses import dataclass, field

from ministack.services import alb

from portal.sandbox import health, machines
from portal.sandbox.resources.registry import Record, Scope

FAIL_OPEN = ("unhealthy", "initial")


@dataclass(slots=True)
class Choice:
    """The turns of one listener."""

    scope: Scope
    listener: str
    turns: Counter[str] = field(default_factory=Counter)

    def action(self) -> Record:
        """Tell the listener's default action; empty when the listener is gone."""
        with self.scope.entered():
            actions = (alb._listeners.get(self.listener) or {}).get("DefaultActions") or []
        return dict(actions[-1]) if actions else {}

    def targets(self) -> list[tuple[str, int]]:
        """List the addresses of the targets in service, the next in turn first.

        When none is healthy all are tried, as ELB fails open; one that drains gets nothing new.
        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
        """
        found: list[tuple[str, int]] = []
        for group in _groups(self.action()):
            rows = self._usable(group)
            turn = self.turns[group] % max(1, len(rows))
            self.turns[group] += 1
            for row in rows[turn:] + rows[:turn]:
                address = machines.current().reach(row["Id"], row["Port"])
                if address is not None:
                    found.append(address)
        return found

    def _usable(self, group: str) -> list[Record]:
        with self.scope.entered():
            rows = list(alb._targets.get(group) or [])
            states = [health.state_of(group, row)["State"] for row in rows]
        told = list(zip(rows, states, strict=True))
        healthy = [row for row, state in told if state == "healthy"]
        return healthy or [row for row, state in told if state in FAIL_OPEN]


def _groups(action: Record) -> list[str]:
    if action.get("Type") not in (None, "forward"):
        return []
    several = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
    named = [group.get("TargetGroupArn", "") for group in several] or [action.get("TargetGroupArn", "")]
    return [group for group in named if group]
