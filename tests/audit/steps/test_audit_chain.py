"""Audit records are chained by one writer, anchored every day, and never removed without a record."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections, transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from pytest_django import Settings

from deployments.access.models.audit_records import AuditAnchor, AuditChain, AuditCut, AuditRecord
from deployments.access.rules.audit_chain import ChainProblem, check_export, link_hash
from deployments.audit.pages import export
from deployments.audit.steps import chain, retention
from deployments.audit.steps.verification import verify
from deployments.migrations import _audit_triggers
from tests.builders import make_environment, make_user

pytestmark = pytest.mark.core

DAY = date(2026, 11, 27)


@pytest.fixture(autouse=True)
def anchors(tmp_path: Path, settings: Settings) -> Path:
    """The path of the anchor file."""
    path = tmp_path / "new folder" / "anchors.txt"
    settings.SANSO_AUDIT_ANCHORS = str(path)
    return path


def add(number: int, **values: object) -> list[AuditRecord]:
    user, environment = make_user(), make_environment()
    given = {"user": user, "action": "lock", "outcome": "requested", "environment": environment} | values
    return [AuditRecord.objects.create(**given, reason=f"load test {n}") for n in range(number)]


def attack(**conditions: object) -> QuerySet[AuditRecord]:
    """Return records without the models' protection, as with direct access to the database."""
    return QuerySet(AuditRecord).filter(**conditions)


def found() -> list[tuple[ChainProblem, int, int]]:
    anchors = chain.anchors_in(Path(settings.SANSO_AUDIT_ANCHORS))
    return [(one.problem, one.first, one.last) for one in verify(anchors).findings]


def chained(number: int = 6) -> list[int]:
    """Chain some records and anchor the day; return their keys."""
    keys = [record.pk for record in add(number)]
    chain.chain_all()
    chain.anchor(DAY)
    return keys


