"""What listens behind load balancers while machines are processes: TCP and HTTP on addresses of their own.

A load balancer has one loopback address for all its listeners. HTTPS listeners and rules beside a listener's
default action are not served.
"""

from portal.sandbox.balancing import places

resolve = places.resolve
name_of = places.name_of


def install() -> None:
    """Serve every listener of every account from now on, if there is anything to forward to."""
    from portal.sandbox import machines
    from portal.sandbox.balancing import serving

    if machines.current().name != "records":
        places.enable()
        serving.start()


def stop() -> None:
    """Close every listener."""
    from portal.sandbox.balancing import serving

    serving.stop()
