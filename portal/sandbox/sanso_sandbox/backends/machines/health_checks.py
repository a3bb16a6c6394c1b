"""Health checks over the network, with ELB's reason codes.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
"""

import http.client
import socket

from sanso_sandbox.protocols.machines import FAILED, TIMED_OUT, Probe


def check(host: str, port: int, *, protocol: str, path: str, matcher: str, timeout: float) -> Probe:
    """Connect, or request a path and compare the status code with the matcher; HTTPS is checked as HTTP."""
    try:
        if protocol not in ("HTTP", "HTTPS"):
            socket.create_connection((host, port), timeout).close()
            return Probe(healthy=True)
        code = _status(host, port, path, timeout)
    except TimeoutError:
        return TIMED_OUT
    except (OSError, http.client.HTTPException):
        return FAILED
    if _matches(code, matcher or "200"):
        return Probe(healthy=True)
    return Probe(
        healthy=False,
        reason="Target.ResponseCodeMismatch",
        description=f"Health checks failed with these codes: [{code}]",
    )


def _status(host: str, port: int, path: str, timeout: float) -> int:
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        headers = {"User-Agent": "ELB-HealthChecker/2.0", "Connection": "close"}
        connection.request("GET", path or "/", headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def _matches(code: int, matcher: str) -> bool:
    """Return whether a code matches ELB's notation: "200", "200,302" or "200-399"."""
    for part in matcher.split(","):
        first, _dash, last = part.strip().partition("-")
        if first.isdigit() and int(first) <= code <= int(last or first):
            return True
    return False
