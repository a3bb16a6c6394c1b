"""One step of the test of an account's connection: first what the account is, then what its roles may do."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db import DatabaseError
from django.utils import timezone

from deployments.accounts.models import FINISHED, RUNNING, ConnectionTest
from deployments.accounts.rules import connection, offers, quotas
from deployments.accounts.rules.account_roles import PORTAL
from deployments.accounts.rules.facts import CallError, ConnectionAnswers
from deployments.accounts.rules.stored_facts import facts_as_json, findings_as_json, read_facts
from deployments.accounts.shared import pending_reads, reads, simulating
from deployments.aws import session
from deployments.aws.account_ref import AccountRef
from deployments.aws.session import Clients
from deployments.aws.sts import Identity
from deployments.common.errors import AwsRetryable, QuotaExhausted
from deployments.common.models import leases
from deployments.environments.models.accounts import Account

log = logging.getLogger(__name__)

ENOUGH = 5.0
"""Seconds after which a step makes no further simulation."""
TRIES = 5
"""Attempts of a step; then the test ends with what is known."""
LEASE = timedelta(seconds=60)
_PAUSE = timedelta(seconds=2)

Connect = Callable[[AccountRef], Clients]
Identify = Callable[[AccountRef], Identity]


def run_test(
    pk: int,
    version: int,
    connect: Connect = session.connect,
    identify: Identify = session.identify_anew,
) -> bool:
    """Take one step of a test. Return False if the message is stale or a duplicate."""
    rows = ConnectionTest.objects.active()
    if not leases.begin_step(rows, pk, version):
        return False
    test = rows.filter(pk=pk, version=version + 1).first()
    if test is None:
        return False  # taken over between the two statements
    if test.attempts >= TRIES:
        _finish(test, None, [connection.interrupted()])
        return True
    _keep(test, attempts=test.attempts + 1, state=RUNNING, due_at=timezone.now() + LEASE)
    try:
        if test.facts:
            _continue(test, read_facts(test.facts), connect)
        else:
            _begin(test, connect, identify)
    except QuotaExhausted as exc:
        _keep(test, attempts=test.attempts, due_at=timezone.now() + timedelta(seconds=exc.seconds))
    except DatabaseError:
        raise
    except Exception:
        log.exception("a step of the test of account %s failed", test.account_id)
        _keep(test, due_at=timezone.now() + _PAUSE)
    return True


def _begin(test: ConnectionTest, connect: Connect, identify: Identify) -> None:
    """Read what the account is; without an identity, the test has ended."""
    account = test.account
    try:
        facts = reads.basics(account, connect, identify)
    except QuotaExhausted:
        raise
    except AwsRetryable as exc:
        if test.attempts + 1 < TRIES:
            log.info("the test of account %s is repeated: %s", account.pk, exc)
            _keep(test, due_at=timezone.now() + _PAUSE)
            return
        error = CallError(operation=exc.operation, code=exc.code)
        facts = ConnectionAnswers(region=account.region, is_sandbox=account.is_sandbox, identity_error=error)
    if facts.identity_error is not None:
        _finish(test, facts, connection.findings(facts, {}))
        return
    if facts.revision_error is None and not account.is_sandbox:
        Account.objects.filter(pk=account.pk).update(
            roles_revision=facts.revision, roles_read_at=timezone.now()
        )
    planned = sum(len(one.simulations) for _kind, one in simulating.roles_of(facts, account))
    _keep(test, attempts=0, facts=facts_as_json(facts), planned=planned, done=0, due_at=timezone.now())


def _continue(test: ConnectionTest, facts: ConnectionAnswers, connect: Connect) -> None:
    """Make the reads that are left; after the last one, make simulations."""
    clients, began = connect(test.account.ref()), time.monotonic()
    while (left := pending_reads.pending(facts)) and time.monotonic() - began < ENOUGH:
        try:
            facts = pending_reads.answered(left[0], facts, test.account, clients)
        except QuotaExhausted as exc:
            due = timezone.now() + timedelta(seconds=exc.seconds)
            _keep(test, attempts=0, facts=facts_as_json(facts), due_at=due)
            return
        except AwsRetryable as exc:
            if test.attempts + 1 < TRIES:
                _keep(test, facts=facts_as_json(facts), due_at=timezone.now() + _PAUSE)
                return
            facts = left[0].failed(facts, CallError(operation=exc.operation, code=exc.code))
    if left:
        _keep(test, attempts=0, facts=facts_as_json(facts), due_at=timezone.now())
    else:
        _simulate(test, facts, connect)


def _simulate(test: ConnectionTest, facts: ConnectionAnswers, connect: Connect) -> None:
    """Make as many simulations as fit into a step; after the last one, end the test."""
    roles = simulating.roles_of(facts, test.account)
    calls = [(kind, one) for kind, role in roles for one in role.simulations]
    clients, began, done = connect(test.account.ref()), time.monotonic(), test.done
    while done < len(calls) and time.monotonic() - began < ENOUGH:
        kind, call = calls[done]
        role = facts.portal if kind == PORTAL else facts.service
        if role.error is None:
            try:
                found = simulating.called(role, call, clients)
            except QuotaExhausted as exc:
                values = {"attempts": 0, "facts": facts_as_json(facts), "done": done}
                _keep(test, **values, due_at=timezone.now() + timedelta(seconds=exc.seconds))
                return
            except AwsRetryable as exc:
                if test.attempts + 1 < TRIES:
                    _keep(test, facts=facts_as_json(facts), done=done, due_at=timezone.now() + _PAUSE)
                    return
                found = replace(role, error=CallError(operation=exc.operation, code=exc.code))
            facts = replace(facts, portal=found) if kind == PORTAL else replace(facts, service=found)
        done += 1
    if done < len(calls):
        _keep(test, attempts=0, facts=facts_as_json(facts), done=done, due_at=timezone.now())
        return
    if facts.portal.error is not None:
        facts = replace(facts, portal=reads.instead(facts.portal, clients))
    about_roles = connection.findings(facts, simulating.policies(dict(roles), facts))
    region, sizes = "" if facts.is_sandbox else facts.region, pending_reads.sizes()
    about_region = (*quotas.findings(facts, sizes, region), *offers.findings(facts, sizes))
    _finish(test, facts, [*about_roles, *about_region])


def _keep(test: ConnectionTest, **values: Any) -> None:
    """Store values, unless another step has taken the test over."""
    ConnectionTest.objects.filter(pk=test.pk, version=test.version).update(**values)


def _finish(test: ConnectionTest, facts: ConnectionAnswers | None, found: connection.Findings) -> None:
    _keep(
        test,
        state=FINISHED,
        result=str(connection.connection_result(found)),
        findings=findings_as_json(found),
        account_number=facts.account_id if facts else "",
        facts={},
        tested_at=timezone.now(),
        due_at=None,
    )
