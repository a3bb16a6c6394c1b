"""Requests that are sent again, by a double click or a program: one deployment for each.

The key that comes with a request is chosen by its sender, who may choose that of somebody else. What is
stored is a keyed hash of it with the user, the operation and the object, so that nobody can occupy or reach
the request of another user, and that a second one with other values is a conflict.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from uuid import UUID

from django.db import IntegrityError
from django.utils.crypto import salted_hmac

from deployments.access.commands.requesting import CommandRequest, busy, requesting, require
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import Kind


class SentAgain:
    """The key of a request for a deployment, and the fingerprint of its values, which may contain secrets."""

    def __init__(
        self, request: CommandRequest, given: UUID, kinds: Collection[Kind], **values: object
    ) -> None:
        """Compute both. `given` is the key that came with it, and `values` are all that a sender chooses."""
        self.request, self._given, self._kinds = request, given, [kind.value for kind in kinds]
        about = [request.user.pk, request.action, *self._target(), given]
        # MariaDB's column takes only variants and versions that exist.
        self._key = UUID(bytes=_keyed("key", about)[:16], version=5)
        self._fingerprint = _keyed("values", [about, request.reason, values]).hex()

    @property
    def columns(self) -> dict[str, object]:
        """Return the columns of the deployment that the request creates."""
        return {"request_key": self._key, "request_fingerprint": self._fingerprint}

    def earlier(self) -> Deployment | None:
        """Return the deployment of the same request, sent before; None if there is none.

        Raise PermissionMissing if the user no longer has the permission, UserFixable if the values differ.
        """
        found = self._found()
        if found is None:
            return None
        require(self.request)
        if found.request_fingerprint and found.request_fingerprint != self._fingerprint:
            refusal = UserFixable("KeyReused", Code.REQUEST_KEY_REUSED, deployment=found.pk)
            self.request.record(refusal.message)
            raise refusal
        return found

    def once(self, environment: Environment, create: Callable[[], Deployment]) -> Deployment:
        """Return the deployment that the same request created before, or that `create` creates as part of it.

        Raise UserFixable if another one is changing the environment.
        """
        if before := self.earlier():
            return before
        try:
            with requesting(self.request):
                return create()
        except IntegrityError:  # the second click of a double click
            if (first := self.earlier()) is None:
                raise busy(environment) from None
            return first

    def _found(self) -> Deployment | None:
        rows = Deployment.objects.filter(requested_by=self.request.user, kind__in=self._kinds)
        if found := rows.filter(request_key=self._key).first():
            return found
        # Earlier versions of Sanso stored the key as it came, without a fingerprint.
        before = rows.filter(request_key=self._given, request_fingerprint="").select_related(
            "environment__account"
        )
        return next((one for one in before if self._is_about(one.environment)), None)

    def _target(self) -> list[object]:
        """Return the environment; of one that is to be created, the account and the name."""
        environment, account = self.request.environment, self.request.account
        if environment or not account:
            return ["environment", environment.pk if environment else 0]
        return ["new", Environment.key_for(account, self.request.name)]

    def _is_about(self, environment: Environment) -> bool:
        key = Environment.key_for(environment.account, environment.name)
        return self._target() in (["environment", environment.pk], ["new", key])


def _keyed(purpose: str, values: object) -> bytes:
    text = json.dumps(values, sort_keys=True, default=str)
    return salted_hmac(f"sanso request {purpose}", text, algorithm="sha256").digest()
