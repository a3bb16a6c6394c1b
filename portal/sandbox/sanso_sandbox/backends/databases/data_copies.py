"""Physical copies of a cluster's data at one moment: the data folder of a replica that stopped cleanly.

A copy has the writer's whole log, so that replicas of a cluster that is started from it can be built from the
log alone, like those of any other cluster.
"""

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

import pymysql

from sanso_sandbox.backends.databases import replication
from sanso_sandbox.backends.databases.mariadb import START, MariaDB, Shared


@dataclass(frozen=True, slots=True, kw_only=True)
class MariaDBCopy:
    """A data folder. `numbers`: the highest number of a server that may have written to its log."""

    folder: Path
    numbers: int

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def copy_of(writer: MariaDB, shared: Shared, number: int, before: int | None) -> MariaDBCopy:
    """Return a copy of what the writer has committed now, or had before a second; it takes about a second.

    Args:
        number: of the replica, one that no server of the cluster has had.

    Raises OSError if the replica does not start or does not catch up, or nothing was committed before.
    """
    replica = MariaDB(shared, number, reads_only=True)
    try:
        until = "" if before is None else writer.last_before(before)
        if before is not None and not until:
            raise OSError("The log has nothing from before that time.")
        at = until or replication.position(writer)
        replication.follow(replica, writer, shared, acknowledges=False, until=until)
        if not replication.wait_for(replica, at, START):
            raise OSError("The replica for the copy of the data did not catch up.")
        replication.end_following(replica)
        folder = shared.base / f"copy-{secrets.token_hex(6)}"
        replica.give_data(folder)
    except pymysql.MySQLError as failed:
        raise OSError(f"The data could not be copied: {failed}") from failed
    finally:
        replica.stop()
    return MariaDBCopy(folder=folder, numbers=number)
