"""Systems Manager: documents, associations, commands, their runs on instances, and the API to them."""

from portal.sandbox.engine import heartbeat
from portal.sandbox.services.ssm import api, associations, commands, documents, executions, resources


def install() -> None:
    """Put the two resource types, the actions and the look for new instances in place."""
    resources.install()
    api.install()
    heartbeat.listen(associations.store, executions.look)


def reset(account: str | None) -> None:
    """Forget the associations and documents of an account, or of all."""
    for store in (associations.store, commands.store, documents.store):
        for key in [key for key, _value in store.all_items() if account in (None, key[0])]:
            store.pop_scoped(*key, None)
