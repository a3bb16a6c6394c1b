"""The variables of the environment file."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from datelog.configuration import Endpoint, Tls, read_configuration

GIVEN = {
    "DB_NAME": "datelog",
    "DB_PASSWORD": "pass-w0rd",
    "DB_READ_ENDPOINT_ADDRESS": "reader.example",
    "DB_USER": "app",
    "DB_WRITE_ENDPOINT_ADDRESS": "writer.example",
}


def test_the_variables_of_the_original_are_sufficient() -> None:
    read = read_configuration(GIVEN | {"DB_TABLENAME": "testtable", "MYSQL_PORT": "3307"})
    assert read.writer == Endpoint(host="writer.example", port=3307)
    assert read.reader == Endpoint(host="reader.example", port=3307)
    assert (read.database, read.table, read.user, read.password) == (
        "datelog",
        "testtable",
        "app",
        "pass-w0rd",
    )
    assert (read.tls, str(read.zone)) == (Tls.REQUIRE, "UTC")


def test_the_repr_has_no_password() -> None:
    assert "pass-w0rd" not in repr(read_configuration(GIVEN))


@pytest.mark.parametrize(
    ("address", "endpoint"),
    [
        ("10.0.0.1", Endpoint(host="10.0.0.1", port=3306)),
        ("10.0.0.1:23306", Endpoint(host="10.0.0.1", port=23306)),
        ("localhost", Endpoint(host="127.0.0.1", port=3306)),
        ("::1", Endpoint(host="::1", port=3306)),
    ],
)
def test_an_endpoint_may_have_a_port_of_its_own(address: str, endpoint: Endpoint) -> None:
    assert read_configuration(GIVEN | {"DB_READ_ENDPOINT_ADDRESS": address}).reader == endpoint


def test_a_second_database_is_optional() -> None:
    one = read_configuration(GIVEN)
    assert (one.other_writer, one.other_reader) == (one.writer, one.reader)
    two = read_configuration(
        GIVEN
        | {"DB_OTHER_WRITE_ENDPOINT_ADDRESS": "w.example", "DB_OTHER_READ_ENDPOINT_ADDRESS": "r.example"}
    )
    assert (two.other_writer.host, two.other_reader.host) == ("w.example", "r.example")


@pytest.mark.parametrize(
    "name", ["DB_NAME", "DB_READ_ENDPOINT_ADDRESS", "DB_WRITE_ENDPOINT_ADDRESS", "DB_USER"]
)
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"^{name} is not set.$"):
        read_configuration(GIVEN | {name: ""})


def test_a_login_is_required() -> None:
    with pytest.raises(ImproperlyConfigured, match="Neither DB_SECRET_NAME nor DB_PASSWORD is set"):
        read_configuration({name: value for name, value in GIVEN.items() if name != "DB_PASSWORD"})


def test_a_secret_needs_no_user_beside_it() -> None:
    read = read_configuration(GIVEN | {"DB_SECRET_NAME": "trial/datelog", "DB_USER": ""})
    assert (read.secret_name, read.user) == ("trial/datelog", "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MYSQL_PORT", "0"),
        ("MYSQL_PORT", "65536"),
        ("MYSQL_PORT", "３３０６"),
        ("MYSQL_PORT", "mysql"),
        ("DB_TABLENAME", "a`b"),
        ("DB_TABLENAME", "other.table"),
        ("DB_TABLENAME", "t" * 65),
        ("DB_QUERY_TIMEOUT", "0"),
        ("DB_TLS", "on"),
        ("DB_TLS", "verify"),
        ("DATELOG_TIME_ZONE", "Mars/Olympus"),
        ("DATELOG_TIME_ZONE", "../etc/passwd"),
        ("DATELOG_STREAM_SECONDS", "-1"),
    ],
)
def test_an_invalid_value_is_rejected_with_its_name(name: str, value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=name):
        read_configuration(GIVEN | {name: value})
