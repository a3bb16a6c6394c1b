"""The rows of panels: runs of associations, databases; what is common to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from deployments.common.texts import stored_text
from deployments.health.display import aws_badges
from deployments.health.rules.aws_statuses import RUN_FAILED, RUN_SKIPPED
from deployments.health.rules.observations import (
    Observations,
    ObservedAssociation,
    ObservedCluster,
    ObservedRun,
)
from deployments.stacks.models.action_requests import ActionRequest

ROWS = 12
"""The number of rows that a panel shows before “Show all”."""

TIERS = {
    "site": gettext_lazy("Site"),
    "alb": gettext_lazy("ALB"),
    "web": gettext_lazy("Web servers"),
    "nlb": gettext_lazy("NLB"),
    "app": gettext_lazy("App servers"),
    "database": gettext_lazy("Database"),
}
_SERVERS = {"web": pgettext_lazy("server", "web"), "app": pgettext_lazy("server", "app")}
_RUNS_FIRST = ("Failed", "TimedOut", "InProgress", "Pending", "Associated")
_RECAP = ("ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored")
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelRows(Generic[Row]):
    """The first rows of a panel, worst first, and the number of further ones."""

    rows: Sequence[Row]
    hidden: int

    def __bool__(self) -> bool:
        return bool(self.rows)


def first_rows(rows: Iterable[Row], urgency: Callable[[Row], Any], *, everything: bool) -> PanelRows[Row]:
    """Return rows by urgency: all of them or the first ones."""
    ordered = sorted(rows, key=urgency)
    kept = ordered if everything else ordered[:ROWS]
    return PanelRows(rows=kept, hidden=len(ordered) - len(kept))


def tier_name(tier: str) -> str:
    """Return the name of a tier."""
    return str(TIERS.get(tier, tier))


def server_name(tier: str, key: str) -> str:
    """Return the short name of a server: its tier and the end of its id."""
    return f"{_SERVERS.get(tier, tier)} {key[-4:]}".strip()


def counted(tier: str, healthy: int, total: int) -> str:
    """Return the healthy parts of a tier, or the successful reads of the site, as a short text."""
    text = _("%(healthy)d of %(total)d reads") if tier == "site" else _("%(healthy)d of %(total)d")
    return text % {"healthy": healthy, "total": total}


def counted_in_words(tier: str, healthy: int, total: int) -> str:
    """Return the same as a text without its context."""
    if tier == "site":
        return _("%(healthy)d of %(total)d reads succeeded") % {"healthy": healthy, "total": total}
    return _("%(healthy)d of %(total)d healthy") % {"healthy": healthy, "total": total}


def rank(order: Sequence[str], word: str) -> int:
    return order.index(word) if word in order else len(order)


@dataclass(frozen=True, slots=True)
class RunRow:
    """An association's run on one instance."""

    fact: ObservedRun

    @property
    def id(self) -> str:
        """Return the row's id."""
        return f"run-{self.fact.pk}"

    @property
    def badge(self) -> SafeString:
        """Return the result of the run."""
        return aws_badges.run(self.fact.status, self.fact.detailed_status)

    @property
    def has_failed(self) -> bool:
        """Return whether it failed."""
        return self.fact.status in RUN_FAILED

    @property
    def was_skipped(self) -> bool:
        """Return whether it was skipped, so that there is no output."""
        return self.fact.status in RUN_SKIPPED

    @property
    def recap(self) -> str:
        """Return Ansible's counts that are not 0, in Ansible's terms; a skipped run has none."""
        if self.was_skipped:
            return ""
        return " ".join(f"{name} {self.fact.recap[name]}" for name in _RECAP if self.fact.recap.get(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationPanel:
    """An association with its runs, failed ones first."""

    fact: ObservedAssociation
    runs: PanelRows[RunRow]
    request: ActionRequest | None

    @property
    def id(self) -> str:
        """Return the id of its heading."""
        return f"association-{self.fact.association_id}"

    @property
    def tier(self) -> str:
        """Return the name of its tier."""
        return tier_name(self.fact.tier)

    @property
    def badge(self) -> SafeString:
        """Return the result of its last execution."""
        return aws_badges.run(self.fact.status, self.fact.detailed_status)

    @property
    def counted(self) -> str:
        """Return the numbers of its instances that succeeded and failed; "" if there are none."""
        total = sum(self.fact.counts.values())
        failed = sum(number for word, number in self.fact.counts.items() if word in RUN_FAILED)
        if failed:
            return _("failed on %(number)d of %(total)d") % {"number": failed, "total": total}
        done = self.fact.counts.get("Success", 0)
        return _("%(number)d of %(total)d succeeded") % {"number": done, "total": total} if total else ""

    @property
    def is_requested(self) -> bool:
        """Return whether another run was requested and has not started yet."""
        return self.request is not None and self.request.is_active

    @property
    def outcome(self) -> str:
        """Return the result of the last request until the run that it started is observed."""
        if self.request is None or self.request.ended_at is None:
            return ""
        is_old = self.fact.executed_at is not None and self.fact.executed_at > self.request.created_at
        return "" if is_old else stored_text(self.request.result.get("sentence"))

    @property
    def has_failed(self) -> bool:
        """Return whether it can be run again on the failed instances only."""
        return any(run.status in RUN_FAILED | RUN_SKIPPED for run in self.fact.runs if not run.is_foreign)


@dataclass(frozen=True, slots=True)
class ClusterPanel:
    """A database cluster with its members, the writer first; `is_in_use`: the servers use it."""

    fact: ObservedCluster
    is_in_use: bool

    @property
    def badge(self) -> SafeString:
        """Return the cluster's status."""
        return aws_badges.database(self.fact.status)

    @property
    def members(self) -> list[Mapping[str, Any]]:
        """Return each member with its badge."""
        ordered = sorted(self.fact.members, key=lambda member: (not member.is_writer, member.instance_id))
        return [{"fact": member, "badge": aws_badges.database(member.status)} for member in ordered]


def associations(
    facts: Observations, requests: Mapping[str, ActionRequest], *, everything: bool
) -> list[AssociationPanel]:
    """Return a panel for each association; `requests` are the latest ones, by association id."""
    return [
        AssociationPanel(
            fact=one,
            runs=first_rows(
                map(RunRow, one.runs),
                lambda row: (rank(_RUNS_FIRST, row.fact.status), row.fact.instance_id),
                everything=everything,
            ),
            request=requests.get(one.association_id),
        )
        for one in sorted(facts.associations, key=lambda one: (one.tier != "web", one.tier, one.name))
    ]


def clusters(facts: Observations) -> list[ClusterPanel]:
    """Return the panel of the databases, the one in use first."""
    rows = [ClusterPanel(cluster, facts.is_in_use(cluster.cluster_id)) for cluster in facts.clusters]
    return sorted(rows, key=lambda row: not row.is_in_use)
