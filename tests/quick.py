"""`make quick`: the checks and tests that a change can reach, as far as they fit into a short time.

Tests of pure functions always run. Of the others those are chosen that changed, that import a changed
module or name a changed file, then those that called a changed function in an earlier run (tests/reach.py),
those that call few others first. Where no run has recorded such a call, the tests of the folder that mirrors
the changed one follow, those with the changed module's name first. All this while the time lasts that they
needed in earlier runs (build/test-times), or would need by the number of their tests.
What is left out is printed: `make test` runs it.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from tests import reach
from tests.times import KEPT, read

SECONDS = 120.0
"""For chosen tests, which two processes share."""
A_TEST = 0.6
"""Seconds for a test of a file that no earlier run has measured."""
TESTS = (Path("tests"), Path("portal/sandbox/sandbox_tests"))
DISTRIBUTIONS = (Path("portal/sandbox"), Path("portal/command_line"))
"""The folders whose packages are imported without the names of the folders."""
PURE = re.compile(r"tests/(\w+/rules|cloudformation|aws/reachability)/")
"""The folders of tests that always run: they call pure functions."""
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


def chosen(
    changed: Sequence[Path],
    tests: Mapping[Path, str],
    calls: Mapping[str, set[str]] | None = None,
    functions: Mapping[Path, set[str] | None] | None = None,
) -> list[Path]:
    """Return the tests that a change can reach, most direct first.

    Args:
        tests: all files, with texts.
        calls: the functions that files called in earlier runs.
        functions: what changed of a module; what it lacks changed as a whole.
    """
    calls, functions = calls or {}, functions or {}
    rank: dict[Path, int] = {}
    for path in changed:
        reached = reach.reaching(calls, path.as_posix(), functions.get(path))
        for place, group in enumerate(_groups(path, tests, set(map(Path, reached)))):
            for test in group:
                rank[test] = min(rank.get(test, place), place)
    found = (test for test in rank if not PURE.match(test.as_posix()))
    return sorted(found, key=lambda test: (rank[test], len(calls.get(test.as_posix(), ())), test))


def always() -> list[str]:
    """Return the tests of pure functions."""
    found = (path.as_posix() for path in Path("tests").rglob("test_*.py"))
    return sorted(path for path in found if PURE.match(path))


def _groups(path: Path, tests: Mapping[Path, str], reached: set[Path]) -> Iterator[set[Path]]:
    """Yield a file itself if it is a test, tests that name it, those that reached it, else its folder's."""
    yield {path} & tests.keys()
    yield {test for test, text in tests.items() if _names(path).search(text)}
    area = path.parts[1] if len(path.parts) > 2 else path.parts[0]
    nearby = {test for test in tests if test.parts[1] == area}
    if reached & tests.keys():
        yield reached & tests.keys()
    else:
        yield {test for test in nearby if path.stem in test.stem}
        yield nearby


def _names(path: Path) -> re.Pattern[str]:
    """Return what a test has that uses a file: an import of the module, or the name of any other file."""
    if path.suffix != ".py":
        return re.compile(re.escape(path.name))
    of_its_own = next((folder for folder in DISTRIBUTIONS if path.is_relative_to(folder)), Path())
    *packages, module = path.relative_to(of_its_own).with_suffix("").parts
    package = re.escape(".".join(packages))
    return re.compile(rf"\b{package}\.{module}\b|^from {package} import .*\b{module}\b", re.MULTILINE)


def within(
    seconds: float, tests: Iterable[Path], times: Mapping[str, float]
) -> tuple[list[Path], list[Path]]:
    """Return (what fits in `seconds`, what does not), in order."""
    fits: list[Path] = []
    left: list[Path] = []
    for test in tests:
        needed = times[test.as_posix()]
        (fits if needed <= seconds else left).append(test)
        seconds -= needed if needed <= seconds else 0
    return fits, left


def times_of_files(tests: Mapping[Path, str]) -> dict[str, float]:
    """Return the seconds of each file in the newest run of all tests, or an estimate."""
    found = sorted(KEPT.glob("*-mariadb.json"))
    seconds: dict[str, float] = {}
    for test, duration in read(found[-1]).tests.items() if found else ():
        file = test.partition("::")[0]
        seconds[file] = seconds.get(file, 0) + duration
    return {path.as_posix(): A_TEST * text.count("\ndef test_") for path, text in tests.items()} | seconds


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
    yield [str(programs / "pytest"), *WORKERS, *always(), *map(str, tests)]


def run(command: Sequence[str]) -> int:
    """Run a command and return its exit code, without the settings that imports here chose for Django."""
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return subprocess.run(command, env=environment, check=False).returncode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", nargs="?", default="", help="the commit to compare with (default: main)")
    base = parser.parse_args().base or default_base()
    changed = changed_files(base)
    functions = {path: reach.changed_functions(path, base) for path in changed if path.suffix == ".py"}
    texts = {path: path.read_text() for folder in TESTS for path in folder.rglob("test_*.py")}
    fits, left = within(SECONDS, chosen(changed, texts, reach.read(), functions), times_of_files(texts))
    sys.stdout.write(f"{len(changed)} files changed; {len(fits)} test files can be reached by that.\n")
    failed = [command[0] for command in commands(changed, fits) if run(command)]
    if left:
        sys.stdout.write(f"Left out for time ({len(left)}): {' '.join(map(str, left))}\n")
    sys.exit(f"Failed: {', '.join(Path(name).name for name in failed)}" if failed else 0)


if __name__ == "__main__":
    main()
