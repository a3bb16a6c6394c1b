"""What listens behind load balancers while machines are real: TCP and HTTP on addresses of their own.

HAProxy where it is installed, else a small stand-in in this process. A load balancer has one loopback address
for all its listeners. An encrypted listener has the imported certificate of its ARN, or the sandbox's own.
"""

import os

from portal.sandbox.backends.balancers import addresses

resolve = addresses.resolve
name_of = addresses.name_of


def kind() -> str:
    """Tell "haproxy", "builtin" or "none": SANSO_SANDBOX_BALANCERS decides, or what is installed.

    Raises ValueError for another word, and for haproxy where it is missing.
    """
    from portal.sandbox.backends.balancers import haproxy
    from portal.sandbox.protocols import machines

    wanted = os.environ.get("SANSO_SANDBOX_BALANCERS", "auto")
    if wanted not in ("auto", "haproxy", "builtin"):
        raise ValueError(f"SANSO_SANDBOX_BALANCERS is auto, haproxy or builtin and not {wanted!r}")
    if wanted == "haproxy" and haproxy.program() is None:
        raise ValueError("SANSO_SANDBOX_BALANCERS is haproxy, which is not installed")
    if machines.current().name == "records":
        return "none"
    if wanted == "auto":
        return "builtin" if haproxy.program() is None else "haproxy"
    return wanted


def install() -> None:
    """Serve every listener of every account from now on, if there is anything to forward to."""
    from portal.sandbox.backends.balancers import reconciler
    from portal.sandbox.backends.balancers.builtin import server

    found = kind()
    if found != "none":
        addresses.enable()
        (reconciler if found == "haproxy" else server).start()


def about() -> dict[str, object]:
    """Tell what the load balancers are, for the control plane."""
    return {"balancers": kind()}


def stop() -> None:
    """Close every listener."""
    from portal.sandbox.backends.balancers import reconciler
    from portal.sandbox.backends.balancers.builtin import server

    reconciler.stop()
    server.stop()
