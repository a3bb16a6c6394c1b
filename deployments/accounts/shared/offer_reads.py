"""What AWS offers in a region, read for the sizes of a test, or for the values of one creation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from deployments.accounts.rules.facts import CertificateAnswer, DatabaseAnswer, OfferAnswers, OfferRead
from deployments.accounts.rules.quotas import needs_of
from deployments.accounts.rules.sizes import SizeNeeds
from deployments.aws.session import Clients
from deployments.cloudformation.region_needs import region_needs
from deployments.common.errors import AwsNotFound
from deployments.template_sets.template_files import TemplateSet


def size_needs(template_set: TemplateSet, values: Mapping[str, str], label: str = "") -> SizeNeeds:
    """Return what a template set needs with these values, and its defaults for the others."""
    chosen = {**template_set.defaults, **values}
    return SizeNeeds(
        label=label,
        needs=needs_of(template_set.side(chosen)),
        region=region_needs(template_set.side(chosen)),
        images=tuple(sorted(set(template_set.image_names(chosen).values()))),
    )


def read(
    one: OfferRead,
    offers: OfferAnswers,
    sizes: Sequence[SizeNeeds],
    certificates: Sequence[str],
    clients: Clients,
) -> OfferAnswers:
    """Return the answers with those of one read: AWS is called only for what the sizes need.

    Args:
        one: what is read.
        offers: the answers so far.
        sizes: what is needed.
        certificates: the ARNs of the certificates to describe.
        clients: those of the account.
    """
    if one is OfferRead.INSTANCE_TYPES:
        offers = _instance_types(offers, sizes, clients)
    elif one is OfferRead.DATABASES:
        offers = _databases(offers, sizes, clients)
    elif one is OfferRead.IMAGES:
        names = sorted({name for size in sizes for name in size.images})
        offers = replace(offers, images=tuple(clients.ssm.parameters(names)) if names else ())
    else:
        offers = replace(offers, certificates=tuple(_certificate(arn, clients) for arn in certificates))
    return replace(offers, done=(*offers.done, one))


def _instance_types(offers: OfferAnswers, sizes: Sequence[SizeNeeds], clients: Clients) -> OfferAnswers:
    names = sorted({name for size in sizes for name in size.region.instance_types})
    found = clients.ec2.zones_by_type(names) if names else {}
    return replace(offers, zones_by_type={name: tuple(zones) for name, zones in found.items()})


def _databases(offers: OfferAnswers, sizes: Sequence[SizeNeeds], clients: Clients) -> OfferAnswers:
    """Ask for the zones of a class only if its version is offered: otherwise AWS may refuse the question."""
    rds, needs = clients.rds, sorted({need for size in sizes for need in size.region.databases})
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


def _certificate(arn: str, clients: Clients) -> CertificateAnswer:
    try:
        found = clients.acm.certificate(arn)
    except AwsNotFound:
        return CertificateAnswer(arn=arn)
    days = (found.ends_at - datetime.now(UTC)).days if found.ends_at else None
    return CertificateAnswer(arn=arn, status=found.status, days=days)
