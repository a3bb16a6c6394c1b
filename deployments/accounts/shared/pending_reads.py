"""What a test has still to read of an account before its roles are simulated: quotas, and what AWS offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from deployments.accounts.rules.facts import (
    CallError,
    ConnectionAnswers,
    OfferRead,
)
from deployments.accounts.rules.offers import certificates_in
from deployments.accounts.rules.sizes import SizeNeeds
from deployments.accounts.shared import offer_reads
from deployments.aws.service_quotas import CODES
from deployments.aws.session import Clients
from deployments.common.errors import AwsFailure, AwsRetryable, UserFixable
from deployments.common.rules.aws_error_codes import denied_action
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment
from deployments.template_sets.models import stored_sets

MOST_CERTIFICATES = 20
"""Maximum number of certificates that one test describes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRead:
    """One read: the facts with its answer, and the facts with the error that it ended with instead."""

    answer: Callable[[ConnectionAnswers, Account, Clients], ConnectionAnswers]
    failed: Callable[[ConnectionAnswers, CallError], ConnectionAnswers]


def pending(facts: ConnectionAnswers) -> list[PendingRead]:
    """Return the reads that have neither an answer nor an error yet."""
    services = [one for one in CODES if one not in facts.quotas and one not in facts.quota_errors]
    offers = [one for one in OfferRead if one not in facts.offers.done and one not in facts.offers.errors]
    return [
        *(PendingRead(answer=partial(_quotas, one), failed=partial(_no_quotas, one)) for one in services),
        *(PendingRead(answer=partial(_offer, one), failed=partial(_no_offer, one)) for one in offers),
    ]


def answered(
    one: PendingRead, facts: ConnectionAnswers, account: Account, clients: Clients
) -> ConnectionAnswers:
    """Return the facts after a read, with its answer or error. Raise AwsRetryable if AWS does not answer."""
    try:
        return one.answer(facts, account, clients)
    except AwsRetryable:
        raise
    except AwsFailure as exc:
        return one.failed(facts, error_of(exc))


def error_of(exc: AwsFailure) -> CallError:
    """Return a failure as facts keep it, with the action that was denied."""
    return CallError(operation=denied_action(exc.code, exc.message, exc.operation), code=exc.code)


def sizes() -> list[SizeNeeds]:
    """Return what the sizes of the bundled template set need; none if its files are broken."""
    try:
        found = stored_sets.current()
    except UserFixable:
        return []
    presets = {one.label: one.values for one in found.presets} or {"": {}}
    return [offer_reads.size_needs(found, values, label) for label, values in presets.items()]


def _quotas(service: str, facts: ConnectionAnswers, _account: Account, clients: Clients) -> ConnectionAnswers:
    return replace(facts, quotas={**facts.quotas, service: tuple(clients.quotas.use_of(service))})


def _no_quotas(service: str, facts: ConnectionAnswers, error: CallError) -> ConnectionAnswers:
    return replace(facts, quota_errors={**facts.quota_errors, service: error})


def _offer(one: OfferRead, facts: ConnectionAnswers, account: Account, clients: Clients) -> ConnectionAnswers:
    certificates = _certificates_in_use(account) if one is OfferRead.CERTIFICATES else []
    return replace(facts, offers=offer_reads.read(one, facts.offers, sizes(), certificates, clients))


def _certificates_in_use(account: Account) -> list[str]:
    """Return the ARNs of certificates of the environments in an account."""
    rows = Environment.objects.live().in_account(account.pk).values_list("parameters", flat=True)
    return certificates_in(rows, account.region)[:MOST_CERTIFICATES]


def _no_offer(one: OfferRead, facts: ConnectionAnswers, error: CallError) -> ConnectionAnswers:
    return replace(facts, offers=replace(facts.offers, errors={**facts.offers.errors, one: error}))
