"""Git over smart HTTP: verified TLS, checked addresses, no other host, no proxy, no dumb protocol."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import urllib3
from dulwich.client import Urllib3HttpGitClient
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from deployments.common.addresses import TIMEOUT, connect
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.template_sets.rules.paths import printable
from deployments.template_sets.sources.remote import Meter, Repository, failed, repository_missing
from deployments.template_sets.sources.spec import FetchSpec
from deployments.template_sets.sources.urls import Url, check_url, without_credentials

_REDIRECTS = 3


def repository(url: Url, spec: FetchSpec) -> Repository:
    """Return the repository at an address."""
    meter = Meter()
    return Repository(_Client(url, spec, meter), url, meter, spec.limits)


class _Client(Urllib3HttpGitClient):
    """dulwich's client with our connections, which reports what the status of an answer means."""

    def __init__(self, url: Url, spec: FetchSpec, meter: Meter) -> None:
        token = spec.credentials.get("token")
        super().__init__(
            str(url),
            pool_manager=_Connections(url, spec.addresses),
            username=spec.credentials.get("username") or "git" if token else None,
            password=token,
            timeout=TIMEOUT,
            thin_packs=False,
        )
        self._url, self._meter = url, meter

    def _http_request(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        data: bytes | Iterator[bytes] | None = None,
        raise_for_status: bool = True,
    ) -> tuple[Any, Callable[[int], bytes]]:
        response, read = super()._http_request(url, headers, data, raise_for_status=False)
        if response.status in (401, 403):
            raise UserFixable("SourceRefused", Code.SOURCE_LOGIN_REJECTED, "token", host=self._url.host)
        if response.status in (404, 410):
            raise repository_missing(self._url)
        if response.status != 200:
            raise failed(f"{self._url.host} answered with the status {response.status}")
        content_type = response.headers.get("Content-Type", "")
        if data is None and not content_type.startswith("application/x-git-upload-pack-advertisement"):
            raise UserFixable("SourceRefused", Code.SOURCE_NOT_GIT, "url", url=self._url)
        return response, self._meter.reading(read)


class _Connections(urllib3.PoolManager):
    """Connections to one host, and only to addresses that are allowed. Proxies are not used."""

    def __init__(self, url: Url, networks: tuple[str, ...]) -> None:
        # Certificate authorities are those of the system or of SSL_CERT_FILE:
        # https://docs.python.org/3/library/ssl.html#ssl.SSLContext.load_default_certs
        super().__init__(
            headers={"User-Agent": "git/sanso", "Accept-Encoding": "identity"},
            ssl_context=ssl.create_default_context(),
            timeout=urllib3.Timeout(TIMEOUT),
            retries=urllib3.Retry(total=_REDIRECTS, connect=0, read=0, status=0, other=0),
        )
        self._url = url

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return connect(url.host, url.port, networks, is_plain=True)

        class Encrypted(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return connect(url.host, url.port, networks)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class EncryptedPool(HTTPSConnectionPool):
            ConnectionCls = Encrypted

        self.pool_classes_by_scheme = {"http": PlainPool, "https": EncryptedPool}

    def urlopen(  # type: ignore[override]  # PoolManager overrides it in the same way
        self, method: str, url: str, redirect: bool = True, **kw: Any
    ) -> Any:
        """Make a request. It is also called for each redirect, and refuses one to elsewhere."""
        if url.partition("?")[0] != str(self._url):
            try:
                place = check_url(url.partition("?")[0])
            except UserFixable:
                place = Url(scheme="", path="")
            if (place.scheme, place.host, place.port) != (self._url.scheme, self._url.host, self._url.port):
                where = printable(without_credentials(url) or "?")
                raise UserFixable("SourceRefused", Code.SOURCE_REDIRECTED, "url", url=where)
        return super().urlopen(method, url, redirect, **kw)
