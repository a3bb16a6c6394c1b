"""The revision of infra_templates/account.yaml that this release needs."""

from typing import Final

STACK: Final = "sanso-account"
"""The name that docs/production.md gives the stack; its role may describe it."""
REVISION: Final = 3
_OUTPUT: Final = "Revision"


def revision_of(outputs: dict[str, str]) -> int:
    """Return the revision in the stack's outputs; templates from before revisions count as 1."""
    found = outputs.get(_OUTPUT, "")
    return int(found) if found.isdigit() else 1
