"""What listens behind load balancers while machines are real: TCP and HTTP on addresses of their own.

HAProxy where it is installed, else a small stand-in in this process. A load balancer has one loopback address
for all its listeners. An encrypted listener has the imported certificate of its ARN, or the sandbox's own.
"""

import os

from portal.sandbox.balancing import places

resolve = places.resolve
name_of = places.name_of


def kind() -> str:
    """Tell "haproxy", "builtin" or "none": SANSO_SANDBOX_BALANCERS decides, or what is installed.

    Raises ValueError for another word, and for haproxy where it is missing.
    """
    from portal.sandbox import machines
    from portal.sandbox.balancing import haproxy

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
    from portal.sandbox.balancing import keeper, serving

    found = kind()
    if found != "none":
        places.enable()
        (keeper if found == "haproxy" else serving).start()


def about() -> dict[str, object]:
    """Tell what the load balancers are, for the control plane."""
    return {"balancers": kind()}


def stop() -> None:
    """Close every listener."""
    from portal.sandbox.balancing import keeper, serving

    keeper.stop()
    serving.stop()
