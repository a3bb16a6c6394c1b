"""The daily test of the connections of accounts on AWS, and the one after an upgrade."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from deployments.accounts.models import FINISHED
from deployments.accounts.rules.connection import Result
from deployments.accounts.shared.requested_tests import request_test
from deployments.environments.models.accounts import Account
from deployments.environments.rules.account_template import REVISION

INTERVAL = timedelta(days=1)
MOST = 20
"""Maximum number of tests that are requested at once: the tests of a night do not all begin together."""


def request_due(now: datetime) -> int:
    """Request the tests that are due. Return their number.

    The sandbox is tested on request only. An account without a role is either not set up yet or uses the
    portal's own credentials: it is tested daily once somebody has tested it. Roles that were fine are tested
    again at once if this version needs newer ones.
    """
    never = Q(connection_test=None) & ~Q(role_arn="")
    old = Q(connection_test__state=FINISHED, connection_test__tested_at__lt=now - INTERVAL)
    outdated = Q(
        roles_revision__lt=REVISION, connection_test__state=FINISHED, connection_test__result=Result.OK
    )
    accounts = Account.objects.usable().filter(never | old | outdated, is_sandbox=False).order_by("pk")[:MOST]
    return sum(request_test(account, now) for account in accounts)
