"""Instances of databases without a replica mode have an empty one (MiniStack 1.5.33).

Only replicas of Oracle and Db2 have one:
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBInstance.html
"""

from ministack.services import rds

from sanso_sandbox.engine.registry import Record


def install() -> None:
    """Leave out an empty replica mode."""
    render = rds._instance_xml

    def rendered(instance: Record) -> str:
        return str(render(instance)).replace("<ReplicaMode></ReplicaMode>", "")

    rds._instance_xml = rendered
