"""Sentences about servers that associations of two environments match: of forms, previews and the log."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.cloudformation.server_associations import CATCHING, CAUGHT, CaughtServers

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CaughtNote:
    """The sentences of a form. `digest` is sent with it: it changes when another pair shares tags."""

    sentences: tuple[str, ...]
    digest: str

    @classmethod
    def of(cls, found: Sequence[CaughtServers]) -> CaughtNote | None:
        """Return the note; None if nothing is shared."""
        if not found:
            return None
        keys = "\n".join(sorted(f"{one.code} {one.key}" for one in found))
        return cls(tuple(map(sentence, found)), hashlib.sha256(keys.encode()).hexdigest()[:16])


def sentence(found: CaughtServers) -> str:
    """Return the sentence about an association and the servers that it would configure, too."""
    return CAUGHT_EVENTS[found.code](found.values)


def _caught(values: Values) -> str:
    whose = _("of environment %(environments)s") % values if values["environments"] else _("of others")
    return ngettext(
        "The targets of association %(association)s, %(tags)s, also match %(count)d server %(whose)s: "
        "%(servers)s. The association would configure it, too.",
        "The targets of association %(association)s, %(tags)s, also match %(count)d servers %(whose)s: "
        "%(servers)s. The association would configure them, too.",
        int(values["count"]),
    ) % {**values, "whose": whose}


def _catching(values: Values) -> str:
    whose = (
        _("of environment %(environments)s") % values
        if values["environments"]
        else _("of another environment")
    )
    return _(
        "The targets of association %(association)s %(whose)s, %(tags)s, also match the servers that this "
        "environment launches: %(servers)s. That association would configure them, too."
    ) % {**values, "whose": whose}


CAUGHT_EVENTS: dict[str, Callable[[Values], str]] = {CAUGHT: _caught, CATCHING: _catching}
