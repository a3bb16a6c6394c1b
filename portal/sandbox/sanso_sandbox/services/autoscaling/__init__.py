"""EC2 Auto Scaling: groups that launch instances, keep their capacity, replace failed ones and report why."""

from ministack.services import autoscaling

from sanso_sandbox.engine import heartbeat
from sanso_sandbox.services.autoscaling import api, fleet, groups


def install() -> None:
    """Install the resource type, the actions and the regular steps of every group."""
    groups.install()
    api.install()
    heartbeat.listen(autoscaling._asgs, fleet.advance_all)
