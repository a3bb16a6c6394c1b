"""Continuous reads through a load balancer: they save nothing, and failed ones are counted and explained."""

from __future__ import annotations

import json
import threading

import pytest

from deployments.aws import site as site_module
from deployments.aws.site import READS, SiteReadsResult, check_reads
from deployments.aws.site_address import Site
from deployments.common.rules.redaction import Redactor, Values
from tests.aws.site_server import SAVED, Running, Server
from tests.message_texts import text_of
from tests.services import LIMIT, LOOPBACK, free_port


def reads(server: Running, **site: object) -> SiteReadsResult:
    return check_reads(Site(dns_name=server.name, loopback=True, **site))  # type: ignore[arg-type]


def test_reads_save_nothing_and_take_one_row_each(server: Running) -> None:
    found = reads(server)

    assert (found.total, len(found.milliseconds), found.reached, found.problem) == (READS, READS, True, None)
    assert server.requests == [("GET", "/read?limit=1", server.name)] * READS


def test_a_server_that_fails_every_other_read_fails_half_of_them(server: Running) -> None:
    numbers = iter(range(READS))
    server.routes["/read"] = lambda request: request.reply("[]", 504 if next(numbers) % 2 else 200)

    found = reads(server)

    assert (len(found.milliseconds), found.reached) == (READS // 2, True)
    assert text_of(found.problem) == "/read returns 504: []"


def test_reads_report_the_version_that_answered(server: Running) -> None:
    versions = iter(["0123456789abcdef"] * 2 + ["fedcba9876543210", "<b>1.0</b>"])
    server.routes["/read"] = lambda request: request.reply("[]", 200, **{"X-Datelog-Version": next(versions)})

    found = reads(server)

    assert sorted(found.versions) == ["", "0123456789abcdef", "0123456789abcdef", "fedcba9876543210"]


def test_failed_reads_report_no_version(server: Running) -> None:
    header = {"X-Datelog-Version": "0123456789abcdef"}
    server.routes["/read"] = lambda request: request.reply("no", 502, **header)

    assert reads(server).versions == ()


def test_a_server_that_hangs_fails_the_reads_that_it_gets(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_module, "READ_SECONDS", 0.5)
    released, numbers = threading.Event(), iter(range(READS))

    def hang(requested: Server) -> None:
        if next(numbers) == 0:
            released.wait(LIMIT)
        else:
            requested.reply("[]")

    server.routes["/read"] = hang
    try:
        found = reads(server)
    finally:
        released.set()

    assert (len(found.milliseconds), found.reached) == (READS - 1, True)
    assert text_of(found.problem).startswith("No response from /read")


def test_a_list_that_is_cut_off_is_a_list(server: Running) -> None:
    """The original application returns every saved time."""
    server.routes["/read"] = lambda request: request.reply(json.dumps([SAVED] * 10_000))

    assert len(reads(server).milliseconds) == READS


def test_a_page_of_something_else_is_not_a_list(server: Running) -> None:
    server.routes["/read"] = lambda request: request.reply("<h1>It works!</h1>")

    found = reads(server)

    assert (found.milliseconds, found.reached) == ((), True)
    assert text_of(found.problem) == "/read returned an unexpected response: It works!"


def test_a_load_balancer_that_accepts_no_connection_is_not_reached() -> None:
    found = check_reads(Site(dns_name=f"{LOOPBACK}:{free_port()}", loopback=True))

    assert (found.milliseconds, found.reached) == ((), False)
    assert "does not accept connections" in text_of(found.problem)


def test_no_read_is_sent_to_a_name_that_is_no_load_balancers() -> None:
    found = check_reads(
        Site(dns_name="intranet.example"), resolve=lambda _name, _port: pytest.fail("resolved")
    )

    assert not found.reached
    assert text_of(found.problem) == "intranet.example is not a load balancer name. No request was sent."


def test_an_error_page_shows_no_secret_value(server: Running) -> None:
    server.routes["/read"] = lambda request: request.reply("cannot log in with hunter2-secret", 500)

    found = reads(server, redact=Redactor([Values(["hunter2-secret"])]))

    assert "hunter2" not in text_of(found.problem)
