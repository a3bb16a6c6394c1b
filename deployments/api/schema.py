"""The OpenAPI document: that of django-ninja, with the headers and the errors that all operations share."""

from __future__ import annotations

from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from deployments.access.api.problems import CONTENT_TYPE, Problem
from deployments.access.api.schema_parts import EXAMPLES, HEADERS, IF_NONE_MATCH, OF_EVERY_RESPONSE, OF_STATUS

FIRST_ERROR = 400
REFERENCE = "#/components/schemas/{model}"
NOT_MODIFIED, OK = 304, 200


class DocumentedApi(NinjaAPI):
    """An API whose document says what its responses are."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        """Return the document."""
        document = super().get_openapi_schema(**options)
        document["components"]["headers"] = HEADERS
        document["components"]["schemas"] |= _schemas_of_problems()
        for operations in document["paths"].values():
            for method, operation in operations.items():
                for parameter in operation["parameters"]:
                    parameter.pop("examples", None)  # django-ninja's are a list; those of the schema stay
                is_read = method == "get" and not _is_stream(operation)
                if method == "get":
                    operation["responses"][NOT_MODIFIED] = {"description": "Not Modified"}
                if is_read:
                    operation["parameters"].append(IF_NONE_MATCH)
                for status, response in operation["responses"].items():
                    _complete(int(status), response, is_read=is_read)
        return document


def _is_stream(operation: dict[str, Any]) -> bool:
    return "text/event-stream" in operation["responses"].get(OK, {}).get("content", {})


def _complete(status: int, response: dict[str, Any], *, is_read: bool) -> None:
    """Add the headers of a response, and of an error its content type and an example."""
    names = [*OF_EVERY_RESPONSE, *OF_STATUS.get(status, ())]
    if is_read and status in (OK, NOT_MODIFIED):
        names.append("ETag")
    response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    if status >= FIRST_ERROR:
        schema = {"$ref": REFERENCE.format(model=Problem.__name__)}
        response["content"] = {CONTENT_TYPE: {"schema": schema, "example": EXAMPLES[status]}}


def _schemas_of_problems() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template=REFERENCE)
    return {**schema.pop("$defs"), Problem.__name__: schema}
