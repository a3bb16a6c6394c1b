"""Numbers of resources, stacks, objects and checks, in words."""

from __future__ import annotations

from django.utils.translation import ngettext


def resources(number: int) -> str:
    """Return a number of resources in words."""
    return ngettext("%(count)d resource", "%(count)d resources", number) % {"count": number}


def stacks(number: int) -> str:
    """Return a number of stacks in words."""
    return ngettext("%(count)d stack", "%(count)d stacks", number) % {"count": number}


def objects(number: int) -> str:
    """Return a number of objects in a bucket in words."""
    return ngettext("%(count)d object", "%(count)d objects", number) % {"count": number}


def checks(number: int) -> str:
    """Return a number of checks in words."""
    return ngettext("%(count)d check", "%(count)d checks", number) % {"count": number}
