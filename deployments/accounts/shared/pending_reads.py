"""What a test has still to read of an account before its roles are simulated: quotas, and what AWS offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from deployments.accounts.rules.facts import (
    CallError,
    CertificateAnswer,
    ConnectionAnswers,
    DatabaseAnswer,
    OfferAnswers,
    OfferRead,
)
from deployments.accounts.rules.offers import certificates_in
from deployments.accounts.rules.quotas import needs_of
from deployments.accounts.rules.sizes import SizeNeeds
from deployments.aws.service_quotas import CODES
from deployments.aws.session import Clients
from deployments.cloudformation.region_needs import region_needs
from deployments.common.errors import AwsFailure, AwsNotFound, AwsRetryable, UserFixable
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
    offers = [one for one in _OFFERS if one not in facts.offers.done and one not in facts.offers.errors]
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
    chosen = {label: {**found.defaults, **values} for label, values in presets.items()}
    return [
        SizeNeeds(
            label=label,
            needs=needs_of(found.side(values)),
            region=region_needs(found.side(values)),
            images=tuple(sorted(set(found.image_names(values).values()))),
        )
        for label, values in chosen.items()
    ]


def _quotas(service: str, facts: ConnectionAnswers, _account: Account, clients: Clients) -> ConnectionAnswers:
    return replace(facts, quotas={**facts.quotas, service: tuple(clients.quotas.use_of(service))})


def _no_quotas(service: str, facts: ConnectionAnswers, error: CallError) -> ConnectionAnswers:
    return replace(facts, quota_errors={**facts.quota_errors, service: error})


def _offer(one: OfferRead, facts: ConnectionAnswers, account: Account, clients: Clients) -> ConnectionAnswers:
    offers = _OFFERS[one](facts.offers, account, clients)
    return replace(facts, offers=replace(offers, done=(*offers.done, one)))


def _no_offer(one: OfferRead, facts: ConnectionAnswers, error: CallError) -> ConnectionAnswers:
    return replace(facts, offers=replace(facts.offers, errors={**facts.offers.errors, one: error}))


def _instance_types(offers: OfferAnswers, _account: Account, clients: Clients) -> OfferAnswers:
    names = sorted({name for size in sizes() for name in size.region.instance_types})
    found = clients.ec2.zones_by_type(names) if names else {}
    return replace(offers, zones_by_type={name: tuple(zones) for name, zones in found.items()})


def _databases(offers: OfferAnswers, _account: Account, clients: Clients) -> OfferAnswers:
    """Ask for the zones of a class only if its version is offered: otherwise AWS may refuse the question."""
    rds, needs = clients.rds, sorted({need for size in sizes() for need in size.region.databases})
    versions = {
        (engine, version): rds.has_version(engine, version)
        for engine, version in sorted({(need.engine, need.version) for need in needs})
    }
    return replace(
        offers,
        databases=tuple(
            DatabaseAnswer(
                need=need,
                has_version=versions[need.engine, need.version],
                zones=tuple(rds.zones_of_class(need.engine, need.version, need.instance_class))
                if versions[need.engine, need.version]
                else (),
            )
            for need in needs
        ),
    )


def _images(offers: OfferAnswers, _account: Account, clients: Clients) -> OfferAnswers:
    names = sorted({name for size in sizes() for name in size.images})
    return replace(offers, images=tuple(clients.ssm.parameters(names)) if names else ())


def _certificates(offers: OfferAnswers, account: Account, clients: Clients) -> OfferAnswers:
    """Describe the certificates of the environments in the account."""
    rows = Environment.objects.live().in_account(account.pk).values_list("parameters", flat=True)
    arns = certificates_in(rows, account.region)[:MOST_CERTIFICATES]
    return replace(offers, certificates=tuple(_certificate(arn, clients) for arn in arns))


def _certificate(arn: str, clients: Clients) -> CertificateAnswer:
    try:
        found = clients.acm.certificate(arn)
    except AwsNotFound:
        return CertificateAnswer(arn=arn)
    days = (found.ends_at - datetime.now(UTC)).days if found.ends_at else None
    return CertificateAnswer(arn=arn, status=found.status, days=days)


_OFFERS: dict[OfferRead, Callable[[OfferAnswers, Account, Clients], OfferAnswers]] = {
    OfferRead.INSTANCE_TYPES: _instance_types,
    OfferRead.DATABASES: _databases,
    OfferRead.IMAGES: _images,
    OfferRead.CERTIFICATES: _certificates,
}
