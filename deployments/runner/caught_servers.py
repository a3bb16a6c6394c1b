"""Before a deployment, name the servers of others that its associations would configure by their tags."""

from __future__ import annotations

from deployments import catalog
from deployments.aws.ec2 import TaggedInstance
from deployments.aws.session import Clients
from deployments.core.association_targets import tagged_targets
from deployments.core.template_stacks import TemplateSide, stacks_of
from deployments.errors import AwsFailure, AwsRetryable
from deployments.models import Deployment, FleetInstance
from deployments.runner import event_log
from deployments.runner.preflight import ENVIRONMENT_TAG

MOST = 20
"""Maximum number of associations to look up."""
NAMED = 10
"""Maximum number of servers that are named."""
CODE = "preflight.caught"


def report(deployment: Deployment, clients: Clients, template_set: catalog.TemplateSet) -> None:
    """Write an event for each association whose tags running servers of others have.

    Without access to EC2 there is none: a deployment does not depend on it.
    """
    values = {**deployment.environment.parameters, **deployment.parameters}
    side = TemplateSide(templates=template_set.contents, root=template_set.root.name, values=values)
    for targets in list(tagged_targets(stacks_of(side)))[:MOST]:
        try:
            found = clients.ec2.tagged_instances(dict(targets.tags))
        except AwsRetryable:
            raise
        except AwsFailure:
            return
        if others := _of_others(deployment, found):
            event_log.add(
                deployment,
                CODE,
                key=targets.path,
                association=targets.path,
                tags=targets.text,
                count=len(others),
                servers=", ".join(sorted(others)[:NAMED]),
                environments=", ".join(sorted({name for name in others.values() if name})),
            )


def _of_others(deployment: Deployment, found: list[TaggedInstance]) -> dict[str, str]:
    """Return the names of the environments of servers that are not this one's, by the server's id.

    A server that is not of an environment of Sanso has "".
    """
    own = str(deployment.environment.key)
    ids = [one.instance_id for one in found]
    rows = FleetInstance.objects.in_account(deployment.environment.account, ids)
    environments = {row.instance_id: row.environment for row in rows.select_related("environment")}
    others = {}
    for one in found:
        environment = environments.get(one.instance_id)
        if one.tags.get(ENVIRONMENT_TAG) == own or (
            environment and environment.pk == deployment.environment_id
        ):
            continue
        others[one.instance_id] = environment.name if environment else one.tags.get("sanso:name", "")
    return others
