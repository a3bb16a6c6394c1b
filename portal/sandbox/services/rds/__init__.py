"""RDS: Aurora clusters whose endpoints lead to a real server, their instances, roles and passwords."""


def install() -> None:
    """Put the resource types and the actions in place."""
    from portal.sandbox.services.rds import api, clusters, instances, remaining, roles

    for module in (api, clusters, instances, roles, remaining):
        module.install()
