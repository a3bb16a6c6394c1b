"""Load balancers without listeners, for machines that are records only."""

from sanso_sandbox.protocols.balancers import Address, Forwarding


class NoBalancers:
    """Load balancers that are only records."""

    name = "none"

    def name_of(self, load_balancer: str, kind: str, aws_name: str) -> str:
        """Return the name in AWS's form."""
        return aws_name

    def resolve(self, name: str, port: int) -> Address:
        """Return the name and port unchanged."""
        return name, port

    def start(self, forwarding: Forwarding) -> None:
        """Serve nothing."""

    def stop(self) -> None:
        """Close nothing."""
