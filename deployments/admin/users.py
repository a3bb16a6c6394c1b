"""Users and groups, with plain lists of permissions: screen readers do not read the labels of Django's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User

from deployments.admin.recorded import RecordedAdmin

if TYPE_CHECKING:
    Users = DjangoUserAdmin[User]
else:  # generic for type checkers only
    Users = DjangoUserAdmin

admin.site.unregister([User, Group])


@admin.register(User)
class UserAdmin(RecordedAdmin, Users):
    """Users. The times of their login and their creation are only shown."""

    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined")


@admin.register(Group)
class GroupAdmin(RecordedAdmin, DjangoGroupAdmin):
    """Groups of users."""

    filter_horizontal = ()
