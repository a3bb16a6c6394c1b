"""datelog as a Django app."""

from django import db
from django.apps import AppConfig
from django.core import signals


class DatelogConfig(AppConfig):
    """Takes Django's per-request look through all connections off: database.py looks when it uses one.

    Three looks a request are a tenth of what an answer costs, and /healthz needs none.
    """

    name = "datelog"

    def ready(self) -> None:
        signals.request_started.disconnect(db.reset_queries)
        signals.request_started.disconnect(db.close_old_connections)
        signals.request_finished.disconnect(db.close_old_connections)
