"""What a web process loads before its first request."""

from __future__ import annotations

from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.template.loader import get_template
from django.urls import reverse
from django.utils import translation

from portal.template_loader import page_templates


def preload() -> None:
    """Import all views, read the translations and compile all templates."""
    reverse("home")  # resolves all URLs, which imports every view
    for language, _ in settings.LANGUAGES:
        with translation.override(language):  # reads its catalog
            pass
    folder = Path(apps.get_app_config("portal").path) / "templates"
    for file in sorted(folder.rglob("*.html")):
        get_template(file.relative_to(folder).as_posix())
    for name in page_templates():
        get_template(name)
