"""Credentials within texts, by their form or by the word before them: beyond what logs are redacted for.

What a log of the portal may contain is known, so `log_redaction` looks for names and values that the portal
and its libraries write. What AWS answers contains texts that anybody wrote; here too much is removed rather
than too little.
"""

from __future__ import annotations

import re

from deployments.common.rules.log_redaction import MARK, may_have, redact_text

_WORD = (
    r"(?:pass(?:word|wd|phrase|code)|pwd|secret|token|credential|api.?key|access.?key|private.?key|"
    r"signature|session.?id|external.?id|auth(?![a-z]))"
)
_NAME = rf"[\w.-]{{0,40}}{_WORD}[\w.-]{{0,40}}"
_VALUE = r"'[^']*'?|\"[^\"]*\"?|\\\"[^\"]*\"?|[^\s,;&)}\]]+"
_MIXED = r"(?=\S{0,60}[A-Z])(?=\S{0,60}[a-z])(?=\S{0,60}\d)"
_WORDS = (
    *("pass", "pwd", "secret", "token", "credential", "api", "access", "private", "signature", "session"),
    *("external", "auth"),
)
"""One of these is in each text that has a _WORD."""
_PATTERNS = tuple(
    (hints, re.compile(pattern, re.IGNORECASE if ignore_case else 0), replacement)
    for hints, pattern, replacement, ignore_case in (
        (
            ("-----begin",),
            r"-----BEGIN [A-Z0-9 ]{1,40}-----(?s:.)*?(?:-----END [A-Z0-9 ]{1,40}-----|\Z)",
            MARK,
            False,
        ),
        (("aws4-",), r"\bAWS4-HMAC-SHA256\b[^\r\n\"']*", MARK, False),
        (
            ("authorization", "cookie"),
            r"\b((?:Proxy-)?Authorization|(?:Set-)?Cookie)\b\s{0,5}[:=][^\r\n]*",
            rf"\1: {MARK}",
            True,
        ),
        (("a",), r"\b(?:A[A-Z]{3})[A-Z0-9]{12,17}\b", MARK, False),  # ids of keys, users and roles
        (  # secret keys
            ("",),
            rf"(?<![A-Za-z0-9/+]){_MIXED}[A-Za-z0-9/+]{{40}}(?![A-Za-z0-9/+=])",
            MARK,
            False,
        ),
        (("",), rf"(?<![A-Za-z0-9/+]){_MIXED}[A-Za-z0-9/+]{{80,}}={{0,2}}", MARK, False),  # session tokens
        (("eyj",), r"\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?", MARK, False),  # JSON Web Tokens
        (
            ("gh", "glpat-", "xox"),
            r"\bgh[pousr]_\w{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{12,}|\bxox[a-z]-[\w-]{8,}",
            MARK,
            False,
        ),
        (
            ("k_", "aiza", "sk-", "hvs."),
            r"\b[sr]k_(?:live|test)_\w{8,}|\bAIza[\w-]{30,}|\bsk-[\w-]{16,}|\bhvs\.[\w-]{16,}",
            MARK,
            False,
        ),
        (("hooks.",), r"\bhttps://hooks\.[\w.-]+/[^\s\"'<>]+", MARK, True),  # whose path is the credential
        (_WORDS, rf"(--?{_NAME}\s{{1,5}})(?:{_VALUE})", rf"\1{MARK}", True),
        (
            _WORDS,
            rf"\b({_NAME}[\"'\\]{{0,4}}\s{{0,5}}(?:[:=]|=>|:=)\s{{0,5}})(?:{_VALUE})",
            rf"\1{MARK}",
            True,
        ),
        (_WORDS, rf"\b({_NAME}\s{{1,5}}(?:is|was|of|to)\s{{1,5}})(?:{_VALUE})", rf"\1{MARK}", True),
        (_WORDS, rf"\b({_NAME}\s{{1,5}})(?:'[^']*'|\"[^\"]*\")", rf"\1{MARK}", True),
        (
            ("identified",),
            rf"(IDENTIFIED\s{{1,5}}(?:BY|WITH\s\S{{1,40}}\s(?:BY|AS))\s{{1,5}})(?:{_VALUE})",
            rf"\1{MARK}",
            True,
        ),
        (
            ("mysql", "mariadb"),
            r"(\b(?:mysql|mariadb)[\w-]{0,20}\s[^\r\n]{0,200}?\s?-p)[^\s-]\S*",
            rf"\1{MARK}",
            False,
        ),
    )
)
"""Words of which each text has one that a pattern changes; the pattern; what replaces its matches."""


def without_credentials(text: str) -> str:
    """Return a text without what looks like a credential."""
    for hints, pattern, replacement in _PATTERNS:
        if may_have(text, hints):
            text = pattern.sub(replacement, text)
    return redact_text(text)
