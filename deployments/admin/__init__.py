"""Django's admin: accounts and users can be edited; lists of what was deployed are read-only."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from deployments.admin import users, work

__all__ = ["users", "work"]

admin.site.site_header = admin.site.site_title = "Sanso"
admin.site.index_title = _("Sanso administration")
