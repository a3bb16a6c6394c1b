"""The list of MiniStack's faults in docs/sandbox.md: their modules, and the tests that reproduce them."""

from __future__ import annotations

import re
from pathlib import Path

from sanso_sandbox.engine import contract, fixes

ROOT = Path(__file__).resolve().parents[3]
TESTS = ROOT / "portal/sandbox/sandbox_tests/fixes"
FOLDER = Path(str(fixes.__file__)).parent
SOURCE = r"\(\[\S+\]\(https://docs\.aws\.amazon\.com/\S+\)\)"
ROW = re.compile(rf"^\| (.+) \| (.+ {SOURCE}) \| `(\w+)` \| `(test_\w+)` \|$", re.MULTILINE)


def _rows() -> list[tuple[str, str, str, str]]:
    rows = ROW.findall((ROOT / "docs" / "sandbox.md").read_text())
    assert rows
    return rows


def test_every_fix_is_listed_once_and_installed() -> None:
    modules = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")

    assert sorted(module for _fault, _right, module, _test in _rows()) == modules
    assert sorted(fix.__name__.rpartition(".")[2] for fix in fixes.ALL) == modules


def test_every_fix_has_its_reproduction() -> None:
    for _fault, _right, module, test in _rows():
        source = (TESTS / f"test_{module}.py").read_text()
        assert re.search(rf"def {test}\(\s*ministack: Account, account: Account\b", source), module


def test_every_fix_begins_with_the_fault_and_the_version_that_has_it() -> None:
    for fix in fixes.ALL:
        first = (fix.__doc__ or "").partition("\n")[0]
        assert first.endswith(f"(MiniStack {contract.version()})."), fix.__name__
