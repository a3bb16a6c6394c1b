"""The app's configuration for Django."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeploymentsConfig(AppConfig):
    """Environments and their deployments."""

    name = "deployments"
    verbose_name = _("Operations")
