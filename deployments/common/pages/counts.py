"""Counts of resources, stacks, objects and checks as texts."""

from __future__ import annotations

from django.utils.translation import ngettext


def resources(number: int) -> str:
    """Return a count of resources as text."""
    return ngettext("%(count)d resource", "%(count)d resources", number) % {"count": number}


def stacks(number: int) -> str:
    """Return a count of stacks as text."""
    return ngettext("%(count)d stack", "%(count)d stacks", number) % {"count": number}


def objects(number: int) -> str:
    """Return a count of objects in a bucket as text."""
    return ngettext("%(count)d object", "%(count)d objects", number) % {"count": number}


def checks(number: int) -> str:
    """Return a count of checks as text."""
    return ngettext("%(count)d check", "%(count)d checks", number) % {"count": number}
