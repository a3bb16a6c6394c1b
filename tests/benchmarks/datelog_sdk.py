"""The cost of botocore in an app server, compared with datelog's own client: memory, start, first request.

    python -m tests.benchmarks.datelog_sdk 5

The argument is the number of rounds, in which the three variants take turns. Prints the medians
(docs/adr/0015). Each variant is a copy of datelog that differs in the module that reads the secret.
"""

from __future__ import annotations

import re
import shutil
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.datelog_bench import cpu_seconds
from tests.datelog.fake_secrets_manager import fake_aws
from tests.datelog.servers import PASSWORD, TABLE, USER, Cluster, start_app_server, start_cluster
from tests.services import REPOSITORY

_IMPORTS = "import botocore.session\nfrom botocore.config import Config\n"
_READER = """
import os
from datelog.aws.http import AwsUnreachable
{at_the_start}

def read_secret(name, environment=os.environ):
    {at_the_first_call}
    client = botocore.session.get_session().create_client(
        "secretsmanager",
        region_name=environment.get("AWS_REGION"),
        config=Config(connect_timeout=2, read_timeout=2, retries={{"total_max_attempts": 3}}),
    )
    return client.get_secret_value(SecretId=name)["SecretString"]
"""
# Source of the module that reads the secret, by the name of the variant; None for datelog's own.
VARIANTS = {
    "own code": None,
    "botocore, imported at the first call": _READER.format(
        at_the_start="", at_the_first_call=_IMPORTS.strip().replace("\n", "; ")
    ),
    "botocore, imported at the start": _READER.format(at_the_start=_IMPORTS, at_the_first_call="pass"),
}


class Costs(NamedTuple):
    """The cost of one start of an app server, in MiB and seconds."""

    idle_pss: float
    busy_pss: float
    worker_rss: float
    start_cpu: float
    first_request: float


def measure(code: Path, cluster: Cluster) -> Costs:
    """Start an app server with this code, send 400 requests and stop it."""
    with fake_aws() as aws, tempfile.TemporaryDirectory(prefix="sdk-") as folder:
        aws.set_secret(USER, PASSWORD)
        login = {"DB_USER": "", "DB_PASSWORD": "", "AWS_CONFIG_FILE": "", "AWS_SHARED_CREDENTIALS_FILE": ""}
        app = start_app_server(Path(folder), cluster.environment() | aws.environment() | login, code=code)
        try:
            app.wait_for_workers()
            assert app.process
            start_cpu, (idle_pss, _rss) = cpu_seconds(app.process.pid), memory(app.process.pid)
            began = time.monotonic()
            assert app.get("/read").status == 200
            first_request = time.monotonic() - began
            with ThreadPoolExecutor(12) as clients:
                assert set(clients.map(lambda _: app.get("/read").status, range(400))) == {200}
            busy_pss, worker_rss = memory(app.process.pid)
            return Costs(idle_pss, busy_pss, worker_rss, start_cpu, first_request)
        finally:
            app.kill()


def memory(group: int) -> tuple[float, float]:
    """Return the PSS of all processes of a group and the resident memory of its largest one, in MiB."""
    pss, rss = 0, 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, TypeError):
            if int((process / "stat").read_text().rpartition(")")[2].split()[2]) == group:
                pss += _kibibytes(process / "smaps_rollup", "Pss")
                rss = max(rss, _kibibytes(process / "status", "VmRSS"))
    return pss / 1024, rss / 1024


def _kibibytes(path: Path, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+)", path.read_text(), re.MULTILINE)
    return int(found[1]) if found else 0


def main(rounds: int) -> None:
    """Measure every variant in each round and print the medians."""
    measured: dict[str, list[Costs]] = {name: [] for name in VARIANTS}
    with tempfile.TemporaryDirectory(prefix="sdk-") as folder:
        cluster = start_cluster(Path(folder) / "cluster")
        try:
            cluster.run(TABLE)
            cluster.fill("2024-01-01 00:00:00")
            for name, reader in VARIANTS.items():
                shutil.copytree(REPOSITORY / "datelog", Path(folder) / name / "datelog")
                if reader is not None:
                    (Path(folder) / name / "datelog/aws/secrets_manager.py").write_text(reader)
            for _ in range(rounds):
                for name, found in measured.items():
                    found.append(measure(Path(folder) / name, cluster))
        finally:
            cluster.writer.stop()
            cluster.reader.stop()
    for name, found in measured.items():
        print(name, Costs(*map(statistics.median, zip(*found, strict=True))))  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]))
