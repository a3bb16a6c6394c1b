"""The statements of the roles in a template's file."""

from __future__ import annotations

from pathlib import Path

from deployments.template_sets.rules import role_policies
from deployments.template_sets.rules.role_policies import ACCOUNT, REGION, PolicyRole, Statement
from deployments.template_sets.template_files import yaml_files

__all__ = ["ACCOUNT", "REGION", "PolicyRole", "Statement", "Template"]


class Template(role_policies.Template):
    """A template's file whose parameters have their defaults, or a text of their own."""

    def __init__(self, path: Path, partition: str = "aws", **parameters: str) -> None:
        super().__init__(yaml_files.read(path), partition, **parameters)
