"""Icons: references to the symbols that every page has (portal/templates/_icons.html)."""

from __future__ import annotations

from functools import lru_cache

from django.utils.safestring import SafeString


@lru_cache(maxsize=64)
def icon(name: str) -> SafeString:
    """Return an icon by the name of its symbol. It has no text: what is beside it says what it means."""
    return SafeString(f'<svg class="i" aria-hidden="true"><use href="#i-{name}"></use></svg>')
