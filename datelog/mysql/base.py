"""Django's MySQL engine with datelog's login, TLS and a cheap health check. Contains no queries."""

import logging
import time
from typing import Any

import MySQLdb
from django.db.backends.mysql import base
from MySQLdb.constants import FIELD_TYPE

from datelog.aws.http import AwsUnreachable
from datelog.configuration import Endpoint, Tls, current_configuration
from datelog.endpoints import endpoint_choices
from datelog.login import Login, login_source
from datelog.mysql.driver import ACCESS_DENIED, NO_TLS, error_number, is_encrypted, ping, tls_arguments

log = logging.getLogger(__name__)

# Seconds after its last use in which a connection is not pinged before it is used again: saves a round trip
# per request on a busy server. A read on a lost connection is retried.
_NO_PING_WITHIN = 1.0


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection of one thread to one endpoint."""

    _used_at = 0.0
    _endpoint: Endpoint | None = None

    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        # Times stay the strings that the server sends: the responses contain strings again.
        params["conv"] = {**params["conv"], FIELD_TYPE.DATETIME: str, FIELD_TYPE.TIMESTAMP: str}
        params["autocommit"] = True
        self._endpoint = endpoint_choices()[self.alias].current
        params |= {"host": self._endpoint.host, "port": self._endpoint.port}
        params.update(tls_arguments(current_configuration().tls, current_configuration().tls_ca))
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect. If the database rejects the login, read the secret again and retry once."""
        try:
            login = login_source().current()
        except AwsUnreachable as error:
            raise MySQLdb.OperationalError(ACCESS_DENIED, str(error)) from error
        try:
            return self._connect(conn_params, login)
        except MySQLdb.OperationalError as error:
            if error_number(error) != ACCESS_DENIED:
                raise
            other = self._other_login(login)
            if other is None:
                raise
            return self._connect(conn_params, other)

    def _connect(self, conn_params: dict[str, Any], login: Login) -> Any:
        connection = super().get_new_connection(
            {**conn_params, "user": login.user, "password": login.password}
        )
        self._used_at = time.monotonic()
        if current_configuration().tls is not Tls.OFF and not is_encrypted(connection):
            connection.close()
            raise MySQLdb.OperationalError(NO_TLS, "The server does not support TLS, which DB_TLS requires.")
        return connection

    @staticmethod
    def _other_login(rejected: Login) -> Login | None:
        try:
            return login_source().after_rejection(rejected)
        except AwsUnreachable as error:
            log.warning("The secret cannot be read again: %s", error)
            return None

    def init_connection_state(self) -> None:
        """Send no statement: autocommit is set in the handshake, and nothing else is needed."""

    def is_usable(self) -> bool:
        """Ping the server and return whether it answers."""
        try:
            ping(self.connection)
        except MySQLdb.Error:
            return False
        return True

    def make_usable(self) -> None:
        """Before each use: close a connection that is old, lost or to a database not in use; connect."""
        now = time.monotonic()
        in_use = self.connection is not None and now - self._used_at < _NO_PING_WITHIN
        if self._endpoint is not endpoint_choices()[self.alias].current:
            self.close()
            in_use = False
        if not in_use or self.errors_occurred or (self.close_at is not None and now >= self.close_at):
            self.close_if_unusable_or_obsolete()
            self.close_if_health_check_failed()
            self.ensure_connection()
        self._used_at = now

    def use_other_database(self) -> bool:
        """Leave the database that has refused. Return whether the environment has another one to try."""
        self.close()
        return endpoint_choices()[self.alias].leave(self._endpoint)
