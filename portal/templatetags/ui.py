"""How statuses, times and durations are shown: the one place for all pages."""

from __future__ import annotations

from django import template

register = template.Library()
