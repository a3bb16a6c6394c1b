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
    restore=RestoreParameters(snapshot="Snapshot", cluster="Cluster", time="Time"),
)
DATA = RestoredData(snapshot="kept")
OTHER = {"Size": "3"}
ONE = OTHER | {
    "Databases": "A",
    "InUse": "A",
    "Unprotected": "none",
    "Snapshot": "",
    "Cluster": "",
    "Time": "",
}
BESIDE = OTHER | SECOND.added(DATA)
SWITCHED = BESIDE | SECOND.switched("B")
BACK = SWITCHED | SECOND.switched("A")
ONLY_B = SWITCHED | {"Databases": "B"}
STATES = st.sampled_from([ONE, BESIDE, SWITCHED, BACK, ONLY_B])


def test_the_database_beside_is_the_one_that_the_servers_do_not_use() -> None:
    found = [(SECOND.used(one), SECOND.beside(one)) for one in (ONE, BESIDE, SWITCHED, BACK, ONLY_B)]

    assert found == [("A", ""), ("A", "B"), ("B", "A"), ("A", "B"), ("B", "")]
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

    assert SECOND.rebased(wanted, before, now) == {name: now[name] for name in SECOND.names}


@given(wanted=STATES, before=STATES, now=STATES)
def test_a_change_of_the_databases_ends_only_if_others_changed_them_too(
    wanted: dict[str, str], before: dict[str, str], now: dict[str, str]
) -> None:
    found = SECOND.rebased(wanted, before, now)

    if found is None:
        assert before != now
        assert wanted not in (before, now)
    else:
        assert found in ({name: one[name] for name in SECOND.names} for one in (wanted, now))
        again = wanted | found
        assert SECOND.rebased(again, before, now) == found  # a step that runs twice
