"""datelog beside an app with the original's behaviour, in one run, as ratios: `make bench`.

All cases of a comparison take turns, round after round; the median of the rounds and its range are printed.
The clients, both databases and all servers share this machine's cores: only ratios carry over to another.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.datelog_stack import Stack, make_original_environment, start_stack
from tests.datelog.servers import AppServer
from tests.services import LOOPBACK, Service, find_program

CONNECTIONS = 16
LUA = """
function thread_init() con = sysbench.sql.driver():connect() end
function event() con:query("INSERT INTO saved (dt) VALUES (NOW())") end
"""


@dataclass(kw_only=True)
class Case:
    """A measured case; each call of `run` is one round and returns requests a second."""

    name: str
    run: Callable[[], float]
    service: Service | None = None
    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)  # seconds of CPU a request

    def measure(self) -> None:
        """Run one round. Other load on the machine affects CPU time far less than the rate."""
        before, began = self._cpu(), time.monotonic()
        self.rates.append(self.run())
        requests = self.rates[-1] * (time.monotonic() - began)
        self.costs.append((self._cpu() - before) / requests)

    def _cpu(self) -> float:
        return cpu_seconds(self.service.process.pid) if self.service and self.service.process else 0.0

    @property
    def median(self) -> float:
        return statistics.median(self.rates)

    def over(self, other: Case) -> float:
        """Return the ratio of this rate to the other's: the median of the rounds.

        Both are measured in each round, so a temporary slowdown of the machine affects both.
        """
        return statistics.median(one / two for one, two in zip(self.rates, other.rates, strict=True))

    def __str__(self) -> str:
        cost = f"{statistics.median(self.costs) * 1e6:,.0f}" if self.service else ""
        low, high = min(self.rates), max(self.rates)
        return f"| {self.name} | {self.median:,.0f} | {low:,.0f}-{high:,.0f} | {cost} |"


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A ratio and its minimum."""

    what: str
    measured: float
    least: float
    unit: str = "×"

    def __str__(self) -> str:
        met = "yes" if self.measured >= self.least else "**no**"
        scale = 100 if self.unit == "%" else 1
        measured, least = f"{self.measured * scale:.1f} {self.unit}", f"≥ {self.least * scale:g} {self.unit}"
        return f"| {self.what} | {measured} | {least} | {met} |"


def cpu_seconds(group: int) -> float:
    """Return the CPU time that the processes of a group have used, with their ended children."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[2]) == group:
                ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def wrk(service: Service, path: str, seconds: float) -> Callable[[], float]:
    """Return a round of wrk, which raises RuntimeError if a response is not 200.

    The end of a response without a length, which wrk counts as a read error, does not raise.
    """

    def run() -> float:
        url = f"http://{LOOPBACK}:{service.port}{path}"
        command = [find_program("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "--timeout", "30s", url]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        if "Non-2xx" in text or re.search(r"connect [1-9]|write [1-9]|timeout [1-9]", text):
            raise RuntimeError(f"{url}:\n{text}")
        return float(re.findall(r"Requests/sec:\s+([\d.]+)", text)[0])

    return run


def sysbench(stack: Stack, seconds: int) -> Callable[[], float]:
    """Return a round of plain inserts into datelog's table, without HTTP, Python or TLS: the upper limit."""
    script = stack.folder / "insert.lua"
    script.write_text(LUA)

    def run() -> float:
        command = [
            *(find_program("sysbench"), str(script), f"--threads={CONNECTIONS}", f"--time={seconds}"),
            *(f"--mysql-host={LOOPBACK}", f"--mysql-port={stack.cluster.writer.port}", "--mysql-user=root"),
            *("--mysql-db=datelog", "--events=0", "run"),
        ]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return float(re.findall(r"events per second:\s+([\d.]+)|\(([\d.]+) per sec\.\)", text)[0][-1])

    return run


def take_turns(cases: list[Case], rounds: int) -> list[str]:
    """Measure all cases, round by round; return the rows of a table."""
    for number in range(rounds):
        for case in cases:
            case.measure()
            sys.stderr.write(f"round {number + 1}: {case.name}: {case.rates[-1]:,.0f}/s\n")
    head = [
        "| case | requests/s, median | range | CPU of the measured server, µs/request |",
        "|---|--:|--:|--:|",
    ]
    return [*head, *map(str, cases), ""]


