"""Django's MySQL engine with datelog's login, protection and cheap health check. No query is here."""

import logging
import time
from typing import Any

import MySQLdb
from django.db.backends.mysql import base
from MySQLdb.constants import FIELD_TYPE

from datelog.aws.http import AwsUnreachable
from datelog.configuration import Tls, configured
from datelog.login import Login, logins
from datelog.mysql.driver import ACCESS_DENIED, NO_TLS, error_number, is_encrypted, ping, tls_arguments

log = logging.getLogger(__name__)

# A connection that was in use this many seconds ago is not asked whether it lives before it is used again:
# a round trip saved on each request of a busy server. A read that meets a dead one is made again.
_TRUSTED_FOR = 1.0


class DatabaseWrapper(base.DatabaseWrapper):
    """One thread's connection to one endpoint."""

    _used_at = 0.0

    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        # Times stay the text that the server sends: what datelog answers is text again.
        params["conv"] = {**params["conv"], FIELD_TYPE.DATETIME: str, FIELD_TYPE.TIMESTAMP: str}
        params["autocommit"] = True
        params.update(tls_arguments(configured().tls, configured().tls_ca))
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect; when the login is refused, once more with what the secret says now."""
        try:
            login = logins().current()
        except AwsUnreachable as error:
            raise MySQLdb.OperationalError(ACCESS_DENIED, str(error)) from error
        try:
            return self._connect(conn_params, login)
        except MySQLdb.OperationalError as refusal:
            if error_number(refusal) != ACCESS_DENIED:
                raise
            renewed = self._renewed(login)
            if renewed is None:
                raise
            return self._connect(conn_params, renewed)

    def _connect(self, conn_params: dict[str, Any], login: Login) -> Any:
        connection = super().get_new_connection(
            {**conn_params, "user": login.user, "password": login.password}
        )
        self._used_at = time.monotonic()
        if configured().tls is not Tls.OFF and not is_encrypted(connection):
            connection.close()
            raise MySQLdb.OperationalError(
                NO_TLS, "The server does not encrypt. Only DB_TLS=off allows that."
            )
        return connection

    @staticmethod
    def _renewed(refused: Login) -> Login | None:
        try:
            return logins().after_refusal(refused)
        except AwsUnreachable as error:
            log.warning("The secret can't be read again: %s", error)
            return None

    def init_connection_state(self) -> None:
        """Send nothing: autocommit came with the handshake, and datelog's statements stand alone."""

    def is_usable(self) -> bool:
        """Tell whether the server still answers, by asking it."""
        try:
            ping(self.connection)
        except MySQLdb.Error:
            return False
        return True

    def make_usable(self) -> None:
        """Close a connection that is too old or dead, and connect where there is none: before each use."""
        now = time.monotonic()
        in_use = self.connection is not None and now - self._used_at < _TRUSTED_FOR
        if not in_use or self.errors_occurred or (self.close_at is not None and now >= self.close_at):
            self.close_if_unusable_or_obsolete()
            self.close_if_health_check_failed()
            self.ensure_connection()
        self._used_at = now