@pytest.mark.django_db
class TestVerification:
    """Changes in the database are found by verification."""

    def test_records_are_chained_in_order_and_verify(self) -> None:
        keys = chained()
        add(2)

        assert list(AuditRecord.objects.chained().values_list("pk", "seq")) == list(
            zip(keys, range(1, 7), strict=True)
        )
        result = verify()
        assert (result.checked, result.waiting, result.findings) == (6, 2, [])

    def test_a_changed_record_is_named_and_no_other(self) -> None:
        chained()

        attack(seq=3).update(reason="Load test 2")

        assert found() == [(ChainProblem.CHANGED, 3, 3)]

    @pytest.mark.parametrize("column", ["before", "details", "user", "at", "address"])
    def test_every_column_is_covered(self, column: str) -> None:
        chained()
        value = {"user": make_user(), "at": timezone.now(), "address": "192.0.2.7"}.get(column, {"a": 1})

        attack(seq=3).update(**{column: value})

        assert found() == [(ChainProblem.CHANGED, 3, 3)]

    def test_a_change_with_a_new_hash_shows_at_the_next_record(self) -> None:
        chained()
        attack(seq=3).update(reason="another")
        record = AuditRecord.objects.get(seq=3)
        before = AuditRecord.objects.get(seq=2).hash
        attack(seq=3).update(hash=link_hash(before, 3, record.chained_values()))

        assert found() == [(ChainProblem.CHANGED, 4, 4)]

    def test_removed_records_are_missing(self) -> None:
        chained()

        attack(seq__in=(3, 4)).delete()

        assert found() == [(ChainProblem.MISSING, 3, 4)]

    def test_the_first_records_are_missing_too(self) -> None:
        chained()

        attack(seq=1).delete()

        assert found() == [(ChainProblem.MISSING, 1, 1)]

    def test_the_last_records_are_missing_by_the_file_alone(self) -> None:
        chained()
        last = AuditRecord.objects.get(seq=4)
        attack(seq__gt=4).delete()
        AuditChain.objects.update(seq=4, hash=last.hash)
        AuditAnchor.objects.all().delete()

        assert found() == [(ChainProblem.END_MISSING, 5, 6)]

    def test_exchanged_records_are_moved(self) -> None:
        chained()
        one, other = (dict(attack(seq=n).values().get()) for n in (2, 5))
        attack(seq__in=(2, 5)).update(seq=None)
        attack(pk=one["id"]).update(seq=5, hash=other["hash"])
        attack(pk=other["id"]).update(seq=2, hash=one["hash"])

        assert found() == [(ChainProblem.MOVED, 2, 2), (ChainProblem.MOVED, 5, 5)]

    def test_a_chain_that_was_computed_anew_differs_from_the_anchors(self) -> None:
        chained()
        attack(seq=1).update(reason="another")
        attack().update(seq=None)
        AuditChain.objects.all().delete()
        AuditAnchor.objects.all().delete()
        chain.chain_all()

        assert found() == [(ChainProblem.ANCHOR, 6, 6)]

    def test_a_moved_end_is_found(self) -> None:
        chained()

        AuditChain.objects.update(hash="0" * 64)

        assert found() == [(ChainProblem.HEAD, 6, 6)]

    def test_the_command_names_the_record_and_fails(self) -> None:
        chained()
        out = io.StringIO()
        call_command("verify_audit", stdout=out)
        assert "6 records verified" in out.getvalue()

        attack(seq=3).update(outcome="refused")

        err = io.StringIO()
        with pytest.raises(CommandError, match="1 problem"):
            call_command("verify_audit", stdout=out, stderr=err)
        assert "Record 3 (row" in err.getvalue()

    def test_an_exported_file_is_verified_alone_also_with_a_filter(
        self, tmp_path: Path, anchors: Path
    ) -> None:
        chained()
        AuditRecord.objects.create(action="lock", outcome="requested")
        rows = list(export.rows(AuditRecord.objects.order_by("-pk")))
        copy = tmp_path / "audit.json"

        def verified(some: list[dict[str, Any]], *options: str) -> str:
            copy.write_text(json.dumps(some))
            out = io.StringIO()
            call_command("verify_audit", "--export", str(copy), *options, stdout=out, stderr=io.StringIO())
            return out.getvalue()

        kept = str(anchors.rename(tmp_path / "kept.txt"))
        assert "6 exported records verified, from number 1 to 6." in verified(rows, "--anchors", kept)
        assert "not in the file: 0. Not chained: 1." in verified(rows)
        assert "not in the file: 2." in verified([row for row in rows if row["seq"] in (2, 3, 6)])

        changed = [row | {"reason": "another"} if row["seq"] == 3 else row for row in rows]
        exchanged = [row | {"previous_hash": "0" * 64} if row["seq"] == 3 else row for row in rows]
        for some in (changed, exchanged):
            with pytest.raises(CommandError, match="1 problem"):
                verified(some)
        with pytest.raises(CommandError, match="no export"):
            verified([{"id": 1}])

    def test_a_file_that_was_computed_anew_differs_from_the_anchors(
        self, tmp_path: Path, anchors: Path
    ) -> None:
        chained()
        kept = anchors.rename(tmp_path / "kept.txt")
        attack(seq=1).update(reason="another")
        attack().update(seq=None)
        AuditChain.objects.all().delete()
        AuditAnchor.objects.all().delete()
        chain.chain_all()
        rows = list(export.rows(AuditRecord.objects.all()))

        found = check_export(rows, chain.anchors_in(kept))

        assert [(one.problem, one.first) for one in found.findings] == [(ChainProblem.ANCHOR, 6)]

    def test_the_keys_of_a_deleted_environment_stay(self) -> None:
        (record,) = add(1)
        chain.chain_all()
        key = record.environment_id
        assert record.environment is not None
        record.environment.delete()

        assert AuditRecord.objects.get().environment_id == key
        assert found() == []


