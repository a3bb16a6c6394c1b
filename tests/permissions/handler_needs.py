"""What the handlers of the bundled set's resource types need, by AWS's data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from deployments.aws.permissions import exemptions, handlers, reference
from deployments.template_sets.template_files import yaml_files
from tests.services import REPOSITORY

TEMPLATES = REPOSITORY / "infra_templates"


@dataclass(frozen=True, slots=True)
class Need:
    """A permission of a type's handlers, or a dependent action of one."""

    resource_type: str
    permission: str

    @property
    def exemption(self) -> exemptions.Exemption | None:
        """The reason why the role does not need it; reads have none."""
        return None if self.is_read else exemptions.of(self.resource_type, self.permission)

    @property
    def is_read(self) -> bool:
        """Whether it only reads."""
        return reference.is_read(self.permission)

    @property
    def is_known(self) -> bool:
        """Whether the authorization reference knows it."""
        return bool(reference.members(self.permission))


@cache
def used() -> dict[str, list[dict[str, object]]]:
    """Return the properties of the resources in the bundled set, by type."""
    found: dict[str, list[dict[str, object]]] = {}
    for path in set_templates():
        for resource in yaml_files.read(path)["Resources"].values():
            if resource["Type"].startswith("AWS::"):
                found.setdefault(resource["Type"], []).append(resource.get("Properties", {}))
    return found


def set_templates() -> list[Path]:
    """Return the templates of the bundled set."""
    other = ("account.yaml", "template-set.yaml")
    return [path for path in sorted(TEMPLATES.glob("[!.]*.yaml")) if path.name not in other]


@cache
def needs() -> list[Need]:
    """Return the permissions of all handlers of the used types, and the dependent actions of these."""
    found: dict[Need, None] = {}
    for resource_type in sorted(used()):
        for operation in handlers.operations(resource_type):
            for permission in handlers.permissions(resource_type, operation):
                found[Need(resource_type, permission)] = None
    return list(found)


@cache
def dependents() -> list[Need]:
    """Return the dependent actions of the permissions, without those of exempt ones."""
    found: dict[Need, None] = {}
    for need in needs():
        row = reference.find(need.permission)
        if row is None or need.exemption:
            continue
        for action in row.dependent:
            dependent = Need(need.resource_type, action)
            if dependent not in needs():
                found[dependent] = None
    return list(found)
