"""The latest observations of an environment, and its health history."""

from deployments.models.health.action_request import ActionRequest
from deployments.models.health.balancing import LoadBalancer, Target
from deployments.models.health.configuration import Association, AssociationRun
from deployments.models.health.database import DatabaseCluster, DatabaseMember
from deployments.models.health.fleet import FleetGroup, FleetInstance, ScalingActivity
from deployments.models.health.observing import Observation, Observer
from deployments.models.health.samples import HealthSample
from deployments.models.health.site import SiteProbe, SiteReads

__all__ = [
    "ActionRequest",
    "Association",
    "AssociationRun",
    "DatabaseCluster",
    "DatabaseMember",
    "FleetGroup",
    "FleetInstance",
    "HealthSample",
    "LoadBalancer",
    "Observation",
    "Observer",
    "ScalingActivity",
    "SiteProbe",
    "SiteReads",
    "Target",
]
