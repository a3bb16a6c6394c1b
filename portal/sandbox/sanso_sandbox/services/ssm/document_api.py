"""The document actions of the SSM API."""

from collections.abc import Callable

from sanso_sandbox.engine.registry import Record, Refused, here
from sanso_sandbox.services.ssm import associations, documents
from sanso_sandbox.services.ssm.documents import Document
from sanso_sandbox.services.ssm.paging import page


def _description(document: Document, version: str = "$DEFAULT") -> Record:
    text = document.text(version)
    return {
        "Name": document.name,
        "Owner": "Amazon" if document.name in documents.OWNED_BY_AWS else here().account,
        "CreatedDate": document.created_at,
        "Status": "Active",
        "DocumentVersion": str(document.texts.index(text) + 1),
        "DefaultVersion": str(document.default),
        "LatestVersion": str(len(document.texts)),
        "DocumentType": document.kind,
        "DocumentFormat": document.form,
        "SchemaVersion": str(documents.schema_version(text)),
        "PlatformTypes": ["Linux"],
        "Hash": documents.digest(text),
        "HashType": "Sha256",
        "Parameters": documents.parameters(text),
        "Tags": document.tags,
    }


def _own(request: Record) -> Document:
    document = documents.get(request.get("Name", ""))
    if document.name in documents.OWNED_BY_AWS:
        raise Refused("InvalidDocument", f"Document {document.name} is owned by AWS and cannot be changed.")
    return document


def _create(request: Record) -> Record:
    document = documents.add(
        request["Name"],
        request["Content"],
        kind=request.get("DocumentType") or "Command",
        form=request.get("DocumentFormat") or "JSON",
        tags=request.get("Tags") or (),
    )
    return {"DocumentDescription": _description(document)}


def _update(request: Record) -> Record:
    document = _own(request)
    version = documents.revise(document, request["Content"], make_default=False)
    return {"DocumentDescription": _description(document, version)}


def _update_default(request: Record) -> Record:
    document = _own(request)
    document.text(str(request["DocumentVersion"]))
    document.default = int(request["DocumentVersion"])
    return {"Description": {"Name": document.name, "DefaultVersion": str(document.default)}}


def _delete(request: Record) -> Record:
    document = _own(request)
    if any(row.settings["Name"] == document.name for row in associations.store.values()):
        raise Refused(
            "AssociatedInstances",
            "You must disassociate a document from all managed nodes before you can delete it.",
        )
    documents.store.pop(document.name, None)
    return {}


def _describe(request: Record) -> Record:
    document = documents.get(request.get("Name", ""))
    return {"Document": _description(document, request.get("DocumentVersion") or "$DEFAULT")}


def _get(request: Record) -> Record:
    document = documents.get(request.get("Name", ""))
    version = request.get("DocumentVersion") or "$DEFAULT"
    description = _description(document, version)
    kept = ("Name", "CreatedDate", "DocumentVersion", "Status", "DocumentType", "DocumentFormat")
    return {"Content": document.text(version), **{name: description[name] for name in kept}}


def _list(request: Record) -> Record:
    wanted = {row["Key"]: row["Values"] for row in request.get("Filters") or []}
    rows = []
    for document in [*documents.OWNED_BY_AWS.values(), *documents.store.values()]:
        description = _description(document)
        owner = "Amazon" if description["Owner"] == "Amazon" else "Self"
        have = {"Name": document.name, "Owner": owner, "DocumentType": document.kind}
        if all(have.get(key) in values for key, values in wanted.items() if key in have):
            kept = ("Name", "CreatedDate", "Owner", "PlatformTypes", "DocumentVersion", "DocumentType")
            rows.append(
                {name: description[name] for name in (*kept, "SchemaVersion", "DocumentFormat", "Tags")}
            )
    return page("DocumentIdentifiers", rows, request)


def _list_versions(request: Record) -> Record:
    document = documents.get(request.get("Name", ""))
    rows = [
        {
            "Name": document.name,
            "DocumentVersion": str(number),
            "CreatedDate": document.created_at,
            "IsDefaultVersion": number == document.default,
            "DocumentFormat": document.form,
            "Status": "Active",
        }
        for number in range(len(document.texts), 0, -1)
    ]
    return page("DocumentVersions", rows, request)


ACTIONS: dict[str, Callable[[Record], Record]] = {
    "CreateDocument": _create,
    "UpdateDocument": _update,
    "UpdateDocumentDefaultVersion": _update_default,
    "DeleteDocument": _delete,
    "DescribeDocument": _describe,
    "GetDocument": _get,
    "ListDocuments": _list,
    "ListDocumentVersions": _list_versions,
}
