"""A write and a read of a time through an environment's own load balancer, kept as a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from deployments.aws.site import save_and_read
from deployments.aws.site_address import site_of
from deployments.errors import N_, Sentence
from deployments.models import Environment, SiteProbe

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def probe(environment: Environment, asked_by: User | None = None) -> SiteProbe:
    """Try the site once and keep what came of it.

    Asked is the load balancer that was observed for its ARN, under the name that the outputs give the site.
    """
    balancer = environment.load_balancers.filter(tier="alb").order_by("pk").first()
    dns_name = balancer.dns_name if balancer else ""
    answer = save_and_read(site_of(dns_name, environment.url, sandbox=environment.account.is_sandbox))
    well = Sentence(
        N_("A time was saved and read back in %(milliseconds)s ms."),
        {"milliseconds": str(answer.milliseconds)},
    )
    return SiteProbe.objects.create(
        environment=environment,
        at=timezone.now(),
        wrote=answer.wrote,
        read=answer.read,
        milliseconds=answer.milliseconds,
        sentence=(answer.problem or well).as_json(),
        asked_by=asked_by,
    )
