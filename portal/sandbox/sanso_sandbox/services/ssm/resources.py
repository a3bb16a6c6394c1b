"""AWS::SSM::Association and AWS::SSM::Document, with CloudFormation's wait for success."""

import asyncio
import time

from ministack.services.cloudformation import provisioners

from sanso_sandbox.engine.registry import (
    Attributes,
    Created,
    Properties,
    Refused,
    changed,
    handler,
    physical_name,
    provide,
    replace,
)
from sanso_sandbox.engine.time_scale import CHECK, shortened
from sanso_sandbox.protocols import in_use
from sanso_sandbox.services.ssm import association_rules, associations, documents, executions

LOOK = 10.0  # AWS's seconds between two checks of an association
LEAST_WAIT = 300.0  # minimum seconds of a success wait at any time scale, because runs take real time


def install() -> None:
    """Install the two types."""
    provide("AWS::SSM::Association", _create, _delete, _update)
    handler("AWS::SSM::Association")["stabilize"] = _stabilize
    provide("AWS::SSM::Document", _create_document, _delete_document, _update_document)


def _create(logical_id: str, properties: Properties, stack: str) -> Created:
    association_rules.check_properties(properties)
    documents.check_parameters(properties)
    association = associations.add(properties)
    executions.reach(association)
    return association.id, {"AssociationId": association.id}


def _update(physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Created:
    """Replace for a new Name (aws-resource-ssm-association), else add a version, which runs at once."""
    association = associations.store.get(physical_id)
    if association is None or changed(old, new, "Name"):
        return replace(_create, _delete, physical_id, old, new, stack, logical_id)
    provisioners._reconcile_tag_list(association.tags, old, new)
    wait = "WaitForSuccessTimeoutSeconds"
    association_rules.check_properties(new)
    ignored = {wait: 0, "Tags": 0}
    if {**old, **ignored} != {**new, **ignored}:
        documents.check_parameters(new)
        associations.change(association, new)
        executions.reach(association)
    return physical_id, {"AssociationId": physical_id}


def _delete(physical_id: str, properties: Properties) -> None:
    associations.store.pop(physical_id, None)


async def _stabilize(physical_id: str, properties: Properties, stack: str) -> Attributes | None:
    """Wait until Overview.Status is Success. Any other status except Pending fails the resource at once.

    Pending fails it after the timeout (InProgressCreateHandler.java of
    https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-ssm). Raises ValueError with
    CloudFormation's message.
    """
    timeout = float(properties.get("WaitForSuccessTimeoutSeconds") or 0)
    if not timeout:
        return None
    least = max(LEAST_WAIT, in_use.machines().setup_timeout)
    started = time.monotonic()
    while True:
        association = associations.store.get(physical_id)
        status = association.overview()["Status"] if association else "Failed"
        if status == "Success":
            return None
        if status != "Pending" or time.monotonic() - started > shortened(timeout, at_least=least):
            raise ValueError(
                f"Resource of type 'AWS::SSM::Association' with identifier '{physical_id}' did not stabilize."
            )
        await asyncio.sleep(min(shortened(LOOK, at_least=0.1), CHECK))  # the time scale may change


def _create_document(logical_id: str, properties: Properties, stack: str) -> Created:
    name = properties.get("Name") or physical_name(stack, logical_id)
    documents.add(
        name,
        properties.get("Content"),
        kind=properties.get("DocumentType") or "Command",
        form=properties.get("DocumentFormat") or "JSON",
        tags=properties.get("Tags") or (),
    )
    return name, {"Name": name}


def _update_document(
    physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
) -> Created:
    """Change the content in place if UpdateMethod is NewVersion; otherwise changes replace the document."""
    in_place = new.get("UpdateMethod") == "NewVersion"
    document = documents.store.get(physical_id)
    if document is None or changed(old, new, "Name", "DocumentType") or not in_place:
        if document is not None and new.get("Name") and not changed(old, new, "Name"):
            raise Refused("DocumentAlreadyExists", f"Document with same name {new['Name']} already exists")
        return replace(_create_document, _delete_document, physical_id, old, new, stack, logical_id)
    if changed(old, new, "Content", "DocumentFormat"):
        document.form = new.get("DocumentFormat") or "JSON"
        documents.revise(document, new.get("Content"), make_default=True)
    provisioners._reconcile_tag_list(document.tags, old, new)
    return physical_id, {"Name": physical_id}


def _delete_document(physical_id: str, properties: Properties) -> None:
    users = [row.id for row in associations.store.values() if row.settings["Name"] == physical_id]
    if users:
        raise Refused(
            "AssociatedInstances",
            f"You must disassociate a document from all managed nodes before you can delete it: {users[0]}",
        )
    documents.store.pop(physical_id, None)
