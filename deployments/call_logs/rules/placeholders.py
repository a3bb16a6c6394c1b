"""Placeholders for what identifies an AWS account and its owner: the same input has the same placeholder.

A placeholder is computed from the value and a key, so that nothing must be stored to find it again, and
nobody without the key can test a guess. It has the form of what it replaces: ARNs, ids and addresses are read
as before.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import uuid
from base64 import b32encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

MIN_NAME = 3
"""Shorter names are not replaced within texts: they occur by chance."""
MAX_NAMES = 20_000
_COMMON = frozenset({"default", "main", "aws", "amazon", "root", "none", "all", "true", "false", "self"})
"""Names that are also words of AWS's."""
MAX_PARTS = 12
"""Parts of a token, separated by hyphens and the like, that are tried as one name."""
_NAME = re.compile(r"(?:name-[a-z2-7]{8}|\*{4})")
_EDGE, _END = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"
_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_STRUCTURED = re.compile(
    r"(?P<url>\bhttps?://[^\s\"'<>\\]+)"
    r"|(?P<arn>\barn:aws[\w-]*:[\w-]*:[\w-]*:\w*:[^\s\"'<>,;)\]}\\]+)"
    rf"|(?P<host>{_EDGE}[A-Za-z0-9_-]{{1,63}}(?:\.[A-Za-z0-9_-]{{1,63}}){{0,10}}\.(?:amazonaws\.com(?:\.cn)?|"
    rf"compute\.internal|ec2\.internal)){_END}"
    rf"|(?P<email>{_EDGE}[\w.+-]{{1,64}}@[\w-]{{1,63}}(?:\.[\w-]{{1,63}}){{1,8}})"
)
_SIMPLE = re.compile(
    rf"{_EDGE}(?:(?P<uuid>{_UUID})"
    r"|(?P<id>[a-z]{1,10}(?:-[a-z]{1,10})?-(?:[0-9a-f]{17}|[0-9a-f]{8}))"
    r"|(?P<resource>(?:cluster|db)-[A-Z0-9]{20,32})"
    r"|(?P<account>\d{12})"
    r"|(?P<dashed>ip-\d{1,3}-\d{1,3}-\d{1,3}-\d{1,3})"
    r"|(?P<mac>[0-9a-f]{2}(?::[0-9a-f]{2}){5})"
    r"|(?P<hexadecimal>[0-9a-fA-F]{16,128})"
    rf"|(?P<ipv4>\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?:/\d{{1,2}})?)){_END}"
    r"|(?P<ipv6>(?<![\w:.])[0-9a-fA-F:]{0,40}:[0-9a-fA-F:.]{0,40}(?:/\d{1,3})?(?![\w:]))"
)
_TOKEN = re.compile(r"[A-Za-z0-9]+(?:[-_.@]+[A-Za-z0-9]+)*")
_SEPARATORS = re.compile(r"([-_.@]+)")
_REGION = re.compile(r"[a-z]{2,3}(?:-[a-z]+)+-\d[a-z]?")
_KEPT_LABELS = frozenset(
    (
        *("amazonaws", "com", "cn", "api", "aws", "elb", "rds", "s3", "ec2", "compute", "internal", "proxy"),
        *("cloudformation", "autoscaling", "ssm", "sts", "logs", "monitoring", "tagging", "cloudtrail"),
        *("elasticloadbalancing", "lambda", "iam", "events", "sns", "sqs", "secretsmanager", "dualstack"),
    )
)
_KEPT_SEGMENTS = frozenset(
    (
        *(
            "stack",
            "changeSet",
            "loadbalancer",
            "net",
            "app",
            "gwy",
            "targetgroup",
            "listener",
            "listener-rule",
        ),
        *(
            "role",
            "assumed-role",
            "user",
            "root",
            "instance-profile",
            "policy",
            "function",
            "layer",
            "cluster",
        ),
        *("db", "subgrp", "cluster-pg", "pg", "snapshot", "cluster-snapshot", "auto-backup", "secret", "key"),
        *(
            "autoScalingGroup",
            "autoScalingGroupName",
            "launch-template",
            "instance",
            "vpc",
            "subnet",
            "image",
        ),
        *(
            "security-group",
            "network-interface",
            "elastic-ip",
            "natgateway",
            "internet-gateway",
            "route-table",
        ),
        *("log-group", "log-stream", "aws", "lambda", "rds", "document", "association", "managed-instance"),
        *("certificate", "parameter", "alias", "service-role", "aws-service-role", "*", ""),
    )
)
_EVERYWHERE = frozenset({"0.0.0.0", "255.255.255.255", "169.254.169.254", "::", "::1"})  # noqa: S104  # compared


