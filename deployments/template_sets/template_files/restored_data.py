"""The databases of an environment: the data that they begin with, and which of two the servers use."""

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

    `databases` is A, both or B, `in_use` A or B, and `unprotected` none, A or B. `restore` has B's data.
    The values of an environment from before them are the defaults: A.
    """

    databases: str = ""
    in_use: str = ""
    unprotected: str = ""
    restore: RestoreParameters = NOT_RESTORED

    def __bool__(self) -> bool:
        return bool(self.databases)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the parameters that the set has."""
        own = (self.databases, self.in_use, self.unprotected, *self.restore.names)
        return own if self.databases else ()

    def is_present(self, values: Mapping[str, str]) -> bool:
        """Return whether an environment with these values has database B."""
        return bool(self.databases) and values.get(self.databases, FIRST) != FIRST

    def used(self, values: Mapping[str, str]) -> str:
        """Return the database that the servers of an environment with these values use."""
        return values.get(self.in_use, FIRST) if self.is_present(values) else FIRST

    def beside(self, values: Mapping[str, str]) -> str:
        """Return the database that the servers do not use; "" if there is only one."""
        if not self.databases or values.get(self.databases, FIRST) != BOTH:
            return ""
        return FIRST if self.used(values) == SECOND else SECOND

    def is_added(self, before: Mapping[str, str], after: Mapping[str, str]) -> bool:
        """Return whether a change adds database B."""
        return self.is_present(after) and not self.is_present(before)

    def switched_to(self, before: Mapping[str, str], after: Mapping[str, str]) -> str:
        """Return the database that the servers use only after a change; "" if they keep theirs."""
        return "" if self.used(before) == self.used(after) else self.used(after)

    def rebased(
        self, wanted: Mapping[str, str], before: Mapping[str, str], now: Mapping[str, str]
    ) -> dict[str, str] | None:
        """Return the values of a change that was requested at `before`, in an environment that has `now`.

        One that changes no database takes over what others have changed since. None if both did.
        """
        own, since = ({name: values.get(name, "") for name in self.names} for values in (before, now))
        given = {name: wanted.get(name, "") for name in self.names}
        if given in (own, since):
            return since
        return given if own == since else None

    def switched(self, slot: str) -> dict[str, str]:
        """Return the values with which the servers use a database that exists; both are protected."""
        return {self.in_use: slot, self.unprotected: NONE}

    def added(self, data: RestoredData) -> dict[str, str]:
        """Return the values with which B is restored beside A, which stays in use.

        B has no deletion protection: CloudFormation could not delete it if the change is rolled back.
        """
        restored = self.restore.values(data) or {}
        return {
            **dict.fromkeys(self.restore.names, ""),
            **restored,
            self.databases: BOTH,
            self.in_use: FIRST,
            self.unprotected: SECOND,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseChange:
    """What changes of an environment's databases: data restored beside, or which one the servers use."""

    restore: RestoredData | None = None
    switch_to: str = ""


FIRST: Final = "A"
SECOND: Final = "B"
BOTH: Final = "both"
NONE: Final = "none"
NO_SECOND: Final = SecondDatabase()
