"""What servers of a cluster are told to follow one of them, and to take its place. GTIDs, semi-synchronous.

A commit is acknowledged once a replica has it in its log (AFTER_SYNC), so that a replica which has applied
its whole log can take the place of a writer that died without losing an acknowledged write.
https://mariadb.com/docs/server/ha-and-performance/standard-replication/semisynchronous-replication
"""

import re
import time

from portal.sandbox.database.mariadb import REPLICATOR, MariaDB, Shared

PATIENCE = 60.0  # seconds that applying what was received may take
SHORT = 2.5  # seconds that a wait may take on the connection that is kept
_GTID = re.compile(r"(\d+)-\d+-(\d+)")


class NotCaughtUp(Exception):
    """A replica does not have all that it should have before it may write."""


def position(server: MariaDB) -> str:
    """Tell the last transaction in a server's log, whoever made it."""
    (row,) = server.ask("SELECT @@gtid_binlog_pos AS position")
    return str(row["position"])


def sequence(gtids: str) -> int:
    """Tell how far a position is; there is one domain."""
    return max((int(number) for _domain, number in _GTID.findall(gtids)), default=0)


def follow(server: MariaDB, writer: MariaDB, shared: Shared) -> None:
    """Let a server that reads only follow the writer from where its own log ends."""
    with server.session() as cursor:
        cursor.execute("STOP SLAVE")
        cursor.execute("SET GLOBAL rpl_semi_sync_master_enabled=OFF")
        cursor.execute("SET GLOBAL rpl_semi_sync_slave_enabled=ON")
        cursor.execute("RESET SLAVE ALL")
        cursor.execute("SET GLOBAL gtid_slave_pos=@@gtid_binlog_pos")
        cursor.execute(
            "CHANGE MASTER TO MASTER_HOST=%s, MASTER_PORT=%s, MASTER_USER=%s, MASTER_PASSWORD=%s, "
            "MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=1, MASTER_SSL=1, "
            "MASTER_SSL_VERIFY_SERVER_CERT=0",
            (*writer.place, REPLICATOR, shared.replicator_password),
        )
        cursor.execute("START SLAVE")


def wait_for(server: MariaDB, gtids: str, seconds: float) -> bool:
    """Wait until a replica has applied everything up to a position; tell whether it did in time."""
    if seconds < SHORT:
        (row,) = server.ask("SELECT MASTER_GTID_WAIT(%s, %s) AS late", gtids, seconds)
    else:
        with server.session(seconds + SHORT) as cursor:
            cursor.execute("SELECT MASTER_GTID_WAIT(%s, %s) AS late", (gtids, seconds))
            (row,) = cursor.fetchall()
    return bool(row["late"] == 0)


def end_writing(writer: MariaDB) -> None:
    """Let no more be written, once what is being committed is."""
    with writer.session() as cursor:
        cursor.execute("SET SESSION lock_wait_timeout=2")
        cursor.execute("SET GLOBAL read_only=ON")


def begin_writing(server: MariaDB) -> None:
    """Let a server write again."""
    server.ask("SET GLOBAL read_only=OFF")


def connect_anew(replica: MariaDB) -> None:
    """Let a replica fetch the log over a new connection."""
    replica.ask("STOP SLAVE IO_THREAD")
    replica.ask("START SLAVE IO_THREAD")


def require_acknowledgement(writer: MariaDB, required: bool) -> None:
    """Have the writer acknowledge a commit only when a replica has it, or by itself."""
    writer.ask(f"SET GLOBAL rpl_semi_sync_master_enabled={'ON' if required else 'OFF'}")


def acknowledged(writer: MariaDB) -> bool:
    """Tell whether every commit waits for a replica now."""
    rows = writer.ask("SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_master_status'")
    return bool(rows) and rows[0]["Value"] == "ON"


def receives(replica: MariaDB) -> bool:
    """Tell whether a replica is connected to its writer and applies what comes."""
    rows = replica.ask("SHOW SLAVE STATUS")
    return bool(rows) and (rows[0]["Slave_IO_Running"], rows[0]["Slave_SQL_Running"]) == ("Yes", "Yes")


def stop_receiving(replica: MariaDB) -> int:
    """Cut a replica off from its writer; tell how far what it has received reaches."""
    replica.ask("STOP SLAVE IO_THREAD")
    rows = replica.ask("SHOW SLAVE STATUS")
    return max(sequence(str(rows[0]["Gtid_IO_Pos"])) if rows else 0, sequence(position(replica)))


def promote(replica: MariaDB, received: int) -> None:
    """Let a replica apply all that it has received, and write from then on. Raises NotCaughtUp."""
    deadline = time.monotonic() + PATIENCE
    while sequence(str(replica.ask("SELECT @@gtid_slave_pos AS at")[0]["at"])) < received:
        rows = replica.ask("SHOW SLAVE STATUS")
        if time.monotonic() > deadline or not rows or rows[0]["Slave_SQL_Running"] != "Yes":
            raise NotCaughtUp(str(rows and rows[0]["Last_SQL_Error"]))
        time.sleep(0.01)
    for statement in (
        "STOP SLAVE",
        "RESET SLAVE ALL",
        "SET GLOBAL rpl_semi_sync_slave_enabled=OFF",
        "SET GLOBAL read_only=OFF",
    ):
        replica.ask(statement)
