"""Runs the parts of `make test-all`, and keeps in part-runs.json when each ran last and how long it took.

python -m tests.part_runs             every part
python -m tests.part_runs PART...     these
python -m tests.part_runs --list      what each proves, its seconds and its last run
python -m tests.part_runs --due       what the last commit can reach and what is due, in limited time
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.parts import Part, parts

KEPT = Path(__file__).with_name("part-runs.json")
WORKERS = os.environ.get("WORKERS", "").split()
"""The options with which the Makefile distributes tests over processes."""
LIMIT = 25 * 60.0
"""Seconds that CI takes for `make test` and the parts after it; the first part that is due always runs."""
UNKNOWN = 600.0
"""Seconds to assume for a part that never ran: the most that one may take."""
TESTS = ("tests", "portal/sandbox/sandbox_tests")


@dataclass(frozen=True, kw_only=True)
class Run:
    """The last successful run of a part; `commits` counts those of the branch then."""

    commits: int
    date: str
    seconds: float
    summary: str


def read(kept: Path = KEPT) -> dict[str, Run]:
    """Return the last run of each part that ever ran."""
    rows = json.loads(kept.read_text()) if kept.exists() else {}
    return {name: Run(**row) for name, row in rows.items()}


def keep(name: str, run: Run, kept: Path = KEPT) -> None:
    """Write the run of a part beside those of the others."""
    rows = {**read(kept), name: run}
    kept.write_text(json.dumps({one: asdict(rows[one]) for one in sorted(rows)}, indent=1) + "\n")


def by_due(declared: Mapping[str, Part], runs: Mapping[str, Run]) -> list[Part]:
    """Return the parts, those first that never ran or ran longest ago, by the number of commits since."""
    return sorted(declared.values(), key=lambda part: runs[part.name].commits if part.name in runs else -1)


def chosen(
    declared: Mapping[str, Part], runs: Mapping[str, Run], changed: Sequence[str], seconds: float
) -> list[Part]:
    """Return the parts for a commit: those that its files reach, and the one that is due, in `seconds`.

    The one that is due is always among them, whatever time is left. Those that are reached come in the order
    of their last runs.
    """
    order = by_due(declared, runs)
    due, others = order[0], order[1:]

    def needed(part: Part) -> float:
        return runs[part.name].seconds if part.name in runs else UNKNOWN

    left = seconds - needed(due)
    found: list[Part] = []
    for part in others:
        if part.is_reached_by(changed) and needed(part) <= left:
            found.append(part)
            left -= needed(part)
    return [*found, due]


def lines(declared: Mapping[str, Part], runs: Mapping[str, Run], commits: int) -> Iterable[str]:
    """Yield the list of parts."""
    for part in declared.values():
        run = runs.get(part.name)
        ran = f"{run.seconds:.0f} s, {run.date}, {commits - run.commits} commits ago" if run else "never ran"
        yield f"{part.name:14}{ran:44}{part.proves}"


def run_part(part: Part) -> int:
    """Run a part, keep its time if it succeeded, and return pytest's exit code."""
    sys.stdout.write(f"== {part.name}: {part.proves}\n")
    sys.stdout.flush()
    started = time.monotonic()
    command = [
        *(sys.executable, "-m", "pytest", *WORKERS, f"--database={part.database}"),
        *(part.tests or TESTS),
    ]
    environment = {**os.environ, "PART": part.name}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    report = Path("build/part.xml")
    code = subprocess.run([*command, f"--junit-xml={report}"], env=environment, check=False).returncode
    if code == 0:
        seconds = round(time.monotonic() - started, 1)
        number = report.read_text(errors="replace").partition(' tests="')[2].partition('"')[0]
        date = f"{datetime.now(UTC):%Y-%m-%d}"
        keep(part.name, Run(commits=_commits(), date=date, seconds=seconds, summary=f"{number} tests"))
    return code


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _commits() -> int:
    return int(_git("rev-list", "--count", "HEAD") or 0)


def main(arguments: Sequence[str]) -> int:
    declared, runs = parts(), read()
    if arguments == ["--list"]:
        sys.stdout.writelines(f"{line}\n" for line in lines(declared, runs, _commits()))
        return 0
    if arguments == ["--due"]:
        spent = float(os.environ.get("SPENT", "0"))
        todo = chosen(declared, runs, _git("diff", "--name-only", "HEAD~1").split(), LIMIT - spent)
        after = [part.name for part in by_due(declared, runs) if part not in todo]
        names = ", ".join(one.name for one in todo)
        sys.stdout.write(f"Parts of make test-all: {names}; next: {after[0] if after else '-'}\n")
    else:
        unknown = [name for name in arguments if name not in declared]
        if unknown:
            sys.stderr.write(f"No part {', '.join(unknown)}. There are: {', '.join(declared)}\n")
            return 2
        todo = [declared[name] for name in arguments] or list(declared.values())
    codes = [run_part(part) for part in todo]
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
