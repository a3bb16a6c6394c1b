"""`make quick`: the checks and tests that a change can reach, as far as they fit into a short time.

Tests of pure functions always run. Of the others those are chosen that changed, that import a changed
module or name a changed file, then those of the folder that mirrors its own, while the time lasts that they
needed in earlier runs (build/test-times). What is left out is printed: `make test` runs it.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.times import KEPT, read

SECONDS = 120.0
"""For chosen tests, by the times of earlier runs; what is not known takes the median of the others."""
ALWAYS = "tests/core"
WORKERS = ("-n", "2", "--dist", "loadfile", "-q")


def changed_files(base: str) -> list[Path]:
    """Return the files that differ from a commit, and those that Git does not track yet."""
    found = (
        _git("diff", "--name-only", base).split() + _git("ls-files", "--others", "--exclude-standard").split()
    )
    return sorted(path for path in map(Path, found) if path.exists())


def default_base() -> str:
    """Return where the branch left main, and on main the commit before."""
    head, fork = _git("rev-parse", "HEAD"), _git("merge-base", "HEAD", "main")
    return "HEAD~1" if head == fork else fork.strip()


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout


def chosen(changed: Sequence[Path], tests: Mapping[Path, str]) -> list[Path]:
    """Return the tests that a change can reach, most direct first; `tests` are all files, with texts."""
    rank: dict[Path, int] = {}
    for path in changed:
        for place, group in enumerate(_groups(path, tests)):
            for test in group:
                rank[test] = min(rank.get(test, place), place)
    found = (test for test in rank if not test.is_relative_to(ALWAYS))
    return sorted(found, key=lambda test: (rank[test], test))


def _groups(path: Path, tests: Mapping[Path, str]) -> Iterator[set[Path]]:
    """Yield a file itself if it is a test, the tests that name it, and those of its mirrored folder."""
    yield {path} & tests.keys()
    yield {test for test, text in tests.items() if _names(path).search(text)}
    area = path.parts[1] if len(path.parts) > 2 else path.parts[0]
    yield {test for test in tests if test.parts[1] == area}


def _names(path: Path) -> re.Pattern[str]:
    """Return what a test has that uses a file: an import of the module, or the name of any other file."""
    if path.suffix != ".py":
        return re.compile(re.escape(path.name))
    *packages, module = path.with_suffix("").parts
    package = re.escape(".".join(packages))
    return re.compile(rf"\b{package}\.{module}\b|^from {package} import .*\b{module}\b", re.MULTILINE)


def within(
    seconds: float, tests: Iterable[Path], times: Mapping[str, float]
) -> tuple[list[Path], list[Path]]:
    """Return (what fits in `seconds`, what does not), in order."""
    known = sorted(times.values())
    usual = known[len(known) // 2] if known else 2.0
    fits: list[Path] = []
    left: list[Path] = []
    for test in tests:
        needed = times.get(test.as_posix(), usual)
        (fits if needed <= seconds else left).append(test)
        seconds -= needed if needed <= seconds else 0
    return fits, left


def times_of_files() -> dict[str, float]:
    """Return the seconds by file of the newest run of all tests; nothing if there was none."""
    found = sorted(KEPT.glob("*-mariadb.json"))
    seconds: dict[str, float] = {}
    for test, duration in read(found[-1]).tests.items() if found else ():
        file = test.partition("::")[0]
        seconds[file] = seconds.get(file, 0) + duration
    return seconds


def commands(changed: Sequence[Path], tests: Sequence[Path]) -> Iterator[list[str]]:
    """Yield the commands to run, in the environment of this Python."""
    programs = Path(sys.executable).parent
    python = [str(path) for path in changed if path.suffix == ".py"]
    pages = [str(path) for path in changed if path.suffix == ".html"]
    if python:
        yield [str(programs / "ruff"), "check", *python]
        yield [str(programs / "ruff"), "format", "--check", *python]
        yield [str(programs / "mypy"), "."]
        yield [str(programs / "lint-imports")]
    if pages:
        yield [str(programs / "djlint"), "--check", *pages]
    yield [str(programs / "pytest"), *WORKERS, ALWAYS, *map(str, tests)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", nargs="?", default="", help="the commit to compare with (default: main)")
    changed = changed_files(parser.parse_args().base or default_base())
    texts = {path: path.read_text() for path in Path("tests").rglob("test_*.py")}
    fits, left = within(SECONDS, chosen(changed, texts), times_of_files())
    sys.stdout.write(f"{len(changed)} files changed; {len(fits)} test files can be reached by that.\n")
    done = [subprocess.run(command, check=False) for command in commands(changed, fits)]
    failed = [one.args[0] for one in done if one.returncode]
    if left:
        sys.stdout.write(f"Left out for time ({len(left)}): {' '.join(map(str, left))}\n")
    sys.exit(f"Failed: {', '.join(Path(name).name for name in failed)}" if failed else 0)


if __name__ == "__main__":
    main()
