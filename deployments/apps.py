"""The app's configuration for Django."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeploymentsConfig(AppConfig):
    """Environments and their deployments."""

    name = "deployments"
    verbose_name = _("Operations")

    def ready(self) -> None:
        """Receive Django's signals of logins, which become audit records."""
        # The models can be imported from now on.
        import_module("deployments.administration.sign_ins").connect()
        import_module("deployments.connected").connect()
