"""Replication between servers of a cluster, and the change of the writer. GTIDs, semi-synchronous.

A commit is acknowledged once a replica has it in its log (AFTER_SYNC). Therefore a replica that has applied
its complete log can replace a failed writer without losing an acknowledged write.
https://mariadb.com/docs/server/ha-and-performance/standard-replication/semisynchronous-replication
"""

import re
import time
from dataclasses import dataclass

from sanso_sandbox.backends.databases.mariadb import ADMIN, REPLICATOR, MariaDB, Shared
from sanso_sandbox.protocols.databases import Address

APPLY = 10.0  # seconds for applying received events before the lock is released
SLOW = 15.0  # seconds for a statement that writes files, on a busy machine
SHORT = 2.5  # seconds for a wait on the permanent connection
_GTID = re.compile(r"(\d+)-\d+-(\d+)")


class NotCaughtUp(Exception):
    """A replica that should become the writer does not have all the required data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """The state of a writer."""

    position: str  # the last transaction in its log; read after the values below
    reads_only: bool
    requires: bool  # whether commits require acknowledgement
    acknowledged_in_time: bool  # whether acknowledgement is in effect; False also after a timeout
    waiting: bool  # whether a commit is waiting now
    acknowledged: int  # number of acknowledged commits


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """The state of a replica."""

    writer: Address | None  # the writer that it follows
    runs: bool  # replicates or tries to connect; False after an error, and before the order to follow
    receives: bool  # is connected and applies events
    received: int  # sequence number up to which its logs reach
    applied: int
    error: str


def writing(writer: MariaDB) -> Writing:
    """Return the state of a writer."""
    rows = writer.query("SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_master_%'")
    values = {str(row["Variable_name"]).removeprefix("Rpl_semi_sync_master_"): row["Value"] for row in rows}
    (row,) = writer.query(
        "SELECT @@gtid_binlog_pos AS position, @@read_only AS reads_only, "
        "@@rpl_semi_sync_master_enabled AS asks"
    )
    return Writing(
        position=str(row["position"]),
        reads_only=bool(row["reads_only"]),
        requires=bool(row["asks"]),
        acknowledged_in_time=values["status"] == "ON",
        waiting=int(values["wait_sessions"]) > 0,
        acknowledged=int(values["yes_tx"]),
    )


def following(replica: MariaDB) -> Following:
    """Return the state of a replica."""
    (own,) = replica.query("SELECT @@gtid_binlog_pos AS logged, @@gtid_slave_pos AS applied")
    rows = replica.query("SHOW SLAVE STATUS")
    state = rows[0] if rows else {}
    threads = state.get("Slave_IO_Running", "No"), state.get("Slave_SQL_Running", "No")
    return Following(
        writer=(str(state["Master_Host"]), int(state["Master_Port"])) if state else None,
        runs="No" not in threads,
        receives=threads == ("Yes", "Yes"),
        received=max(sequence(str(state.get("Gtid_IO_Pos", ""))), sequence(str(own["logged"]))),
        applied=sequence(str(own["applied"])),
        error=str(state.get("Last_SQL_Error") or state.get("Last_IO_Error") or ""),
    )


def client_connections(server: MariaDB) -> int:
    """Return the number of connections of clients, without the server's own and those of replication.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.AuroraMonitoring.Metrics.html
    (DatabaseConnections)
    """
    (row,) = server.query(
        "SELECT COUNT(*) AS number FROM information_schema.PROCESSLIST "
        "WHERE USER NOT IN (%s, %s, 'system user', 'event_scheduler', 'unauthenticated user')",
        ADMIN,
        REPLICATOR,
    )
    return int(row["number"])


def position(server: MariaDB) -> str:
    """Return the last transaction in a server's log, regardless of its origin."""
    (row,) = server.query("SELECT @@gtid_binlog_pos AS position")
    return str(row["position"])


def sequence(gtids: str) -> int:
    """Return the sequence number of a position, which has a single domain."""
    return max((int(number) for _domain, number in _GTID.findall(gtids)), default=0)


