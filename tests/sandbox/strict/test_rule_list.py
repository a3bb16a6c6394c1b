"""The list of AWS's rules in docs/sandbox.md is complete, and its tests exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ROW = re.compile(r"^\| ([A-Z]{2}\d+|S3\d) \| (.+) \| (.+) \|$", re.MULTILINE)
TESTS = re.compile(r"`(test_\w+)`")


def _rules() -> dict[str, str]:
    listed = ROW.findall((ROOT / "docs" / "sandbox.md").read_text())
    rules = {rule: state for rule, _on_aws, state in listed}
    assert len(rules) == len(listed), "a rule is listed twice"
    return rules


def test_every_test_of_the_rule_list_exists() -> None:
    folders = (ROOT / "tests", ROOT / "portal/sandbox/sandbox_tests")
    source = "\n".join(path.read_text() for folder in folders for path in folder.rglob("test_*.py"))
    defined = set(re.findall(r"^(?:async )?def (test_\w+)\(", source, re.MULTILINE))
    named = {test for state in _rules().values() for test in TESTS.findall(state)}
    assert named
    assert named <= defined, f"missing: {', '.join(sorted(named - defined))}"


def test_every_rule_names_a_test_or_the_reason_why_the_sandbox_is_kinder() -> None:
    bare = [
        rule
        for rule, state in _rules().items()
        if not TESTS.search(state) and not re.search(r"kinder than AWS: \S", state)
    ]
    assert not bare
