"""The Location of a redirect, with ELB's placeholders. Pure.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """The response of a redirect: its code, its location without the query, and its query."""

    code: int
    location: str
    query: str


def read(config: Mapping[str, Any], values: Mapping[str, str], port_of: Callable[[int], int]) -> Redirect:
    """Fill a RedirectConfig with the values of protocol, host, port, path (without its slash) and query.

    Args:
        port_of: returns the port on this machine for a port of the load balancer.
    """

    def filled(name: str, default: str) -> str:
        text = str(config.get(name) or default)
        for placeholder, value in values.items():
            text = text.replace(f"#{{{placeholder}}}", value)
        return text

    port = str(config.get("Port") or "#{port}")
    port = str(port_of(int(port))) if port.isdigit() and "Host" not in config else filled("Port", "#{port}")
    return Redirect(
        code=302 if config.get("StatusCode") == "HTTP_302" else 301,
        location=f"{filled('Protocol', '#{protocol}').lower()}://{filled('Host', '#{host}')}:{port}"
        f"{filled('Path', '/#{path}')}",
        query=filled("Query", "#{query}"),
    )