def measure_reads(stack: Stack, python: Path, rounds: int, seconds: float) -> tuple[list[str], list[Goal]]:
    hundred, empty = stack.datelog("hundred"), stack.empty()
    assert isinstance(hundred, AppServer)
    assert isinstance(empty, AppServer)
    through = stack.apache("http", hundred.port)
    empty_through = stack.apache("http", empty.port)
    through_uwsgi = stack.apache("uwsgi", hundred.uwsgi_port)
    empty_through_uwsgi = stack.apache("uwsgi", empty.uwsgi_port)
    tls = stack.original("hundred_original", python)
    plain = stack.original("hundred_original", python, {"DB_TLS": "off"})
    cases = [
        original := Case(name="original", service=tls, run=wrk(tls, "/read", seconds)),
        unencrypted := Case(name="original without TLS", service=plain, run=wrk(plain, "/read", seconds)),
        nothing := Case(name="empty Django view", service=empty, run=wrk(empty, "/read", seconds)),
        datelog := Case(name="datelog", service=hundred, run=wrk(hundred, "/read", seconds)),
        nothing_through := Case(
            name="empty Django view through Apache and NLB, HTTP",
            service=empty_through,
            run=wrk(empty_through, "/read", seconds),
        ),
        nothing_through_uwsgi := Case(
            name="empty Django view through Apache and NLB, uWSGI's protocol",
            service=empty_through_uwsgi,
            run=wrk(empty_through_uwsgi, "/read", seconds),
        ),
        datelog_through := Case(
            name="datelog through Apache and NLB, HTTP",
            service=through,
            run=wrk(through, "/read", seconds),
        ),
        datelog_through_uwsgi := Case(
            name="datelog through Apache and NLB, uWSGI's protocol",
            service=through_uwsgi,
            run=wrk(through_uwsgi, "/read", seconds),
        ),
    ]
    rows = take_turns(cases, rounds)
    return rows, [
        Goal(what="read of 100 rows / original", measured=datelog.over(original), least=40),
        Goal(
            what="read of 100 rows / original without TLS",
            measured=datelog.over(unencrypted),
            least=5,
        ),
        Goal(
            what="read of 100 rows / empty view",
            measured=datelog.over(nothing),
            least=0.45,
            unit="%",
        ),
        Goal(
            what="read of 100 rows / empty view, through Apache and NLB, HTTP",
            measured=datelog_through.over(nothing_through),
            least=0.65,
            unit="%",
        ),
        Goal(
            what="the same, uWSGI's protocol",
            measured=datelog_through_uwsgi.over(nothing_through_uwsgi),
            least=0.65,
            unit="%",
        ),
        Goal(
            what="read of 100 rows through Apache and NLB: HTTP / uWSGI's protocol",
            measured=datelog_through.over(datelog_through_uwsgi),
            least=0.9,
            unit="%",
        ),
    ]


def measure_long_reads(
    stack: Stack, python: Path, rounds: int, seconds: float
) -> tuple[list[str], list[Goal]]:
    first = stack.original("ten_thousand_original", python)
    second = stack.datelog("ten_thousand")
    cases = [
        original := Case(name="original", service=first, run=wrk(first, "/read", max(seconds, 5))),
        datelog := Case(name="datelog", service=second, run=wrk(second, "/read", seconds)),
    ]
    rows = take_turns(cases, rounds)
    goal = Goal(what="read of 10 000 rows / original", measured=datelog.over(original), least=25)
    return rows, [goal]


def measure_writes(stack: Stack, python: Path, rounds: int, seconds: float) -> tuple[list[str], list[Goal]]:
    first, second = stack.original("saved_original", python), stack.datelog("saved")
    cases = [
        original := Case(name="original", service=first, run=wrk(first, "/write", seconds)),
        datelog := Case(name="datelog", service=second, run=wrk(second, "/write", seconds)),
        ceiling := Case(name="sysbench, inserts alone", run=sysbench(stack, round(seconds))),
    ]
    rows = take_turns(cases, rounds)
    return rows, [
        Goal(what="write / original", measured=datelog.over(original), least=20),
        Goal(what="write / sysbench", measured=datelog.over(ceiling), least=0.4, unit="%"),
    ]


def measure_newest(stack: Stack, rounds: int, seconds: float) -> tuple[list[str], list[Goal]]:
    short, long = stack.datelog("thousand"), stack.datelog("million")
    cases = [
        few := Case(name="newest 100 of 1 000, as a page", service=short, run=wrk(short, "/view", seconds)),
        many := Case(
            name="newest 100 of 1 000 000, as a page", service=long, run=wrk(long, "/view", seconds)
        ),
        oldest_few := Case(
            name="oldest 100 of 1 000, as JSON", service=short, run=wrk(short, "/read?limit=100", seconds)
        ),
        oldest := Case(
            name="oldest 100 of 1 000 000, as JSON", service=long, run=wrk(long, "/read?limit=100", seconds)
        ),
    ]
    rows = take_turns(cases, rounds)
    return rows, [
        Goal(what="newest page: 1 000 000 rows / 1 000 rows", measured=many.over(few), least=0.8),
        Goal(what="JSON page: 1 000 000 rows / 1 000 rows", measured=oldest.over(oldest_few), least=0.8),
    ]


