"""The freshness of each kind of observations, and what to do if AWS does not return one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deployments.common.rules.aws_error_codes import is_denied
from deployments.environments.rules.observers import KINDS
from deployments.environments.rules.timings import Timings
from deployments.health.display.aws_badges import sentence_text
from deployments.health.rules.observations import LastPoll, Observations

SERVICES = {
    "stack": gettext_lazy("CloudFormation"),
    "targets": gettext_lazy("Load balancers"),
    "associations": gettext_lazy("State Manager"),
    "fleet": gettext_lazy("Auto Scaling"),
    "database": gettext_lazy("Aurora"),
    "backups": gettext_lazy("Aurora (snapshots)"),
    "maintenance": gettext_lazy("Aurora (maintenance)"),
    "metrics": gettext_lazy("CloudWatch"),
    "site": gettext_lazy("Site"),
}
_ACTION = re.compile(r"\b[a-z][a-z0-9-]+:[A-Z][A-Za-z0-9]+\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class PollStatus:
    """The status of the polls of one kind. `action` is the missing permission, "" when none is missing."""

    key: str
    name: str
    observed_at: datetime | None
    attempted_at: datetime | None
    problem: str
    action: str
    is_old: bool

    @property
    def policy(self) -> str:
        """Return the policy statement that grants the missing permission."""
        statement = {"Effect": "Allow", "Action": self.action, "Resource": "*"}
        return json.dumps(statement) if self.action else ""

    @property
    def kind(self) -> str:
        """Return the CSS class for the color of the freshness: live, old or attention."""
        return (
            "is-attention" if self.problem else "is-old" if self.is_old or not self.observed_at else "is-live"
        )


def poll_statuses(facts: Observations, now: datetime, timings: Timings) -> dict[str, PollStatus]:
    """Return the status of every kind by its key, including those never polled."""
    found = {key: _source(facts.sources.get(key) or LastPoll(source=key), now, timings) for key in KINDS}
    if facts.probe and not facts.site_reads:  # site checks are not periodic: their result does not expire
        found["site"] = replace(found["site"], observed_at=facts.probe.at, is_old=False)
    return found


def _source(fact: LastPoll, now: datetime, timings: Timings) -> PollStatus:
    problem = sentence_text(fact.problem) or (
        fact.problem_code and _("AWS returned %(code)s.") % {"code": fact.problem_code}
    )
    return PollStatus(
        key=fact.source,
        name=str(SERVICES[fact.source]),
        observed_at=fact.observed_at,
        attempted_at=fact.attempted_at,
        problem=problem,
        action=_missing_action(fact),
        is_old=fact.observed_at is not None
        and now - fact.observed_at > timedelta(seconds=timings.stale_after(fact.source)),
    )


def _missing_action(fact: LastPoll) -> str:
    if fact.problem is None or not is_denied(fact.problem_code):
        return ""
    values: Mapping[str, str] = fact.problem.params
    texts: Iterable[str] = (*values.values(), str(fact.problem))
    return next((found[0] for text in texts if (found := _ACTION.search(text))), "")
