"""Prepared data folders are built once for what they depend on, and tests get copies."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tests import prepared


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    monkeypatch.setattr(prepared, "CACHE", tmp_path)
    return []


def test_a_folder_is_built_once_for_what_it_depends_on(built: list[Path]) -> None:
    first = prepared.prepared("example", ["10.11", "a"], built.append)
    again = prepared.prepared("example", ["10.11", "a"], built.append)
    other = prepared.prepared("example", ["10.11", "b"], built.append)

    assert first == again != other
    assert len(built) == 2


def test_a_folder_whose_building_failed_is_built_again(built: list[Path]) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        prepared.prepared("example", ["a"], fail)
    folder = prepared.prepared("example", ["a"], built.append)

    assert built
    assert not list(folder.iterdir())
    assert [path.name for path in prepared.CACHE.iterdir() if path.is_dir()] == [folder.name]


def test_a_changed_migration_is_another_schema(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "requirements-test.lock").touch()
    migration = tmp_path / "deployments" / "migrations" / "0001_initial.py"
    migration.parent.mkdir(parents=True)
    monkeypatch.setattr(prepared, "REPOSITORY", tmp_path)
    monkeypatch.setattr(prepared, "__file__", str(tmp_path / "requirements-test.lock"))
    migration.write_text("operations = []")
    before = prepared._schema()
    migration.write_text("operations = [1]")

    assert prepared._schema() != before


@pytest.mark.core
@pytest.mark.django_db
def test_the_test_database_has_all_migrations_and_permissions() -> None:
    executor = MigrationExecutor(connection)

    assert not executor.migration_plan(executor.loader.graph.leaf_nodes())
    assert Permission.objects.filter(content_type__app_label="deployments").exists()
