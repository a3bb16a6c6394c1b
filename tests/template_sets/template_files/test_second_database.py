"""Which databases an environment has after a change: pure rules over the values of its parameters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deployments.template_sets.template_files.restored_data import (
    NO_SECOND,
    RestoredData,
    RestoreParameters,
    SecondDatabase,
)

SECOND = SecondDatabase(
    databases="Databases",
    in_use="InUse",
    unprotected="Unprotected",
    without_instances="WithoutInstances",
    restore=RestoreParameters(snapshot="Snapshot", cluster="Cluster", time="Time"),
    first=RestoreParameters(snapshot="SnapshotA", cluster="ClusterA", time="TimeA"),
)
DATA = RestoredData(snapshot="kept")
OTHER = {"Size": "3"}
ONE = OTHER | {
    "Databases": "A",
    "InUse": "A",
    "Unprotected": "none",
    "WithoutInstances": "none",
    "Snapshot": "",
    "Cluster": "",
    "Time": "",
    "SnapshotA": "",
    "ClusterA": "",
    "TimeA": "",
}


def beside(values: dict[str, str], data: RestoredData = DATA) -> dict[str, str]:
    """Return the values of an environment after data was restored beside its database."""
    added = SECOND.restored_beside(values, data)
    assert added is not None
    return values | added


BESIDE = beside(ONE)
SWITCHED = BESIDE | SECOND.switched("B")
BACK = SWITCHED | SECOND.switched("A")
EMPTIED = SWITCHED | SECOND.deleting(SWITCHED, "A")
ONLY_B = EMPTIED | SECOND.deleting(EMPTIED, "A")
AGAIN = beside(ONLY_B, RestoredData(cluster="second", time="2026-12-02T14:03:20Z"))
STATES = st.sampled_from([ONE, BESIDE, SWITCHED, BACK, EMPTIED, ONLY_B, AGAIN])


def test_the_database_beside_is_the_one_that_the_servers_do_not_use() -> None:
    states = (ONE, BESIDE, SWITCHED, BACK, EMPTIED, ONLY_B, AGAIN)

    found = [(SECOND.used(one), SECOND.beside(one)) for one in states]

    assert found == [("A", ""), ("A", "B"), ("B", "A"), ("A", "B"), ("B", "A"), ("B", ""), ("B", "A")]
    assert (NO_SECOND.used(OTHER), NO_SECOND.beside(OTHER)) == ("A", "")


def test_a_switch_keeps_the_data_of_the_second_database_and_protects_both() -> None:
    changed = {name for name in SECOND.names if SWITCHED[name] != BESIDE[name]}

    assert changed == {"InUse", "Unprotected"}
    assert SECOND.restore.read(SWITCHED) == DATA
    assert SWITCHED["Unprotected"] == "none"


@given(before=STATES, after=STATES)
def test_only_a_change_of_the_database_in_use_is_a_switch(
    before: dict[str, str], after: dict[str, str]
) -> None:
    slot = SECOND.switched_to(before, after)

    assert slot in ("", after["InUse"])
    assert bool(slot) == (before["InUse"] != after["InUse"])


@given(before=STATES, now=STATES)
def test_a_change_of_something_else_keeps_the_databases_of_now(
    before: dict[str, str], now: dict[str, str]
) -> None:
    wanted = before | {"Size": "9"}

    assert SECOND.rebased(wanted, before, now) == {name: now[name] for name in SECOND.pinned}


@given(wanted=STATES, before=STATES, now=STATES)
def test_a_change_of_the_databases_ends_only_if_others_changed_them_too(
    wanted: dict[str, str], before: dict[str, str], now: dict[str, str]
) -> None:
    found = SECOND.rebased(wanted, before, now)

    if found is None:
        assert before != now
        assert wanted not in (before, now)
    else:
        assert found in ({name: one[name] for name in SECOND.pinned} for one in (wanted, now))
        again = wanted | found
        assert SECOND.rebased(again, before, now) == found  # a step that runs twice


def test_a_database_is_deleted_by_two_changes_the_first_of_which_keeps_its_cluster() -> None:
    assert SECOND.slots(EMPTIED) == ("A", "B")
    assert (EMPTIED["Unprotected"], SECOND.emptied(EMPTIED)) == ("A", "A")
    assert SECOND.slots(ONLY_B) == ("B",)
    assert (ONLY_B["Unprotected"], SECOND.emptied(ONLY_B)) == ("none", "")
    assert [SECOND.deleted(*one) for one in ((SWITCHED, EMPTIED), (EMPTIED, ONLY_B))] == ["A", "A"]


@given(before=STATES)
def test_the_database_in_use_and_its_data_survive_each_deletion(before: dict[str, str]) -> None:
    slot = SECOND.beside(before)
    if not slot:
        return
    after = before
    for _change in range(2):
        after = after | SECOND.deleting(after, slot)
        assert SECOND.used(after) == SECOND.used(before)

    assert SECOND.slots(after) == (SECOND.used(before),)
    assert not SECOND.data_of(slot).read(after)
    kept = SECOND.data_of(SECOND.used(before))
    assert kept.read(after) == kept.read(before)


@given(before=STATES)
def test_data_is_restored_into_the_free_database_and_the_one_in_use_keeps_its_own(
    before: dict[str, str],
) -> None:
    if SECOND.beside(before):
        return
    used = SECOND.used(before)

    after = beside(before)

    slot = SECOND.beside(after)
    assert (SECOND.used(after), SECOND.added(before, after), after["Unprotected"]) == (used, slot, slot)
    assert SECOND.data_of(slot).read(after) == DATA
    assert SECOND.data_of(used).read(after) == SECOND.data_of(used).read(before)


def test_a_set_without_parameters_for_the_data_of_the_free_database_restores_nothing() -> None:
    without = SecondDatabase(databases="Databases", in_use="InUse", unprotected="Unprotected")

    assert without.restored_beside({"Databases": "B", "InUse": "B"}, DATA) is None


def test_a_database_whose_deletion_has_begun_is_kept_as_it_was() -> None:
    assert EMPTIED | SECOND.keeping() == SWITCHED
    assert SECOND.kept(EMPTIED, SWITCHED) == "A"
    assert [SECOND.kept(*one) for one in ((EMPTIED, ONLY_B), (SWITCHED, EMPTIED), (ONE, BESIDE))] == [""] * 3
