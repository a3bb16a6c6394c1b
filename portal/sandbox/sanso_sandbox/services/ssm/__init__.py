"""Systems Manager: documents, associations, commands, their runs on instances, and their API."""

from sanso_sandbox.engine import authorization, heartbeat
from sanso_sandbox.services.ssm import api, associations, commands, documents, executions, resources


def install() -> None:
    """Install the two resource types, the actions and the regular check for new instances."""
    resources.install()
    api.install()
    authorization.tag_sources["ssm"] = associations.tags_of
    heartbeat.listen(associations.store, executions.look)


def reset(account: str | None) -> None:
    """Delete the associations and documents of an account, or of all accounts."""
    for store in (associations.store, commands.store, documents.store):
        for key in [key for key, _value in store.all_items() if account in (None, key[0])]:
            store.pop_scoped(*key, None)
