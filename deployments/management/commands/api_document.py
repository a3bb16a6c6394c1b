"""Print the OpenAPI document of the API, which is kept in docs/api/openapi.json."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

from deployments.api.urls import api


class Command(BaseCommand):
    """Print the document, the same for the same code."""

    help = "Print the OpenAPI document of the API."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print it as JSON."""
        self.stdout.write(json.dumps(api.get_openapi_schema(), indent=1, ensure_ascii=False))
