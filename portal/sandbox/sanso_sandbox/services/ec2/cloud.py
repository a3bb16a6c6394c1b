"""The part of EC2 that machines use."""

from collections.abc import Mapping

from ministack.services import ec2

from sanso_sandbox.protocols.machines import Instance
from sanso_sandbox.services.ec2 import instances


class Ec2Cloud:
    """EC2, through the interface for machines."""

    def machine_ended(self, instance: Instance) -> None:
        """Terminate the instance of a machine that has ended by itself, or did not boot."""
        with instance.scope.entered():
            instances.terminate(instance.id)

    def tags_of(self, instance: Instance) -> Mapping[str, str]:
        """Return the instance's current tags."""
        with instance.scope.entered():
            return {tag["Key"]: str(tag.get("Value", "")) for tag in ec2._tags.get(instance.id, [])}
