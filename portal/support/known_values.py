"""What a support bundle must not contain: the portal's own secrets, and the names of its owner."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DatabaseError

from deployments.call_logs.rules.placeholders import Placeholders
from deployments.call_logs.rules.redact_call import CallRedactor
from deployments.call_logs.shared.keep import placeholders_of
from deployments.common.rules.redaction import Redactor, Values, combined
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.stacks.shared import redactors

MOST_NAMES = 5000
"""Names of each kind that are recognized within texts, the newest."""


def redactor_of(deployment: Deployment | None) -> CallRedactor:
    """Return what redacts a bundle; without a deployment, placeholders differ from one bundle to the next."""
    if deployment is None:
        return redactor_with(Placeholders(secrets.token_bytes(16)))
    return redactor_with(placeholders_of(deployment), redactors.of_deployment(deployment))


def redactor_with(placeholders: Placeholders, *others: Redactor) -> CallRedactor:
    """Return what removes the portal's secrets and names as well, with these placeholders."""
    placeholders.learn(_names())
    return CallRedactor(placeholders, combined([Redactor([Values(_secrets())]), *others]))


def _secrets() -> list[str]:
    """Return the values of settings that are secret."""
    database = settings.DATABASES["default"]
    found = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS, settings.SANSO_METRICS_TOKEN]
    found += [settings.SANSO_OIDC_CLIENT_SECRET, database.get("PASSWORD") or ""]
    found += [getattr(settings, "EMAIL_HOST_PASSWORD", "") or ""]
    found.append(unquote(urlsplit(settings.REDIS_URL).password or ""))
    return [str(value) for value in found if value]


def _names() -> Iterator[str]:
    """Yield the names of this machine, and of accounts, environments and people as far as they are known."""
    yield from (socket.gethostname(), socket.getfqdn(), urlsplit(settings.SANSO_URL).hostname or "")
    yield from (host for host in settings.ALLOWED_HOSTS if host not in ("localhost", "127.0.0.1", "[::1]"))
    try:
        yield from Account.objects.values_list("name", flat=True)[:MOST_NAMES]
        newest = Environment.objects.order_by("-pk").values_list("name", "stack_name")[:MOST_NAMES]
        for name, stack_name in newest:
            yield from (name, stack_name)
        people = get_user_model().objects.order_by("-pk")
        yield from (name for row in people.values_list("username", "email")[:MOST_NAMES] for name in row)
    except DatabaseError:
        return  # accounts, ids and addresses are recognized by their form
