"""The choice of a sandbox's backends: automatic, kept after a restart, and rejected with a reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sanso_sandbox.backends import choice
from sanso_sandbox.backends.balancers import haproxy
from sanso_sandbox.backends.machines.booted import base_tree, requirements
from sanso_sandbox.services.ec2.cloud import Ec2Cloud


@pytest.fixture(autouse=True)
def _able(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the host be able to boot machines, except that the base tree is missing."""
    monkeypatch.setattr(requirements, "why_not", lambda: "")
    monkeypatch.setenv("SANSO_SANDBOX_MACHINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SANSO_RUN_MARK", raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.mkdir()
    return path


def chosen(folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: str) -> dict[str, object]:
    for name in ("MACHINES", "DATABASE", "BALANCERS"):
        monkeypatch.setenv(f"SANSO_SANDBOX_{name}", settings.get(name, "auto"))
    backends = choice.choose(folder, Ec2Cloud())
    backends.machines.stop()
    return {name: part for name, part in backends.about().items() if not name.startswith("functions")}


def build_base_tree() -> None:
    wanted = base_tree._base(base_tree.System.AMAZON)
    for layer in (wanted.tree, wanted.system, wanted.wheels):
        layer.mkdir(parents=True)


def test_without_a_base_tree_auto_takes_processes_and_says_how_to_get_more(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = chosen(folder, monkeypatch)

    assert about["machines"] == "processes"
    assert "not built yet" in str(about["machines_hint"])
    assert "make run-full" in str(about["machines_hint"])
    assert base_tree.ready() is None  # no base tree was built automatically


def test_with_everything_there_auto_takes_booted_machines(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_base_tree()

    about = chosen(folder, monkeypatch)

    assert about["machines"] == "booted"
    assert "machines_hint" not in about


def test_processes_that_were_asked_for_come_without_a_hint(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "machines_hint" not in chosen(folder, monkeypatch, MACHINES="processes")


def test_booted_machines_that_cannot_be_had_are_refused_with_the_reason(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requirements, "why_not", lambda: "it takes Linux and root")

    with pytest.raises(ValueError, match=r"it takes Linux and root; see `make run-full`"):
        chosen(folder, monkeypatch, MACHINES="booted")


def test_an_unknown_kind_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="is one of auto, booted, processes, records"):
        chosen(folder, monkeypatch, MACHINES="virtual")


def test_without_haproxy_auto_takes_records_and_says_what_is_missing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(haproxy, "program", lambda: None)

    about = chosen(folder, monkeypatch)

    assert (about["machines"], about["balancers"]) == ("records", "none")
    assert "HAProxy" in str(about["machines_hint"])


def test_a_restart_in_the_same_run_keeps_every_kind_whatever_has_changed_since(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = chosen(folder, monkeypatch, DATABASE="embedded")
    build_base_tree()

    after = chosen(folder, monkeypatch)

    assert (after["machines"], after["database"], after["balancers"]) == (
        *("processes", "embedded"),
        before["balancers"],
    )


def test_a_restart_does_not_try_again_whether_machines_can_be_booted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_base_tree()
    chosen(folder, monkeypatch)
    monkeypatch.setattr(requirements, "why_not", lambda: "the system refuses: busy")

    assert chosen(folder, monkeypatch)["machines"] == "booted"


def test_another_run_chooses_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANSO_RUN_MARK", "one.sandbox")
    chosen(folder, monkeypatch, DATABASE="embedded")
    build_base_tree()
    monkeypatch.setenv("SANSO_RUN_MARK", "two.sandbox")

    assert chosen(folder, monkeypatch)["machines"] == "booted"


def test_a_setting_decides_also_after_a_restart(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen(folder, monkeypatch, MACHINES="processes")

    assert chosen(folder, monkeypatch, MACHINES="records")["machines"] == "records"


def test_a_choice_that_cannot_be_read_is_made_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / choice.FILE).write_bytes(os.urandom(40))

    assert chosen(folder, monkeypatch, MACHINES="records")["machines"] == "records"
