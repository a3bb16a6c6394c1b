"""Which targets the stand-in may send to now, in the order in which to try them."""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from portal.sandbox.backends.balancers import rules
from portal.sandbox.services.elbv2 import forwarding


@dataclass(slots=True)
class Choice:
    """The turns of one listener."""

    listener: forwarding.Listener
    turns: Counter[str] = field(default_factory=Counter)

    def action(self, request: rules.Request | None = None) -> Mapping[str, Any]:
        """Tell what is done with a request, or with a connection; nothing when the listener is gone."""
        for rule in forwarding.rules(self.listener.key):
            if not rule.conditions or (request is not None and rules.met(rule, request)):
                return rule.action
        return {}

    def targets(self, action: Mapping[str, Any]) -> list[tuple[str, int]]:
        """List the addresses of the targets that take requests, the next in turn first."""
        groups = rules.groups_of(action)
        if not groups:
            return []
        names, weights = [name for name, _weight in groups], [weight for _name, weight in groups]
        group = random.choices(names, weights if any(weights) else None)[0]  # noqa: S311 - no secret
        places = [one.place for one in forwarding.targets(self.listener.key[0], group) if one.takes]
        turn = self.turns[group] % max(1, len(places))
        self.turns[group] += 1
        return places[turn:] + places[:turn]