@pytest.mark.django_db
class TestAnchors:
    """The end of the chain is anchored once a day."""

    def test_one_anchor_a_day_is_appended(self, anchors: Path) -> None:
        chained()
        add(1)
        chain.chain_all()
        chain.anchor(DAY)
        chain.anchor(DAY + timedelta(days=1))
        chain.anchor(DAY + timedelta(days=2))  # nothing new: no anchor

        lines = anchors.read_text().splitlines()
        assert [line.split()[:2] for line in lines] == [["2026-11-27", "6"], ["2026-11-28", "7"]]
        assert anchors.stat().st_mode & 0o077 == 0

    def test_a_second_machine_gets_the_anchors_of_the_first(self, anchors: Path) -> None:
        chained()
        before = anchors.read_text()
        anchors.unlink()

        chain.anchor(DAY)

        assert anchors.read_text() == before

    def test_a_file_that_cannot_be_written_stops_nothing(
        self, anchors: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        anchors.mkdir(parents=True)

        chained()

        assert AuditAnchor.objects.count() == 1
        assert "could not be written" in caplog.text


@pytest.mark.django_db
class TestRetention:
    """Old records are removed from the start of the chain."""

    def test_records_are_kept_for_ever_by_default(self) -> None:
        chained()
        attack().update(at=timezone.now() - timedelta(days=9999))

        assert retention.remove_old() == 0

    def test_old_records_are_removed_with_a_record_and_the_rest_verifies(self, settings: Settings) -> None:
        settings.SANSO_AUDIT_DAYS = 365
        add(6)
        attack(pk__in=[r.pk for r in AuditRecord.objects.unchained()[:4]]).update(
            at=timezone.now() - timedelta(days=366)
        )
        chain.chain_all()
        chain.anchor(DAY)
        last = AuditRecord.objects.get(seq=4).hash

        assert retention.remove_old() == 4
        chain.chain_all()

        assert list(AuditRecord.objects.chained().values_list("seq", flat=True)) == [5, 6, 7]
        record = AuditRecord.objects.get(seq=7)
        assert record.action == retention.REMOVED
        assert (record.details["first"], record.details["last"], record.details["hash"]) == (1, 4, last)
        assert found() == []
        assert retention.remove_old() == 0

    def test_a_removal_without_a_record_is_found(self, settings: Settings) -> None:
        chained()
        cut = AuditRecord.objects.get(seq=2)
        AuditCut.objects.create(seq=2, hash=cut.hash)
        attack(seq__lte=2).delete()

        assert found() == [(ChainProblem.CUT, 1, 2)]


@pytest.mark.django_db
def test_models_refuse_changes() -> None:
    (record,) = add(1)

    for change in (
        record.save,
        record.delete,
        AuditRecord.objects.all().delete,
        lambda: AuditRecord.objects.update(reason="another"),
        lambda: AuditRecord.objects.bulk_update([record], ["reason"]),
    ):
        with pytest.raises(TypeError):
            change()


@pytest.fixture
def triggers(transactional_db: None) -> Iterator[None]:
    """The database's triggers, which other tests run without."""
    with connection.cursor() as cursor:
        for statement in _audit_triggers.statements(connection.vendor):
            cursor.execute(statement)
    yield
    _audit_triggers.drop_triggers(connection)


def test_the_database_refuses_changes_but_of_the_chain_and_the_retention(
    triggers: None, settings: Settings
) -> None:
    settings.SANSO_AUDIT_DAYS = 1
    add(1)
    chain.chain_all()
    (open_record,) = add(1)

    refused = (
        lambda: attack(seq=1).update(reason="Another"),
        lambda: attack(pk=open_record.pk).update(reason=F("action")),
        lambda: attack(pk=open_record.pk).update(username=open_record.username.upper()),
        lambda: attack(seq=1).update(seq=None, hash=""),
        lambda: attack(seq=1).update(hash="0" * 64),
        lambda: attack(seq=1).delete(),
        lambda: attack(pk=open_record.pk).delete(),
    )
    for change in refused:
        with pytest.raises(DatabaseError, match="not changed"), transaction.atomic():
            change()

    assert chain.chain_all() == 1
    with connection.cursor() as cursor:  # to age the record
        cursor.execute("DROP TRIGGER audit_record_kept")
    attack(seq=1).update(at=timezone.now() - timedelta(days=2))
    assert retention.remove_old() == 1
    with pytest.raises(DatabaseError, match="not changed"):
        AuditCut.objects.update(seq=99)


@pytest.mark.django_db(transaction=True)
def test_of_two_writers_at_once_each_record_is_chained_once() -> None:
    add(60)
    barrier, failed = threading.Barrier(3), []

    def write() -> None:
        try:
            barrier.wait()
            chain.chain_all()
        except BaseException as exc:  # noqa: BLE001
            failed.append(exc)
        finally:
            connections.close_all()

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert not failed
    assert verify().checked == 60
    assert found() == []
