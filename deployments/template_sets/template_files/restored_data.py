"""The databases of an environment: the data that they begin with, which of two exist, and which is in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredData:
    """A snapshot, or a cluster and the second to which its data is restored; nothing for an empty database.

    `time` is as in CloudFormation's RestoreToTime, such as `2026-12-02T14:03:20Z`.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbcluster.html
    """

    snapshot: str = ""
    cluster: str = ""
    time: str = ""

    def __bool__(self) -> bool:
        return bool(self.snapshot or self.cluster or self.time)

    @classmethod
    def of_cluster(cls, cluster: str, moment: datetime) -> Self:
        """Return the data of a cluster at a time, which is cut to a second."""
        return cls(cluster=cluster, time=f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")

    @property
    def moment(self) -> datetime | None:
        """Return the time; None if it is empty or not a time with an offset."""
        try:
            found = datetime.fromisoformat(self.time)
        except ValueError:
            return None
        return found if found.tzinfo else None

    def is_within(self, earliest: datetime | None, latest: datetime | None) -> bool:
        """Return whether its time can be restored: from the earliest one, and before the latest one.

        Unknown limits are none. https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBClusterToPointInTime.html
        """
        moment = self.moment
        if moment is None:
            return False
        return (earliest is None or earliest <= moment) and (latest is None or moment < latest)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreParameters:
    """The parameters with that data, "" for those that a template set does not have."""

    snapshot: str = ""
    cluster: str = ""
    time: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the parameters that the set has."""
        return tuple(filter(None, (self.snapshot, self.cluster, self.time)))

    def read(self, values: Mapping[str, str]) -> RestoredData:
        """Return the data in the values of parameters."""
        return RestoredData(
            snapshot=values.get(self.snapshot, "") if self.snapshot else "",
            cluster=values.get(self.cluster, "") if self.cluster else "",
            time=values.get(self.time, "") if self.time else "",
        )

    def values(self, data: RestoredData) -> dict[str, str] | None:
        """Return the values for the data; None if the set has no parameters for it."""
        if data.cluster:
            return {self.cluster: data.cluster, self.time: data.time} if self.cluster else None
        if data.snapshot:
            return {self.snapshot: data.snapshot} if self.snapshot else None
        return {}


