"""The OpenAPI document: that of django-ninja, with errors as problem+json and the headers of lists."""

from __future__ import annotations

from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from deployments.api.problems import CONTENT_TYPE

FIRST_ERROR = 400


class DocumentedApi(NinjaAPI):
    """An API whose document says what its responses are."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        """Return the document."""
        document = super().get_openapi_schema(**options)
        for operations in document["paths"].values():
            for method, operation in operations.items():
                if method == "get":
                    operation["responses"][304] = {"description": "Not Modified"}
                for status, response in operation["responses"].items():
                    if int(status) >= FIRST_ERROR and "content" in response:
                        response["content"] = {CONTENT_TYPE: response["content"].pop("application/json")}
        return document
