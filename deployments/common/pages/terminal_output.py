"""Terminal output as plain text: without control codes, cut to a readable length."""

from __future__ import annotations

import re

LIMIT = 64_000
"""Maximum number of characters; the end is kept, since errors are there."""

# ECMA-48: CSI … final byte; OSC … BEL or ST; other two-character escapes.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def readable(text: str) -> str:
    """Return the end of the text without colors, cursor movements and other controls."""
    lines = _ESCAPES.sub("", text).replace("\r\n", "\n").split("\n")
    shown = "\n".join(line.rsplit("\r", 1)[-1] for line in lines)  # a progress bar's last state
    return _CONTROLS.sub("", shown)[-LIMIT:]
