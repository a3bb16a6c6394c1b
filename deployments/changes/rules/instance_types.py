"""What an instance type of a Graviton family has, for the person who chooses one: vCPUs and memory.

Sources: https://aws.amazon.com/ec2/instance-types/ (T4g, C7g, M7g, R7g and their eighth generation) and
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Concepts.DBInstanceClass.Summary.html.
"""

from __future__ import annotations

from dataclasses import dataclass

BURSTABLE = {"micro": (2, 1.0), "small": (2, 2.0), "medium": (2, 4.0), "large": (2, 8.0), "xlarge": (4, 16.0)}
"""vCPUs and GiB of memory of the sizes of T4g."""
VCPUS = {"large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16}
"""vCPUs of the sizes of the other families."""
GIB_PER_VCPU = {"c": 2, "m": 4, "r": 8}
"""GiB of memory for each vCPU: optimized for computing, general, optimized for memory."""
DATABASE_SIZES = ("medium", "large")
"""The sizes of T4g that Aurora MySQL offers."""


@dataclass(frozen=True, slots=True)
class InstanceSize:
    """An instance type with its number of vCPUs and its memory in GiB."""

    name: str
    vcpus: int
    gib: float


def known_sizes() -> list[InstanceSize]:
    """Return instance types and database classes to choose from, small ones first; others exist as well."""
    servers = [InstanceSize(f"t4g.{size}", *figures) for size, figures in BURSTABLE.items()]
    larger = [
        InstanceSize(f"{family}{generation}g.{size}", vcpus, float(vcpus * gib))
        for generation in (7, 8)
        for family, gib in GIB_PER_VCPU.items()
        for size, vcpus in VCPUS.items()
    ]
    databases = [InstanceSize(f"db.t4g.{size}", *BURSTABLE[size]) for size in DATABASE_SIZES]
    return (
        servers
        + larger
        + databases
        + [InstanceSize(f"db.{one.name}", one.vcpus, one.gib) for one in larger if one.name.startswith("r")]
    )