def follow(
    server: MariaDB, writer: MariaDB, shared: Shared, *, acknowledges: bool = True, until: str = ""
) -> None:
    """Make a server read-only and make it follow the writer from the end of its log, in any earlier state.

    Args:
        acknowledges: whether commits that wait for a replica may wait for this one.
        until: the last transaction that it applies.
    """
    with server.session(SLOW) as cursor:
        cursor.execute("SET GLOBAL read_only=ON")
        cursor.execute("STOP SLAVE")
        cursor.execute("SET GLOBAL rpl_semi_sync_master_enabled=OFF")
        cursor.execute(f"SET GLOBAL rpl_semi_sync_slave_enabled={'ON' if acknowledges else 'OFF'}")
        cursor.execute("RESET SLAVE ALL")
        cursor.execute("SET GLOBAL gtid_slave_pos=@@gtid_binlog_pos")
        cursor.execute(
            "CHANGE MASTER TO MASTER_HOST=%s, MASTER_PORT=%s, MASTER_USER=%s, MASTER_PASSWORD=%s, "
            "MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=1, MASTER_SSL=1, "
            "MASTER_SSL_VERIFY_SERVER_CERT=0",
            (*writer.address, REPLICATOR, shared.replicator_password),
        )
        if until:
            cursor.execute("START SLAVE UNTIL master_gtid_pos=%s", (until,))
        else:
            cursor.execute("START SLAVE")


def wait_for(server: MariaDB, gtids: str, seconds: float) -> bool:
    """Wait until a replica has applied everything up to a position; return False after the timeout."""
    if seconds < SHORT:
        (row,) = server.query("SELECT MASTER_GTID_WAIT(%s, %s) AS late", gtids, seconds)
    else:
        with server.session(seconds + SHORT) as cursor:
            cursor.execute("SELECT MASTER_GTID_WAIT(%s, %s) AS late", (gtids, seconds))
            (row,) = cursor.fetchall()
    return bool(row["late"] == 0)


def end_following(replica: MariaDB) -> None:
    """Make a replica forget its writer; its data and its log stay."""
    with replica.session(SLOW) as cursor:
        cursor.execute("STOP SLAVE")
        cursor.execute("RESET SLAVE ALL")


def end_writing(writer: MariaDB) -> None:
    """Make the writer read-only after the commits in progress."""
    with writer.session(SLOW) as cursor:
        cursor.execute("SET SESSION lock_wait_timeout=5")
        cursor.execute("SET GLOBAL read_only=ON")


def begin_writing(server: MariaDB) -> None:
    """Allow writes on a server again."""
    server.query("SET GLOBAL read_only=OFF")


def reconnect(replica: MariaDB) -> None:
    """Make a replica reconnect to its writer."""
    with replica.session(SLOW) as cursor:
        cursor.execute("STOP SLAVE IO_THREAD")
        cursor.execute("START SLAVE IO_THREAD")


def require_acknowledgement(writer: MariaDB, required: bool) -> None:
    """Turn on or off that the writer waits for a replica before it acknowledges a commit."""
    writer.query(f"SET GLOBAL rpl_semi_sync_master_enabled={'ON' if required else 'OFF'}")


def stop_receiving(replica: MariaDB) -> int:
    """Disconnect a replica from its writer; return the last sequence number that it has received."""
    with replica.session(SLOW) as cursor:
        cursor.execute("STOP SLAVE IO_THREAD")
    return following(replica).received


def promote(replica: MariaDB, received: int) -> None:
    """Make a replica the writer after it has applied all received events. Raises NotCaughtUp.

    It may be called again after an exception.
    """
    deadline = time.monotonic() + APPLY
    while (found := following(replica)).applied < received:
        if time.monotonic() > deadline:
            raise NotCaughtUp("It still applies what it has received.")
        if found.error:
            raise NotCaughtUp(found.error)
        time.sleep(0.01)
    with replica.session(SLOW) as cursor:
        cursor.execute("STOP SLAVE")
        cursor.execute("RESET SLAVE ALL")
        cursor.execute("SET GLOBAL rpl_semi_sync_slave_enabled=OFF")
        cursor.execute("SET GLOBAL read_only=OFF")
