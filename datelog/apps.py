"""datelog as a Django app."""

from django import db
from django.apps import AppConfig
from django.core import signals


class DatelogConfig(AppConfig):
    """Removes Django's checks of all connections before and after each request.

    database.py checks the connection that it uses. The three checks cost a tenth of a request, and /healthz
    needs no connection.
    """

    name = "datelog"

    def ready(self) -> None:
        signals.request_started.disconnect(db.reset_queries)
        signals.request_started.disconnect(db.close_old_connections)
        signals.request_finished.disconnect(db.close_old_connections)
