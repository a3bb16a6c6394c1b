"""HAProxy's configuration for the existing listeners: TCP for network load balancers, HTTP for others.

Targets are in numbered slots of a backend, so that the runtime API can add, drain and remove them. Only a
changed listener or rule requires a reload, which drops no connection either. Pure, except for file names.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sanso_sandbox.backends.balancers import error_pages, redirects
from sanso_sandbox.backends.balancers.listeners import ServedListener
from sanso_sandbox.backends.balancers.rules import expression, groups_of
from sanso_sandbox.protocols.balancers import Address, Condition, Rule, Target

LEAST_SLOTS = 8
CONNECT = 3  # seconds for connecting to a target
FIND_ANOTHER = 2.0 * CONNECT  # seconds for a request in flight to a removed target to find another one
HEAD = 60  # seconds for a client to send the headers of a request
UNREACHED = 10  # seconds until an application load balancer gives up connecting to a target
GIVE_UP = 127  # seconds until a client on Linux gives up connecting (tcp_syn_retries of tcp(7))
LINGER = 120  # seconds until a process that was replaced by a reload ends its connections

START = f"""\
global
    stats socket unix@runtime.sock mode 600 level admin expose-fd listeners
    hard-stop-after {LINGER}s
defaults
    timeout connect {CONNECT}s
    timeout queue 1s
    timeout http-request {HEAD}s
    timeout tunnel 1h
    retries 3
    option redispatch 1
    option http-server-close
    option idle-close-on-response
    errorfile 400 400.http
    errorfile 408 400.http
    errorfile 500 502.http
    errorfile 502 502.http
    errorfile 503 502.http
    errorfile 504 504.http
"""
# HAProxy's 503 when no target accepts the connection is ELB's 502. Without targets, it is a 503 in both.
ERROR_FILES = {f"{code}.http": error_pages.response(code) for code in (400, 502, 504)}


@dataclass(frozen=True, slots=True)
class Slot:
    """A server of a backend, with or without a target."""

    target: Target | None = None
    left: float | None = None  # when its target was removed; requests in flight find another one

    def line(self, number: int, silent: Address) -> str:
        """Return the slot's line in the configuration."""
        if self.target is None:
            return f"    server s{number} 127.0.0.1:1 disabled"
        host, port = address_of(self.target, silent)
        return f"    server s{number} {host}:{port} weight {int(self.target.takes)}"


def address_of(target: Target, silent: Address) -> Address:
    """Return the address to which requests for a target are sent."""
    return target.address if target.reached else silent


@dataclass(slots=True)
class Backend:
    """A target group with a protocol and an idle timeout."""

    name: str
    http: bool
    idle: int
    silent: Address  # what stands for targets that no connection reaches
    slots: list[Slot] = field(default_factory=list)

    def assign(self, targets: Sequence[Target], now: float) -> bool:
        """Assign targets to slots, keeping earlier assignments; return whether there were enough slots.

        The slot of a removed target that took requests stays empty for a while: HAProxy may be about to retry
        a request on another target, and a request that is ended in this state gets no response.
        """
        present = {target.name: target for target in targets}
        for number, slot in enumerate(self.slots):
            self.slots[number] = _next(slot, present, now)
        free = [number for number, slot in enumerate(self.slots) if slot == Slot()]
        enough = len(present) <= len(free)
        missing = max(0, len(present) - len(free), LEAST_SLOTS - len(self.slots))
        free += range(len(self.slots), len(self.slots) + missing)
        self.slots += [Slot()] * missing
        for number, target in zip(free, present.values(), strict=False):
            self.slots[number] = Slot(target)
        return enough

    def lines(self) -> Iterator[str]:
        """Yield the backend's lines."""
        yield f"backend {self.name}"
        yield f"    mode {'http' if self.http else 'tcp'}"
        yield f"    timeout server {self.idle}s"
        if self.http:
            yield "    retry-on conn-failure"
            yield f"    http-request return {_page(503)} if {{ nbsrv({self.name}) eq 0 }}"
        for number, slot in enumerate(self.slots):
            yield slot.line(number, self.silent)


