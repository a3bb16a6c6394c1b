"""What load balancers are to do now, read from the records: listeners, rules, the targets in service."""

from collections.abc import Iterator
from dataclasses import dataclass

from ministack.services import alb

from portal.sandbox.backends.balancers import addresses
from portal.sandbox.backends.balancers.rules import Rule, read_rule
from portal.sandbox.backends.loopback import Address
from portal.sandbox.engine.registry import Record, Scope
from portal.sandbox.protocols import machines
from portal.sandbox.services.elbv2 import target_health

SERVED = ("HTTP", "HTTPS", "TCP", "TLS", "TCP_UDP")
ENCRYPTED = ("HTTPS", "TLS")
IDLE = {"application": 60, "network": 350}  # seconds; the first is an attribute
FAIL_OPEN = ("unhealthy", "initial")

Key = tuple[Scope, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One listener: where it listens, and how."""

    key: Key
    address: Address
    port: int  # where it really listens
    listed: int  # as its template has it
    protocol: str
    certificate: str
    idle: int

    @property
    def speaks_http(self) -> bool:
        return self.protocol in ("HTTP", "HTTPS")

    @property
    def encrypted(self) -> bool:
        return self.protocol in ENCRYPTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One target of a group, with its address."""

    name: str
    place: tuple[str, int]
    takes: bool  # new requests; one that does not is left its old ones


def listeners() -> Iterator[Listener]:
    """List the listeners of every account that can be served."""
    for (account, region, key), record in alb._listeners.all_items():
        address = addresses.of(record["LoadBalancerArn"])
        if address is None or record["Protocol"] not in SERVED:
            continue
        scope = Scope(account, region)
        certificates = record.get("Certificates") or []
        yield Listener(
            key=(scope, key),
            address=address,
            port=address.port(int(record["Port"])),
            listed=int(record["Port"]),
            protocol=record["Protocol"],
            certificate=str(certificates[0]) if certificates else "",
            idle=_idle(scope, record["LoadBalancerArn"]),
        )


def _idle(scope: Scope, load_balancer: str) -> int:
    with scope.entered():
        record: Record = alb._lbs.get(load_balancer) or {}
        attributes = alb._lb_attrs.get(load_balancer) or []
    given = [one["Value"] for one in attributes if one["Key"] == "idle_timeout.timeout_seconds"]
    return int(given[0]) if given else IDLE.get(record.get("Type", ""), 60)


def rules(key: Key) -> list[Rule]:
    """List a listener's rules in the order in which they are tried; the last one is for everything."""
    scope, listener = key
    with scope.entered():
        record = alb._listeners.get(listener)
        if record is None:
            return []
        found = [
            rule
            for rule in alb._rules.values()
            if rule["ListenerArn"] == listener and not rule.get("IsDefault")
        ]
    found.sort(key=lambda rule: int(rule["Priority"]))
    default: Record = {"Conditions": [], "Actions": record["DefaultActions"]}
    return [rule for rule in map(read_rule, [*found, default]) if rule is not None]


def targets(scope: Scope, group: str) -> list[Target]:
    """List a group's targets that are anywhere.

    When none is healthy all take requests, as ELB fails open; one that drains gets nothing new.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
    """
    with scope.entered():
        rows = list(alb._targets.get(group) or [])
        states = [target_health.state_of(group, row)["State"] for row in rows]
    taking = ("healthy",) if "healthy" in states else FAIL_OPEN
    found = []
    for row, state in zip(rows, states, strict=True):
        place = machines.current().reach(row["Id"], row["Port"])
        if place is not None:
            name = f"{row['Id']}:{row['Port']}"
            found.append(Target(name=name, place=place, takes=state in taking))
    return found
