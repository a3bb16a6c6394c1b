"""GET / and GET /read: the whole list."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.datelog.conftest import StartAppServer
from tests.datelog.original import list_body
from tests.datelog.servers import AppServer, Cluster

START = datetime(2022, 11, 6, 3, 1, 47)  # noqa: DTZ001 - wall-clock, as in the table


def texts(count: int) -> list[str]:
    return [str(START + timedelta(seconds=7 * number)) for number in range(count)]


@pytest.mark.parametrize("path", ["/", "/read"])
@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_the_list_is_byte_for_byte_what_the_original_answers(
    app: AppServer, cluster: Cluster, path: str, count: int
) -> None:
    cluster.fill(*texts(count))
    answer = app.get(path)
    assert answer.status == 200
    assert answer.body == list_body([datetime.fromisoformat(text) for text in texts(count)])
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Length"] == str(len(answer.body))


def test_times_are_sorted_oldest_first(app: AppServer, cluster: Cluster) -> None:
    cluster.fill("2024-03-01 00:00:00", "2024-01-01 00:00:00", "2024-02-01 00:00:00", "2024-01-01 00:00:00")
    months = [text[:7] for text in list_of(app)]
    assert months == ["2024-01", "2024-01", "2024-02", "2024-03"]


def test_shared_caches_may_not_store_the_list(app: AppServer) -> None:
    assert app.get("/read").headers["Cache-Control"] == "private, no-cache"


def test_head_returns_the_headers_of_get(app: AppServer, cluster: Cluster) -> None:
    cluster.fill(*texts(3))
    get, head = app.get("/read"), app.request("HEAD", "/read")
    assert head.status == 200
    assert head.body == b""
    assert head.headers == get.headers


def test_a_client_with_the_current_list_gets_304_until_it_changes(app: AppServer, cluster: Cluster) -> None:
    cluster.fill(*texts(3))
    etag = app.get("/read").headers["ETag"]
    unchanged = app.get("/read", If_None_Match=etag)
    assert (unchanged.status, unchanged.body) == (304, b"")
    assert unchanged.headers["ETag"] == etag
    cluster.run("DELETE FROM datelog ORDER BY dt LIMIT 1")
    cluster.wait_for_reader()
    changed = app.get("/read", If_None_Match=etag)
    assert changed.status == 200
    assert changed.headers["ETag"] != etag


def test_other_methods_are_rejected(app: AppServer) -> None:
    answer = app.request("DELETE", "/read")
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"


def test_null_and_zero_dates_are_left_out(app: AppServer, cluster: Cluster) -> None:
    cluster.run("SET sql_mode = ''; ALTER TABLE datelog MODIFY dt DATETIME NULL")
    cluster.run("SET sql_mode = ''; INSERT INTO datelog (dt) VALUES (NULL), ('0000-00-00 00:00:00')")
    cluster.fill("2024-01-01 00:00:00")
    assert list_of(app) == ["2024-01-01 00:00:00"]


@pytest.mark.parametrize("place", ["FIRST", "AFTER dt"])
def test_additional_columns_are_ignored(app: AppServer, cluster: Cluster, place: str) -> None:
    cluster.run(f"ALTER TABLE datelog ADD note VARCHAR(9) NOT NULL DEFAULT 'x' {place}")
    cluster.fill("2024-01-01 00:00:00")
    assert list_of(app) == ["2024-01-01 00:00:00"]
    assert app.get("/write").status == 200
    assert cluster.rows() == 2


def test_fractions_of_a_second_are_removed_as_in_the_original(app: AppServer, cluster: Cluster) -> None:
    cluster.run("ALTER TABLE datelog MODIFY dt DATETIME(6) NOT NULL")
    cluster.fill("2024-01-01 00:00:00.999999", "2024-01-01 00:00:00.5")
    assert list_of(app) == ["2024-01-01 00:00:00", "2024-01-01 00:00:00"]


def test_the_originals_table_of_one_column_is_read_and_written(
    cluster: Cluster, start_app: StartAppServer
) -> None:
    cluster.run("DROP TABLE datelog; CREATE TABLE datelog (dt datetime)")
    cluster.run("INSERT INTO datelog VALUES ('2024-02-01'), (NULL), ('2024-01-01'), ('2024-01-01')")
    cluster.wait_for_reader()
    app = start_app()
    assert [text[:7] for text in list_of(app)] == ["2024-01", "2024-01", "2024-02"]
    assert app.get("/write").text.startswith("Saved: ")
    cluster.wait_for_reader()
    assert len(list_of(app)) == 4


def test_a_table_replaced_by_one_of_another_shape_is_read_without_a_restart(
    app: AppServer, cluster: Cluster
) -> None:
    cluster.fill("2024-01-01 00:00:00")
    assert len(list_of(app)) == 1
    cluster.run("DROP TABLE datelog; CREATE TABLE datelog (dt datetime)")
    cluster.fill("2024-01-01 00:00:00", "2024-01-02 00:00:00")
    assert [list_of(app) for _ in range(8)] == [["2024-01-01 00:00:00", "2024-01-02 00:00:00"]] * 8


def list_of(app: AppServer) -> list[str]:
    answer = app.get("/read")
    assert answer.status == 200, answer.text
    times = answer.json()
    assert isinstance(times, list)
    return times
