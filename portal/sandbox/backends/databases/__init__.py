"""The databases behind RDS endpoints: a MariaDB server for each cluster, or an embedded stand-in without one.

Both speak MySQL's protocol with TLS on loopback. On Linux every cluster has two addresses of its own in
127.0.0.0/8, its writer and its reader endpoint, so that the port a template asks for is the port it gets.
"""


def install() -> None:
    """Make ready what the first cluster would otherwise wait for."""
    from portal.sandbox.backends.databases import clusters

    clusters.prepare()


def about() -> dict[str, object]:
    """Tell which kind of database there is, for the control plane."""
    from portal.sandbox.backends.databases import clusters

    return {"database": clusters.kind()}


def reset(account: str | None) -> None:
    """Stop the databases of an account, or all."""
    from portal.sandbox.backends.databases import clusters

    clusters.stop_all(account)


def stop() -> None:
    """Stop every database; none of its processes or files stays."""
    from portal.sandbox.backends.databases import clusters

    clusters.close()
