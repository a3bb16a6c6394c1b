"""An account of the sandbox with the roles of account.yaml."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from deployments.aws import session
from deployments.environments.models.accounts import Account
from tests.permissions import granted_actions
from tests.running import client, create_roles, new_account
from tests.services import Sandbox


@pytest.fixture
def account(sandbox: Sandbox, settings: Settings) -> Account:
    """A new account of the sandbox with the roles of account.yaml, as this version has them."""
    settings.SANSO_SANDBOX_READS_PER_SECOND = 400.0
    session._connect.cache_clear()
    found = new_account()
    create_roles(found, sandbox)
    granted_actions.put(client(found, "iam", sandbox), found.sandbox_account_id)
    return found
