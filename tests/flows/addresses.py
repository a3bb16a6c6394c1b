"""URLs of pages, and the outputs of the environment in the tests."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from tests.flows.web import Web, Wire

OUTPUTS = {
    "URL": "http://127.0.0.1:9/",
    "WriterEndpoint": "staging.cluster-abc.ap-northeast-1.rds.amazonaws.com",
}


def url(web: Web | Wire, name: str, *arguments: Any) -> str:
    return web.url + reverse(name, args=arguments)
