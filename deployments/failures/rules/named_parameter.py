"""The template parameter that a cause names, in whose field a form puts the cursor."""

from __future__ import annotations

import re
from collections.abc import Collection

from deployments.failures.rules.cause import RecognizedCause

_IN_REASON = ("name", "names", "parameter")
"""The named groups of signatures that can hold names of parameters."""


def named_parameter(known: RecognizedCause | None, declared: Collection[str]) -> str:
    """Return the parameter that AWS's reason names, else the first that fits the cause; "" for none.

    Args:
        known: the recognized cause, None without one.
        declared: the names of the template's parameters, in its order.
    """
    if known is None:
        return ""
    for group in _IN_REASON:
        for found in re.finditer(r"\w+", known.values.get(group, "")):
            if found[0] in declared:
                return found[0]
    pattern = known.cause.parameter
    if not pattern:
        return ""
    return next((name for name in declared if re.search(pattern, name, re.IGNORECASE)), "")
