"""Which kind of machines a sandbox takes, and what it says when it can't have booted ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.sandbox.backends.machines.booted import base_tree, requirements
from portal.sandbox.protocols import machines


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the choice out of other tests, and let the host be able to boot but for the base tree."""
    monkeypatch.setattr(machines, "_current", machines.Records())
    monkeypatch.setattr(machines, "_hint", "")
    monkeypatch.setattr(requirements, "why_not", lambda: "")
    monkeypatch.setenv("SANSO_SANDBOX_MACHINE_CACHE", str(tmp_path / "cache"))


def chosen(monkeypatch: pytest.MonkeyPatch, word: str) -> dict[str, object]:
    monkeypatch.setenv("SANSO_SANDBOX_MACHINES", word)
    machines.install()
    about = machines.about()
    machines.stop()
    return about


def test_without_a_base_tree_auto_takes_processes_and_says_how_to_get_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    about = chosen(monkeypatch, "auto")

    assert about["machines"] == "processes"
    assert "not made yet" in str(about["machines_hint"])
    assert "make run-full" in str(about["machines_hint"])
    assert base_tree.ready() is None  # nothing was made by itself


def test_with_everything_there_auto_takes_booted_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = base_tree._base()
    wanted.tree.mkdir(parents=True)
    wanted.wheels.mkdir()

    about = chosen(monkeypatch, "auto")

    assert about["machines"] == "booted"
    assert "machines_hint" not in about


def test_processes_that_were_asked_for_come_without_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "machines_hint" not in chosen(monkeypatch, "processes")


def test_booted_machines_that_cannot_be_had_are_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(requirements, "why_not", lambda: "it takes Linux and root")

    with pytest.raises(ValueError, match=r"it takes Linux and root; see `make run-full`"):
        chosen(monkeypatch, "booted")


def test_an_unknown_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="is one of auto, booted, processes, records"):
        chosen(monkeypatch, "virtual")