def _next(slot: Slot, present: dict[str, Target], now: float) -> Slot:
    """Return the next state of a slot; the target that stays in it is removed from `present`."""
    if slot.target is None:
        return Slot() if slot.left is None or now >= slot.left + FIND_ANOTHER else slot
    target = present.pop(slot.target.name, None)
    if target is None and slot.target.takes:
        return Slot(left=now)
    return Slot(target)


def silent(http: Address, tcp: Address) -> Iterator[str]:
    """Yield the lines of what stands for targets that no connection reaches.

    Connecting to them takes the time after which an application load balancer responds with 504, or the
    client of a network load balancer gives up.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
    """
    yield "listen silent_http"
    yield "    mode http"
    yield f"    bind {http[0]}:{http[1]}"
    yield f"    tcp-request inspect-delay {UNREACHED}s"
    yield "    tcp-request content accept if WAIT_END"
    yield f"    http-request return {_page(504)}"
    yield "listen silent_tcp"
    yield "    mode tcp"
    yield f"    bind {tcp[0]}:{tcp[1]}"
    yield from _blocking(100)


def _blocking(share: int) -> Iterator[str]:
    """Yield the lines that leave a share of connections without any response, as if no packet arrived."""
    if share:
        yield "    tcp-request connection set-var(sess.chance) rand(100)"
        yield f"    tcp-request inspect-delay {GIVE_UP}s"
        yield f"    tcp-request content reject if {{ var(sess.chance) -m int lt {share} }} WAIT_END"


def backend_name(group: str, listener: ServedListener) -> str:
    """Return the name of a target group's backend behind a listener."""
    kind = "http" if listener.speaks_http else "tcp"
    return f"{kind}_{_short(f'{listener.key[0]} {group} {listener.listener.idle}')}"


def frontend(listener: ServedListener, rules: Sequence[Rule]) -> Iterator[str]:
    """Yield the lines of a listener with its rules."""
    name = _short(f"{listener.key[0]} {listener.key[1]}")
    encryption = f" ssl crt {certificate_file(listener)} alpn h2,http/1.1" if listener.encrypted else ""
    yield f"frontend l_{name}"
    yield f"    mode {'http' if listener.speaks_http else 'tcp'}"
    yield f"    bind {listener.address.host}:{listener.port}{encryption}"
    yield f"    timeout client {listener.listener.idle}s"
    yield from _blocking(listener.listener.blocked)
    if not listener.speaks_http:
        yield from _forward(listener, rules[-1].action if rules else {}, "")
        return
    yield f"    timeout http-keep-alive {listener.listener.idle}s"
    yield from _forwarded(listener)
    unmet = "!{ var(txn.rule) -m found }"
    for number, rule in enumerate(rules):
        met = "".join(f" {_acl(condition)}" for condition in rule.conditions)
        yield f"    http-request set-var(txn.rule) int({number}) if {unmet}{met}"
    actions = [
        line
        for number, rule in enumerate(rules)
        for line in _act(listener, rule.action, f"{{ var(txn.rule) -m int {number} }}")
    ]
    yield from sorted(actions, key=lambda line: "use_backend" in line)  # HAProxy evaluates use_backend last


def certificate_file(listener: ServedListener) -> str:
    """Return the name of the file with a listener's certificate."""
    return f"{_short(f'{listener.key[1]} {listener.listener.certificate}')}.pem"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _quoted(text: str) -> str:
    """Quote for HAProxy; characters that end the line become spaces."""
    flat = text.replace("\n", " ").replace("\r", " ").replace("\0", " ")
    return "'" + flat.replace("'", "'\\''") + "'"


