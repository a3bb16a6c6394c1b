"""URLs of repositories, and host addresses that connections are allowed to."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.common import addresses
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.common.rules.public_addresses import embedded, is_public
from deployments.template_sets.sources.urls import check_url


@pytest.mark.parametrize(
    ("url", "written", "port"),
    [
        ("https://example.com/a/b.git", "https://example.com/a/b.git", 443),
        ("https://example.com:8443/a", "https://example.com:8443/a", 8443),
        ("http://127.0.0.1:80/a", "http://127.0.0.1/a", 80),
        ("https://[2001:db8::1]/a", "https://[2001:db8::1]/a", 443),
        ("ssh://git@example.com/a.git", "ssh://git@example.com/a.git", 22),
        ("ssh://example.com:2222/a.git", "ssh://git@example.com:2222/a.git", 2222),
        ("/srv/git/a b.git", "/srv/git/a b.git", 0),
        ("file:///srv/git/a.git", "/srv/git/a.git", 0),
    ],
)
def test_an_address_is_read(url: str, written: str, port: int) -> None:
    found = check_url(url)

    assert (str(found), found.port) == (written, port)


def test_the_short_spelling_of_ssh_is_read() -> None:
    found = check_url("git@example.com:team/set.git")

    assert (found.scheme, found.user, found.host, found.path) == ("ssh", "git", "example.com", "team/set.git")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://user:secret@example.com/a", Code.SOURCE_URL_WITH_PASSWORD),
        ("https://token@example.com/a", Code.SOURCE_URL_WITH_PASSWORD),
        ("ssh://git:secret@example.com/a", Code.SOURCE_URL_WITH_PASSWORD),
        ("git://example.com/a", Code.SOURCE_URL_INVALID),
        ("ext::sh -c touch% /tmp/x", Code.SOURCE_URL_INVALID),
        ("ftp://example.com/a", Code.SOURCE_URL_INVALID),
        ("file://host/a", Code.SOURCE_URL_INVALID),
        ("https:///a", Code.SOURCE_URL_INVALID),
        ("https://-oProxyCommand=x/a", Code.SOURCE_URL_INVALID),
        ("ssh://-oProxyCommand=x/a", Code.SOURCE_URL_INVALID),
        ("git@example.com:-x", Code.SOURCE_URL_INVALID),
        ("https://example.com/a?b", Code.SOURCE_URL_INVALID),
        ("https://exam ple.com/a", Code.SOURCE_URL_INVALID),
        ("https://example.com/a\n", Code.SOURCE_URL_INVALID),
        ("https://example.com/a?token=secret", Code.SOURCE_URL_INVALID),
        ("git@example.com:a?token=secret", Code.SOURCE_URL_INVALID),
        ("user:secret@example.com/a", Code.SOURCE_URL_INVALID),
        ("https:user:secret@example.com/a", Code.SOURCE_URL_INVALID),
        ("https://example.com:99999/a", Code.SOURCE_URL_INVALID),
        ("set", Code.SOURCE_URL_INVALID),
        ("", Code.SOURCE_URL_INVALID),
    ],
)
def test_another_address_is_refused(url: str, code: Code) -> None:
    with pytest.raises(UserFixable) as refused:
        check_url(url)

    assert refused.value.message.code == code
    assert "secret" not in f"{refused.value} {refused.value.message}"


@given(st.text() | st.text("gith:/@.-[]a0 %", max_size=20))
def test_any_text_is_an_address_or_refused(url: str) -> None:
    try:
        check_url(url)
    except UserFixable:
        return


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::", "224.0.0.1", "ff02::1", "::", "255.255.255.255",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_needs_a_setting(address: str) -> None:
    found = embedded(ipaddress.ip_address(address))

    assert not is_public(found)
    assert addresses.is_listed(found, [str(found)])
    assert not addresses.is_listed(found, ["203.0.113.0/24", "2001:db8::/32"])


@pytest.mark.parametrize("address", ["140.82.121.4", "2606:50c0:8000::154", "::ffff:140.82.121.4"])
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_public(embedded(ipaddress.ip_address(address)))


class Resolver:
    """Returns the next of its answers at each lookup."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    def __call__(self, _host: str, port: int, **_options: object) -> list[tuple[object, ...]]:
        answer = self.answers.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answer]


def connected(resolver: Resolver, port: int) -> socket.socket:
    """Connect to a name with this resolver, which other code does not use."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", resolver)
        return addresses.connect("git.test", port, ("127.0.0.1/32",))


def test_the_address_that_was_checked_is_connected_to() -> None:
    resolver = Resolver(["127.0.0.1"], ["169.254.169.254"])

    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        connected(resolver, listening.getsockname()[1]) as connection,
    ):
        assert connection.getpeername()[0] == "127.0.0.1"
    assert resolver.answers == [["169.254.169.254"]]


@pytest.mark.parametrize("answer", [["169.254.169.254"], ["127.0.0.1", "10.0.0.1"]])
def test_no_connection_is_made_if_one_of_the_addresses_is_not_allowed(answer: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, pytest.raises(UserFixable) as refused:
        connected(Resolver(answer), listening.getsockname()[1])

    assert refused.value.message.code == Code.SOURCE_ADDRESS_NOT_ALLOWED
    assert refused.value.message.params == {"host": "git.test", "address": answer[-1]}
