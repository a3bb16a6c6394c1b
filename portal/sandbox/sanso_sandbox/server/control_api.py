"""The control API under /_sanso/: versions, time scale, faults, calls, keys, machines and databases."""

import asyncio
import datetime
import json
import sys
import uuid
from collections.abc import Awaitable, Callable, Iterable
from types import ModuleType
from typing import Any, Final

import ministack.app
from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict

from sanso_sandbox.engine import (
    access_keys,
    aws_tables,
    contract,
    decisions,
    faults,
    quotas,
    rate_limits,
    readings,
    shortages,
    time_scale,
)
from sanso_sandbox.protocols import in_use
from sanso_sandbox.protocols.machines import ACTIONS
from sanso_sandbox.server import (
    call_log,
    control_requests,
    database_actions,
    fault_middleware,
    machine_actions,
)
from sanso_sandbox.server.control_requests import InvalidControlRequest, Payload
from sanso_sandbox.server.fault_middleware import Application, Receive, Scope, Send
from sanso_sandbox.services.iam import accounts

PREFIX: Final = "/_sanso/"


class ControlApi:
    """The application for the control API's paths; it forwards other requests to another application."""

    def __init__(self, application: Application, services: Iterable[ModuleType]) -> None:
        self.application = application
        self.services = list(services)
        self.instance_id = str(uuid.uuid4())
        self.started_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        self.routes: dict[tuple[str, str], Callable[[str | None, Payload, Payload], Awaitable[Any]]] = {
            ("GET", "about"): self._about,
            ("POST", "pace"): self._set_pace,
            ("GET", "faults"): self._list_faults,
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "held"): self._list_held,
            ("GET", "calls"): self._list_calls,
            ("POST", "keys"): self._issue_key,
            ("GET", "permissions"): self._list_permissions,
            ("GET", "machines"): self._list_machines,
            ("GET", "databases"): self._list_databases,
            ("POST", "databases"): self._act_on_database,
            ("GET", "quotas"): self._quotas,
            ("POST", "quotas"): self._quotas,
            ("GET", "readings"): self._readings,
            ("POST", "readings"): self._readings,
            ("GET", "shortages"): self._shortages,
            ("POST", "shortages"): self._shortages,
            ("POST", "reset"): self._reset,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request to the control API, or forward it."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self.application(scope, receive, send)
            return
        if not _has_token(scope):
            await _send(send, 401, {"error": "the token is missing or wrong"}, challenge=True)
            return
        try:
            payload = await control_requests.read_json(receive)
            status, content = 200, await self._answer(scope, control_requests.query_of(scope), payload)
        except (InvalidControlRequest, faults.BadFault, ValueError) as refused:
            status, content = 400, {"error": str(refused)}
        except KeyError as missing:
            status, content = 404, {"error": f"there is no {missing.args[0]}"}
        await _send(send, status, content)

    async def _answer(self, scope: Scope, query: Payload, payload: Payload) -> Any:
        account = control_requests.account_of(query)
        name = scope["path"].removeprefix(PREFIX).strip("/")
        if scope["method"] == "POST" and name.startswith("held/"):
            return self._decide(name.removeprefix("held/"), payload)
        if scope["method"] == "GET" and name.startswith("machines/") and name.endswith("/log"):
            key = name.removeprefix("machines/").removesuffix("/log")
            return {"log": await asyncio.to_thread(machine_actions.log, account, key)}
        if scope["method"] == "POST" and name.startswith("machines/"):
            return await asyncio.to_thread(
                machine_actions.act, account, name.removeprefix("machines/"), str(payload.get("action"))
            )
        route = self.routes.get((scope["method"], name))
        if route is None:
            raise KeyError(f"{scope['method']} {scope['path']}")
        return await route(account, query, payload)

    async def _about(self, account: str | None, query: Payload, payload: Payload) -> Payload:
        about: Payload = {
            "engine": f"MiniStack {contract.version()}",
            "pace": time_scale.current(account or ""),
            "started_at": self.started_at,
            "instance_id": self.instance_id,
            "tables": aws_tables.dated(),
        }
        return about | in_use.backends().about()

    async def _issue_key(self, account: str | None, query: Payload, payload: Payload) -> Payload:
        name = payload.get("name", "script")
        if account is None or name not in access_keys.ISSUED_ON_REQUEST:
            raise InvalidControlRequest(
                f"a key is issued for an account, to one of {', '.join(access_keys.ISSUED_ON_REQUEST)}"
            )
        if name == access_keys.PORTAL:
            accounts.prepare(account, control_requests.external_id_of(payload))
        key = access_keys.keyring().issue(account, name)
        return {
            "account": key.account,
            "name": key.name,
            "access_key_id": key.id,
            "secret_access_key": key.secret,
        }

    async def _set_pace(self, account: str | None, query: Payload, payload: Payload) -> Payload:
        scale = payload.get("pace")
        if isinstance(scale, bool) or not isinstance(scale, int | float):
            raise InvalidControlRequest('a time scale is set by {"pace": number}')
        time_scale.change(float(scale), account)
        return {"pace": time_scale.current(account or "")}

    async def _list_faults(self, account: str | None, query: Payload, payload: Payload) -> Payload:
        return faults.of(account).as_dict()

    async def _add_faults(self, account: str | None, query: Payload, payload: Payload) -> Payload:
        faults.merge(account, payload)
        return faults.of(account).as_dict()

    async def _clear_faults(self, account: str | None, query: Payload, payload: Payload) -> Payload:
        faults.clear(account)
        return faults.of(account).as_dict()

    async def _list_held(self, account: str | None, query: Payload, payload: Payload) -> list[Payload]:
        return [
            waiting.as_dict(key)
            for key, waiting in fault_middleware.held.items()
            if account in (None, waiting.call.account)
        ]

    def _decide(self, key: str, payload: Payload) -> Payload:
        decision = payload.get("action")
        if decision not in ("release", "drop"):
            raise InvalidControlRequest(
                'a held request is answered with {"action": "release"} or {"action": "drop"}'
            )
        if key not in fault_middleware.held:
            raise KeyError(f"held request {key}")
        waiting = fault_middleware.held.pop(key)
        if not waiting.decision.done():
            waiting.decision.set_result(decision)
        return {"id": key, "action": decision}

    async def _list_calls(self, account: str | None, query: Payload, payload: Payload) -> Payload:
        since = control_requests.since_of(query)
        return {"calls": [entry.as_dict() for entry in call_log.read(since, account)]}

    async def _list_permissions(self, account: str | None, query: Payload, payload: Payload) -> Payload:
        return {"decisions": decisions.read(account)}

    async def _list_machines(self, account: str | None, query: Payload, payload: Payload) -> Payload:
        listed = await asyncio.to_thread(machine_actions.describe, account)
        return {"machines": listed, "actions": list(ACTIONS)}

    async def _list_databases(self, account: str | None, query: Payload, payload: Payload) -> Payload:
        return {"databases": database_actions.describe(account), "actions": list(database_actions.ACTIONS)}

    async def _act_on_database(self, account: str | None, query: Payload, payload: Payload) -> Payload:
        cluster, action = str(payload.get("cluster")), str(payload.get("action"))
        return await asyncio.to_thread(database_actions.act, account, cluster, action)

    async def _quotas(self, account: str | None, query: Payload, payload: Payload) -> Payload:
        owner = control_requests.required(account)
        quotas.change(owner, payload)
        return dict(quotas.limits(owner))

    async def _readings(self, account: str | None, query: Payload, payload: Payload) -> Payload:
        owner = control_requests.required(account)
        readings.change(owner, payload)
        return dict(readings.of(owner))

    async def _shortages(self, account: str | None, query: Payload, payload: Payload) -> Payload:
        owner = control_requests.required(account)
        shortages.change(owner, payload)
        return dict(shortages.of(owner))

    async def _reset(self, account: str | None, query: Payload, payload: Payload) -> Payload:
        for service in self.services:
            if hasattr(service, "reset"):
                service.reset(account)
        if account is None:
            ministack.app._reset_all_state()
        else:
            forget_account(account)
        for settings in (quotas, rate_limits, readings, shortages):
            settings.reset(account)
        accounts.reset(account)
        faults.clear(account)
        call_log.forget(account)
        return {"reset": account or "all"}


def forget_account(account: str) -> None:
    """Remove all data of an account from MiniStack's stores that are keyed by account."""
    for name, module in list(sys.modules.items()):
        if not name.startswith("ministack."):
            continue
        for store in list(vars(module).values()):
            if isinstance(store, AccountScopedDict | AccountRegionScopedDict):
                for key in [key for key in list(store._data) if key[0] == account]:
                    store._data.pop(key, None)


def _has_token(scope: Scope) -> bool:
    """Return whether a request has the token in its Authorization header, as in RFC 6750."""
    given = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"authorization"]
    scheme, _space, token = (given[0] if len(given) == 1 else "").partition(" ")
    return scheme.lower() == "bearer" and access_keys.keyring().accepts(token.strip())


async def _send(send: Send, status: int, content: Any, *, challenge: bool = False) -> None:
    body = json.dumps(content).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(b"www-authenticate", b"Bearer")] if challenge else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