def _forwarded(listener: ServedListener) -> Iterator[str]:
    """Append the client to X-Forwarded-For; set the headers with the protocol and port that it used.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html
    """
    yield "    http-request set-var(txn.for) req.fhdr(x-forwarded-for)"
    present = "{ var(txn.for) -m len gt 0 }"
    yield f"    http-request set-header X-Forwarded-For '%[var(txn.for)], %[src]' if {present}"
    yield f"    http-request set-header X-Forwarded-For %[src] unless {present}"
    yield f"    http-request set-header X-Forwarded-Proto {listener.listener.protocol.lower()}"
    yield f"    http-request set-header X-Forwarded-Port {listener.listener.port}"


def _acl(condition: Condition) -> str:
    anywhere = [_quoted(expression(pattern)) for pattern in condition.patterns]
    match condition.field:
        case "path-pattern":
            fetch = "path -m reg"
        case "host-header":
            fetch = "req.hdr(host),field(1,:) -m reg -i"
        case "http-header":
            fetch = f"req.hdr({_token(condition.header)}) -m reg -i"
        case "source-ip":
            fetch, anywhere = "src", [_quoted(pattern) for pattern in condition.patterns]
        case _:
            fetch, anywhere = "method", [_quoted(pattern) for pattern in condition.patterns]
    return f"{{ {fetch} {' '.join(anywhere)} }}"


def _token(name: str) -> str:
    return "".join(letter for letter in name if letter.isalnum() or letter in "-_")


def _act(listener: ServedListener, action: Mapping[str, Any], condition: str) -> Iterator[str]:
    match action.get("Type"):
        case "redirect":
            yield from _redirect(listener, action.get("RedirectConfig") or {}, condition)
        case "fixed-response":
            fixed = action.get("FixedResponseConfig") or {}
            text = str(fixed.get("MessageBody") or " ")
            kind = str(fixed.get("ContentType") or "text/plain")
            fixed_response = _return(int(fixed.get("StatusCode") or 200), kind, text)
            yield f"    http-request return {fixed_response} if {condition}"
        case _:
            yield from _forward(listener, action, condition)


def _page(code: int) -> str:
    return _return(code, "text/html", error_pages.page(code).replace("\r\n", ""))


def _return(code: int, kind: str, text: str) -> str:
    return (
        f"status {code} content-type {_quoted(kind)} string {_quoted(text)} hdr Server {error_pages.SERVER}"
    )


def _redirect(listener: ServedListener, config: Mapping[str, Any], condition: str) -> Iterator[str]:
    def escaped(part: object) -> object:
        return part.replace("%", "%%") if isinstance(part, str) else part

    values = {
        "protocol": listener.listener.protocol.lower(),
        "host": "%[req.hdr(host),field(1,:)]",
        "port": str(listener.port),
        "path": "%[path,regsub(^/,)]",
        "query": "%[query]",
    }
    config = {name: escaped(part) for name, part in config.items()}
    found = redirects.read(config, values, listener.address.port)
    plain, whole = _quoted(found.location), _quoted(f"{found.location}?{found.query}")
    server = f"hdr Server {error_pages.SERVER}"
    with_query = f"{condition} {{ query -m len gt 0 }}" if found.query == "%[query]" else condition
    if found.query:
        yield f"    http-request return status {found.code} {server} hdr Location {whole} if {with_query}"
    if not found.query or with_query != condition:
        yield f"    http-request return status {found.code} {server} hdr Location {plain} if {condition}"


def _forward(listener: ServedListener, action: Mapping[str, Any], condition: str) -> Iterator[str]:
    """Distribute requests over the groups by weight: the last group gets the rest."""
    groups = groups_of(action)
    left = sum(weight for _group, weight in groups)
    for number, (group, weight) in enumerate(groups):
        chance = f"{{ rand({left}) lt {weight} }}" if number < len(groups) - 1 else ""
        wanted = f" if {condition} {chance}".rstrip() if condition or chance else ""
        yield f"    use_backend {backend_name(group, listener)}{wanted}"
        left -= weight