NOT_RESTORED: Final = RestoreParameters()


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondDatabase:
    """The parameters of a database that is restored beside that of an environment; "" in a set without them.

    `databases` is A, both or B, `in_use` A or B, and `unprotected` and `without_instances` none, A or B.
    A set without the last one cannot delete one of two databases. `restore` has B's data, `first` that of A,
    as a creation has it. The values of an environment from before them are the defaults: A.
    """

    databases: str = ""
    in_use: str = ""
    unprotected: str = ""
    without_instances: str = ""
    restore: RestoreParameters = NOT_RESTORED
    first: RestoreParameters = NOT_RESTORED

    def __bool__(self) -> bool:
        return bool(self.databases)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the parameters that the set has, and that only commands set."""
        own = (self.databases, self.in_use, self.unprotected, self.without_instances, *self.restore.names)
        return tuple(filter(None, own)) if self.databases else ()

    @property
    def pinned(self) -> tuple[str, ...]:
        """Return all parameters of the two databases, which only a change of these databases changes."""
        return (*self.names, *self.first.names) if self.databases else ()

    def data_of(self, slot: str) -> RestoreParameters:
        """Return the parameters with the data that a database begins with."""
        return self.restore if slot == SECOND else self.first

    def slots(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """Return the databases of an environment with these values."""
        found = values.get(self.databases, FIRST) if self.databases else FIRST
        return (FIRST, SECOND) if found == BOTH else (found,)

    def is_present(self, values: Mapping[str, str]) -> bool:
        """Return whether an environment with these values has database B."""
        return SECOND in self.slots(values)

    def used(self, values: Mapping[str, str]) -> str:
        """Return the database that the servers of an environment with these values use."""
        return values.get(self.in_use, FIRST) if self.is_present(values) else FIRST

    def beside(self, values: Mapping[str, str]) -> str:
        """Return the database that the servers do not use; "" if there is only one."""
        if not self.databases or values.get(self.databases, FIRST) != BOTH:
            return ""
        return other(self.used(values))

    def emptied(self, values: Mapping[str, str]) -> str:
        """Return the database without instances, whose deletion has begun; "" if there is none."""
        found = values.get(self.without_instances, NONE) if self.without_instances else NONE
        return found if found in self.slots(values) else ""

    def added(self, before: Mapping[str, str], after: Mapping[str, str]) -> str:
        """Return the database that a change adds; "" if it adds none."""
        return "".join(slot for slot in self.slots(after) if slot not in self.slots(before))

    def deleted(self, before: Mapping[str, str], after: Mapping[str, str]) -> str:
        """Return the database that a change deletes, or begins to delete; "" if it keeps all."""
        if gone := "".join(slot for slot in self.slots(before) if slot not in self.slots(after)):
            return gone
        return "" if self.emptied(before) else self.emptied(after)

    def switched_to(self, before: Mapping[str, str], after: Mapping[str, str]) -> str:
        """Return the database that the servers use only after a change; "" if they keep theirs."""
        return "" if self.used(before) == self.used(after) else self.used(after)

    def rebased(
        self, wanted: Mapping[str, str], before: Mapping[str, str], now: Mapping[str, str]
    ) -> dict[str, str] | None:
        """Return the values of a change that was requested at `before`, in an environment that has `now`.

        One that changes no database takes over what others have changed since. None if both did.
        """
        own, since = ({name: values.get(name, "") for name in self.pinned} for values in (before, now))
        given = {name: wanted.get(name, "") for name in self.pinned}
        if given in (own, since):
            return since
        return given if own == since else None

    def switched(self, slot: str) -> dict[str, str]:
        """Return the values with which the servers use a database that exists; both are protected."""
        return {self.in_use: slot, self.unprotected: NONE}

    def restored_beside(self, values: Mapping[str, str], data: RestoredData) -> dict[str, str] | None:
        """Return the values with which data is restored beside the only database, which stays in use.

        The new one has no deletion protection: CloudFormation could not delete it if the change is rolled
        back. None if the set has no parameters for such data.
        """
        used = self.used(values)
        slot = other(used)
        restored = self.data_of(slot).values(data)
        if restored is None:
            return None
        return {
            **dict.fromkeys(self.data_of(slot).names, ""),
            **restored,
            self.databases: BOTH,
            self.in_use: used,
            self.unprotected: slot,
        }

    def kept(self, before: Mapping[str, str], after: Mapping[str, str]) -> str:
        """Return the database to which a change adds its instances again; "" if there is none."""
        slot = self.emptied(before)
        return slot if slot in self.slots(after) and not self.emptied(after) else ""

    def keeping(self) -> dict[str, str]:
        """Return the values with which a database whose deletion has begun has its instances again."""
        return {self.unprotected: NONE, self.without_instances: NONE}

    def deleting(self, values: Mapping[str, str], slot: str) -> dict[str, str]:
        """Return the values of the next of the two changes that delete the database that is not in use.

        The first one removes its instances and its protection, the second one the cluster: CloudFormation can
        do neither in the update that removes the cluster from the templates.
        """
        if self.emptied(values) != slot:
            return {self.unprotected: slot, self.without_instances: slot}
        kept = other(slot)
        return {
            **dict.fromkeys(self.data_of(slot).names, ""),
            self.databases: kept,
            self.in_use: kept,
            self.unprotected: NONE,
            self.without_instances: NONE,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseChange:
    """What changes of an environment's databases: data restored beside, which one the servers use, which one
    is deleted, or which one is kept although its deletion has begun."""

    restore: RestoredData | None = None
    switch_to: str = ""
    delete: str = ""
    keep: str = ""


def other(slot: str) -> str:
    """Return the other one of two databases."""
    return FIRST if slot == SECOND else SECOND


FIRST: Final = "A"
SECOND: Final = "B"
BOTH: Final = "both"
NONE: Final = "none"
NO_SECOND: Final = SecondDatabase()
