"""The AWS resources that MiniStack lacks or gets wrong, each mended in place by its own module.

Nothing here decides when a resource is created or how long that takes: the scheduler in
portal/sandbox/engine/cloudformation does. A module's install() puts its handlers into MiniStack's registries.
"""


def install() -> None:
    """Put every module's handlers and actions in place; call once, before the first request.

    This will import MiniStack's services, which takes about a second. Raises NameMissing when MiniStack lacks
    anything that is extended.
    """
    from portal.sandbox.engine import heartbeat
    from portal.sandbox.services import autoscaling, ec2, elbv2, rds
    from portal.sandbox.services.secretsmanager import secrets

    for module in (ec2, elbv2, autoscaling, rds, secrets):
        module.install()
    heartbeat.start()
