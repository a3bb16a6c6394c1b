"""Only load balancers are called: names and addresses are checked before each request of a site check."""

from __future__ import annotations

import socket
import threading

import pytest

from deployments.aws import site_address
from deployments.aws.site import check_site
from deployments.aws.site_address import Site, is_allowed, site_of
from tests.aws.site_server import ALB, Running, problem_text
from tests.services import LIMIT


def fail_on_lookup(name: str, port: int) -> list[str]:
    raise AssertionError(f"{name} must not even be looked up")


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "127.0.0.1",
        "169.254.169.254",
        "[::1]",
        "example.com",
        "elb.amazonaws.com.example.com",
        f"{ALB}.example.com",
        f"{ALB}:6379",
        f"user@{ALB}",
        f"{ALB}/path",
        f"{ALB}\n",
        f"evil.example.{ALB}",
        "bucket.s3.amazonaws.com",
    ],
)
def test_only_names_of_load_balancers_are_looked_up(name: str) -> None:
    answer = check_site(Site(dns_name=name), resolve=fail_on_lookup)
    assert "is not a load balancer name" in problem_text(answer)


@pytest.mark.parametrize(
    "name",
    [
        ALB,
        f"{ALB}.",
        ALB.upper(),
        f"internal-{ALB}",
        "sanso-app-0123456789abcdef.elb.ap-northeast-1.amazonaws.com",
        "sanso-web-1.cn-north-1.elb.amazonaws.com.cn",
    ],
)
def test_names_of_load_balancers_are_looked_up(name: str) -> None:
    looked_up: list[str] = []

    def resolve(wanted: str, port: int) -> list[str]:
        looked_up.append(wanted)
        raise OSError("Name or service not known")

    answer = check_site(Site(dns_name=name), resolve=resolve)

    assert looked_up == [name.lower().rstrip(".")]
    assert "cannot be resolved (Name or service not known)" in problem_text(answer)


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["10.0.0.5"],
        ["0.0.0.0"],  # must be rejected
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["::ffff:203.0.113.1"],
        ["64:ff9b::7f00:1"],
        ["2002:7f00:1::"],
        ["fe80::1"],
        ["fd00:ec2::254"],
        ["224.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        ["not an address"],
    ],
    ids=lambda addresses: " ".join(addresses),
)
def test_a_name_that_resolves_to_anything_but_a_load_balancer_is_not_called(addresses: list[str]) -> None:
    answer = check_site(Site(dns_name=ALB), resolve=lambda _name, _port: addresses)
    assert "which cannot be a load balancer" in problem_text(answer)
    assert answer.write_status == 0


def test_private_addresses_are_allowed_for_internal_load_balancers_only() -> None:
    for address in ("10.1.2.3", "172.16.0.9", "192.168.1.1"):
        assert is_allowed(address, internal=True)
        assert not is_allowed(address, internal=False)
    for address in ("127.0.0.1", "169.254.169.254", "0.0.0.0", "240.0.0.1", "::1"):
        assert not is_allowed(address, internal=True)
    assert is_allowed("52.1.2.3", internal=False)
    assert is_allowed("2600:1f18::1", internal=False)


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second lookup could return another address."""
    connected: list[object] = []

    def connect(place: tuple[str, int], timeout: float) -> None:
        connected.append(place)
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(socket, "create_connection", connect)
    answers = iter([["52.1.2.3", "52.1.2.4"], ["127.0.0.1"]])

    answer = check_site(Site(dns_name=ALB, secure=True), resolve=lambda _name, _port: next(answers))

    assert connected == [("52.1.2.3", 443)]
    assert problem_text(answer) == "The load balancer does not accept connections on port 443 (refused)."


def test_a_hanging_lookup_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_address, "RESOLVE_SECONDS", 0.2)
    hanging = threading.Event()

    def resolve(_name: str, _port: int) -> list[str]:
        hanging.wait(LIMIT)
        return []

    answer = check_site(Site(dns_name=ALB), resolve=resolve)
    hanging.set()

    assert "cannot be resolved (not within 0.2 s)" in problem_text(answer)


@pytest.mark.parametrize(
    "name", ["10.0.0.1", "localhost:80", "127.0.0.999", "127.0.0.1:99999", ALB, "128.0.0.1"]
)
def test_in_the_sandbox_only_loopback_is_called(name: str) -> None:
    answer = check_site(Site(dns_name=name, loopback=True), resolve=fail_on_lookup)
    assert problem_text(answer) == "The load balancers of this sandbox have no servers."


def test_loopback_is_called_in_the_sandbox_only(server: Running) -> None:
    answer = check_site(Site(dns_name=server.name), resolve=fail_on_lookup)
    assert not answer.wrote
    assert server.requests == []


def test_an_output_decides_how_a_site_is_called_but_not_where() -> None:
    site = site_of(ALB, "https://169.254.169.254:9/latest/meta-data", loopback=False)
    assert site == Site(dns_name=ALB, secure=True, host_name="169.254.169.254")
    assert site_of(ALB, f"http://{ALB}/", loopback=False) == Site(dns_name=ALB)
    assert site_of(ALB, "https://[bad", loopback=False) == Site(dns_name=ALB)
    assert site_of("127.200.1.2:8080", "http://127.200.1.2:8080/", loopback=True).host_name == ""


def test_a_load_balancer_without_a_dns_name_is_not_called() -> None:
    assert problem_text(check_site(Site(dns_name=""))) == "The load balancer has no DNS name yet."
