"""Django's admin: accounts can be edited; everything else is read-only."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from deployments.admin import audit, freeze, health, releases, template_sets, users, work

__all__ = ["audit", "freeze", "health", "releases", "template_sets", "users", "work"]

admin.site.site_header = admin.site.site_title = "Sanso"
admin.site.index_title = _("Sanso administration")