@dataclass(slots=True)
class Placeholders:
    """Replace accounts, ids, addresses and names, also the names that were learned, within texts.

    `names` are single words; `phrases` have spaces, or other than ASCII letters.
    """

    key: bytes
    names: set[str] = field(default_factory=set)
    phrases: set[str] = field(default_factory=set)

    def learn(self, names: Iterable[str]) -> list[str]:
        """Recognize more names from now on, and return those that are new."""
        new = [name for name in names if self._is_name(name)][: MAX_NAMES - len(self.names)]
        self.names.update(name for name in new if _TOKEN.fullmatch(name))
        self.phrases.update(name for name in new if not _TOKEN.fullmatch(name))
        return new

    def _is_name(self, name: str) -> bool:
        known = name in self.names or name in self.phrases
        has_form = _NAME.fullmatch(name) or _STRUCTURED.fullmatch(name) or _SIMPLE.fullmatch(name)
        return len(name) >= MIN_NAME and not (known or has_form or name.lower() in _COMMON)

    def text(self, text: str) -> str:
        """Return a text with placeholders."""
        return _replaced(text, _STRUCTURED, self._structured, self._unstructured)

    def value(self, text: str) -> str:
        """Return the placeholder of a value that is a name as a whole, or an ARN, an id or an address."""
        if not text or _STRUCTURED.fullmatch(text) or _SIMPLE.fullmatch(text):
            return self.text(text)
        return self.name(text)

    def name(self, name: str) -> str:
        """Return the placeholder of a name, that of a placeholder is itself."""
        return name if _NAME.fullmatch(name) else f"name-{self._letters(name, 8).lower()}"

    def account(self, number: str) -> str:
        """Return the placeholder of an account id: twelve digits, of which the first are zeros."""
        return f"000{self._number(number) % 10**9:09d}"

    def _structured(self, found: re.Match[str]) -> str:
        whole = found[0]
        kind = found.lastgroup
        if kind == "arn":
            return self._arn(whole)
        if kind == "url":
            return self._url(whole)
        if kind == "email":
            return f"{self.name(whole)}@example.com"
        return self._host(whole)

    def _arn(self, arn: str) -> str:
        *first, account, resource = arn.split(":", 5)
        if account == "aws":  # a policy of AWS
            return arn
        own = self.account(account) if account.isdigit() else account
        parts = re.split(r"([/:])", resource)
        return ":".join((*first, own, "".join(self._segment(part) for part in parts)))

    def _segment(self, part: str) -> str:
        if part in _KEPT_SEGMENTS or part in "/:" or part.startswith(("AWS-", "AWS::")) or part.isdigit():
            return self.account(part) if re.fullmatch(r"\d{12}", part) else part
        return self.value(part)

    def _url(self, url: str) -> str:
        """Return a URL without credentials and query: a signature may be in any parameter."""
        address, query, _ = url.partition("?")
        scheme, _, rest = address.partition("://")
        host, slash, path = rest.partition("/")
        host, colon, port = host.rpartition("@")[2].partition(":")
        kept = host in ("docs.aws.amazon.com", "localhost") or host.startswith("127.")
        is_aws = re.search(r"\.amazonaws\.com(\.cn)?$", host)
        own = host if kept else self._host(host) if is_aws else f"{self.name(host)}.example.com"
        segments = path if kept else "/".join(self.value(one) if one else "" for one in path.split("/"))
        return f"{scheme}://{own}{colon}{port}{slash}{segments}{'?****' if query else ''}"

    def _host(self, host: str) -> str:
        return ".".join(
            one if one.lower() in _KEPT_LABELS or _REGION.fullmatch(one) else self.value(one)
            for one in host.split(".")
        )

    def _unstructured(self, text: str) -> str:
        pieces, done = [], 0
        for start, end in self._names_in(text):
            pieces += [_SIMPLE.sub(self._simple, text[done:start]), self.name(text[start:end])]
            done = end
        return "".join((*pieces, _SIMPLE.sub(self._simple, text[done:])))

    def _names_in(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the positions of known names, the longest at each place, as whole words."""
        phrases = [phrase for phrase in self.phrases if phrase in text]
        spans = [(at, at + len(phrase)) for phrase in phrases for at in _positions(phrase, text)]
        for token in _TOKEN.finditer(text) if self.names else ():
            parts = _SEPARATORS.split(token[0])
            first, at = 0, token.start()
            while first < len(parts):
                length = self._longest(parts[first : first + MAX_PARTS])
                if length:
                    spans.append((at, at + len("".join(parts[first : first + length]))))
                step = length or 1
                at += len("".join(parts[first : first + step]))
                first += step
        done = 0
        for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
            if start >= done:
                yield start, end
                done = end

    def _longest(self, parts: list[str]) -> int:
        """Return how many of the parts, from the first on, are a known name; 0 if none are."""
        for length in range(len(parts) - (len(parts) + 1) % 2, 0, -2):
            if "".join(parts[:length]) in self.names:
                return length
        return 0

    def _simple(self, found: re.Match[str]) -> str:
        whole, kind = found[0], found.lastgroup
        if kind == "uuid":
            return str(uuid.UUID(bytes=self._digest(whole.lower())[:16], version=4))
        if kind == "id":
            prefix, _, digits = whole.rpartition("-")
            return f"{prefix}-{self._hexadecimal(whole, len(digits))}"
        if kind == "resource":
            prefix, _, letters = whole.partition("-")
            return f"{prefix}-{self._letters(whole, len(letters))}"
        if kind == "account":
            return self.account(whole)
        if kind == "hexadecimal":
            return whole if whole.isdigit() else self._hexadecimal(whole, len(whole))
        if kind == "mac":
            return ":".join(("02", *(f"{one:02x}" for one in self._digest(whole)[:5])))
        if kind == "dashed":
            return f"ip-{self._address(whole[3:].replace('-', '.')).replace('.', '-')}"
        return self._address(whole)

    def _address(self, whole: str) -> str:
        """Return the placeholder of an IPv4 or IPv6 address, or of a network; other texts as they are."""
        text, slash, length = whole.partition("/")
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return whole
        if text in _EVERYWHERE or address.is_loopback:
            return whole
        number = self._number(str(address))
        # 240.0.0.0/4 is reserved, 2001:db8::/32 is for documentation: neither is anybody's.
        first = 0xF0000000 | number & 0x0FFFFFFF if address.version == 4 else 0x20010DB8 << 96 | number
        own = ipaddress.ip_address(first) if address.version == 4 else ipaddress.IPv6Address(first)
        if not slash or int(length) > address.max_prefixlen:
            return str(own)
        return str(ipaddress.ip_network(f"{own}/{length}", strict=False))

    def _hexadecimal(self, value: str, length: int) -> str:
        return (self._digest(value).hex() * 3)[:length]

    def _letters(self, value: str, length: int) -> str:
        return b32encode(self._digest(value)).decode()[:length]

    def _number(self, value: str) -> int:
        return int.from_bytes(self._digest(value)[:8], "big")

    def _digest(self, value: str) -> bytes:
        return hmac.digest(self.key, value.encode("utf-8", "surrogatepass"), "sha256")


def _positions(name: str, text: str) -> Iterator[int]:
    return (found.start() for found in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text))


def _replaced(
    text: str,
    pattern: re.Pattern[str],
    of_match: Callable[[re.Match[str]], str],
    of_rest: Callable[[str], str],
) -> str:
    """Return a text with its matches replaced by one function, and what is between them by another."""
    pieces, done = [], 0
    for found in pattern.finditer(text):
        pieces += [of_rest(text[done : found.start()]), of_match(found)]
        done = found.end()
    return "".join((*pieces, of_rest(text[done:])))
