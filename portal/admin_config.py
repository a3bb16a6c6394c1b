"""Django's admin, with a site that uses grants instead of Django's permissions."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig


class AdminConfig(DjangoAdminConfig):
    """The admin with Sanso's site: https://docs.djangoproject.com/en/5.2/ref/contrib/admin/#overriding-the-default-admin-site."""

    default_site = "portal.admin_site.SansoAdminSite"
