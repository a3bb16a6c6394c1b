"""The revision of account.yaml follows what its roles may do."""

from __future__ import annotations

import hashlib

from deployments.environments.rules.account_template import REVISION, revision_of
from deployments.template_sets.template_files import yaml_files
from tests.permissions.check_roles import ACCOUNT_TEMPLATE
from tests.permissions.role_policies import Template

KNOWN = {12: "6ab4b3cb2d3312d0"}


def test_a_change_of_what_the_roles_may_do_has_a_new_revision() -> None:
    policies = [(role.name, sorted(role.inline.items()), sorted(role.managed.items())) for role in ROLES]

    assert {REVISION: hashlib.sha256(repr(policies).encode()).hexdigest()[:16]} == KNOWN, (
        "increase REVISION and the output of account.yaml, and replace the digest"
    )


def test_the_template_has_the_revision_that_the_portal_compares_with() -> None:
    outputs = yaml_files.read(ACCOUNT_TEMPLATE)["Outputs"]

    assert revision_of({"Revision": outputs["Revision"]["Value"]}) == REVISION
    assert revision_of({}) == 1


ROLES = Template(ACCOUNT_TEMPLATE).roles()
