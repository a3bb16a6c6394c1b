"""What a region offers for one deployment: the checks of the test of the connection, for its own values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from django.db import transaction

from deployments.accounts.rules import offers
from deployments.accounts.rules.facts import ConnectionAnswers, OfferAnswers, OfferRead
from deployments.accounts.rules.sizes import SizeNeeds
from deployments.accounts.shared import offer_reads
from deployments.aws.session import Clients
from deployments.common.errors import AwsFailure, AwsRetryable, UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind
from deployments.stacks.shared import event_log
from deployments.template_sets.template_files import TemplateSet

_READS = (OfferRead.INSTANCE_TYPES, OfferRead.DATABASES, OfferRead.CERTIFICATES)


def check(deployment: Deployment, clients: Clients, template_set: TemplateSet) -> None:
    """Check that a creation would not fail because of its region, and keep the ids of new machine images.

    A change is only checked for its images: what it does not change exists. Kept ids do not change, since
    an update must not replace servers. Raise UserFixable with the sentence of the test of the connection.
    """
    names = template_set.image_names(deployment.parameters)
    names = {parameter: name for parameter, name in names.items() if parameter not in deployment.images}
    images = clients.ssm.parameters(sorted(set(names.values()))) if names else {}
    size = SizeNeeds(label="", images=tuple(sorted(set(names.values()))))
    region = deployment.environment.account.region
    facts = ConnectionAnswers(
        region=region, offers=OfferAnswers(done=(OfferRead.IMAGES,), images=tuple(images))
    )
    if deployment.kind == Kind.CREATE:
        size = replace(offer_reads.size_needs(template_set, deployment.parameters), images=size.images)
        facts = _read(facts, size, offers.certificates_in([deployment.parameters], region), clients)
    if (lack := offers.refusal(facts, size)) is not None:
        values = {name: value for name, value in lack.values.items() if name != "sizes"}
        raise UserFixable("NotOffered", Code(lack.code), **values)
    if names:
        ids = {parameter: images[name] for parameter, name in names.items()}
        with transaction.atomic():
            deployment.record(images=deployment.images | ids)
            event_log.add(deployment, "preflight.images", images=", ".join(sorted(set(ids.values()))))


def _read(
    facts: ConnectionAnswers, size: SizeNeeds, certificates: list[str], clients: Clients
) -> ConnectionAnswers:
    """Return the facts with what AWS answers; what older roles may not read refuses nothing."""
    if size.region.instance_types or size.region.databases:
        with _denied_is_unknown():
            facts = replace(facts, zones=tuple(clients.ec2.zones()))
    for one in _READS:
        with _denied_is_unknown():
            found = offer_reads.read(one, facts.offers, [size], certificates, clients)
            facts = replace(facts, offers=found)
    return facts


@contextmanager
def _denied_is_unknown() -> Iterator[None]:
    """Go on after a failure, except where AWS does not answer: then the step is repeated."""
    try:
        yield
    except AwsRetryable:
        raise
    except AwsFailure:
        return