def measure_million(stack: Stack, rounds: int) -> list[str]:
    """Measure one read of a million rows: time to first byte, total time, peak memory of the worker."""
    firsts, wholes, peak = [], [], 0.0
    for _ in range(rounds):
        server = stack.datelog("million", "--processes", "1")
        assert isinstance(server, AppServer)
        server.get("/read?limit=1")
        connection = http.client.HTTPConnection(LOOPBACK, server.port, timeout=60)
        began = time.perf_counter()
        connection.request("GET", "/read")
        response = connection.getresponse()
        body = [response.read(1)]
        firsts.append(time.perf_counter() - began)
        body.append(response.read())
        wholes.append(time.perf_counter() - began)
        (worker,) = server.workers()
        status = Path(f"/proc/{worker}/status").read_text()
        peak = max(peak, int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024)
        times = json.loads(b"".join(body))
        expected = stack.cluster.reader.execute("SELECT dt FROM datelog.million ORDER BY dt").split("\n")[:-1]
        if times != expected:
            raise RuntimeError("the list of a million rows is wrong")
        server.stop()
    first, whole = statistics.median(firsts) * 1000, statistics.median(wholes) * 1000
    return [
        "| one read of 1 000 000 rows | measured | goal | met |",
        "|---|--:|--:|---|",
        f"| first byte | {first:.0f} ms | < 50 ms | {'yes' if first < 50 else '**no**'} |",
        f"| whole list, right to the last row | {whole:.0f} ms | | |",
        f"| peak memory of the worker | {peak:.1f} MiB | < 48 MiB | {'yes' if peak < 48 else '**no**'} |",
        "",
    ]


def machine() -> str:
    """Return the name of the measured machine."""
    model = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = int(re.findall(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[0]) / 2**20
    database = subprocess.run(
        [find_program("mariadbd"), "--version"], capture_output=True, text=True, check=True
    )
    return (
        f"{os.cpu_count()} cores ({model[0] if model else platform.machine()}), {memory:.0f} GiB, "
        f"Linux {platform.release()}, Python {platform.python_version()}, "
        f"{re.findall(r'Ver ([^ ]+)', database.stdout)[0]}; load before: {os.getloadavg()[0]:.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each case is measured (3)")
    parser.add_argument("--seconds", type=float, default=4, help="how long a round of a case takes (4)")
    parser.add_argument("--output", type=Path, help="a file for the report, which is printed anyway")
    parser.add_argument("--only", choices=["reads", "long", "writes", "newest", "million"], action="append")
    options = parser.parse_args()
    rounds, seconds = options.rounds, options.seconds
    folder = Path(tempfile.mkdtemp(prefix="datelog-bench-"))
    # Apache's workers run as another user and read the folder
    folder.chmod(0o755)
    head = [f"Measured {datetime.now(UTC):%Y-%m-%d} on {machine()}. "]
    head[0] += f"{CONNECTIONS} connections, {rounds} rounds, rows at MariaDB over TLS."
    stack = start_stack(folder)
    sections: dict[str, Callable[[], tuple[list[str], list[Goal]]]] = {
        "reads": lambda: measure_reads(stack, python, rounds, seconds),
        "long": lambda: measure_long_reads(stack, python, rounds, seconds),
        "writes": lambda: measure_writes(stack, python, rounds, seconds),
        "newest": lambda: measure_newest(stack, rounds, seconds),
        "million": lambda: (measure_million(stack, rounds), []),
    }
    titles = {
        "reads": "Read, 100 rows",
        "long": "Read, 10 000 rows",
        "writes": "Write",
        "newest": "Pages",
        "million": "Read, 1 000 000 rows",
    }
    tables: list[str] = []
    goals: list[Goal] = []
    try:
        python = make_original_environment(folder / "original")
        for name, measure in sections.items():
            if not options.only or name in options.only:
                rows, found = measure()
                tables += [f"### {titles[name]}", "", *rows]
                goals += found
    finally:
        stack.stop()
        shutil.rmtree(folder, ignore_errors=True)
    summary = ["| ratio | measured | goal | met |", "|---|--:|--:|---|", *map(str, goals), ""]
    report = "\n".join(["## datelog", "", *head, "", *summary, *tables])
    sys.stdout.write(report)
    if options.output:
        options.output.write_text(report)


if __name__ == "__main__":
    main()
