"""EC2 Auto Scaling: groups that launch instances, keep their number, replace what died and say why."""

from ministack.services import autoscaling

from portal.sandbox.engine import heartbeat
from portal.sandbox.services.autoscaling import api, fleet, groups


def install() -> None:
    """Put the resource type, the actions and the regular look at every group in place."""
    groups.install()
    api.install()
    heartbeat.listen(autoscaling._asgs, fleet.advance_all)
