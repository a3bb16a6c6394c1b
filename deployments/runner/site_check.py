"""A write and a read of a time through an environment's own load balancer, kept as a row."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from deployments.aws.site import check_site
from deployments.aws.site_address import site_of
from deployments.core.intervals import probe_delay
from deployments.errors import Message
from deployments.message_codes import Code
from deployments.models import Environment, SiteProbe
from deployments.runner import redactors

if TYPE_CHECKING:
    from django.contrib.auth.models import User


KEPT = 5
"""Of the tries that nobody asked for; more than `probe_delay` tells apart."""


def is_due(environment: Environment, since: datetime, now: datetime) -> bool:
    """Return whether the site has rested long enough after the tries since then that nobody asked for."""
    tries = list(
        SiteProbe.objects.own_of(environment).filter(at__gte=since).values_list("at", flat=True)[:KEPT]
    )
    if not tries:
        return True
    delay = probe_delay(len(tries), sandbox=environment.account.is_sandbox)
    return now - tries[0] >= timedelta(seconds=delay)


def run_site_check(environment: Environment, asked_by: User | None = None) -> SiteProbe:
    """Try the site once and keep what came of it; of tries that nobody asked for, the last ones.

    Asked is the load balancer that was observed for its ARN, under the name that the outputs give the site.
    """
    balancer = environment.load_balancers.filter(tier="alb").order_by("pk").first()
    dns_name = balancer.dns_name if balancer else ""
    site = site_of(dns_name, environment.url, sandbox=environment.account.is_sandbox)
    answer = check_site(replace(site, redact=redactors.of_environment(environment)))
    well = Message(
        Code.SITE_CHECK_SUCCEEDED,
        {"milliseconds": str(answer.milliseconds)},
    )
    made = SiteProbe.objects.create(
        environment=environment,
        at=timezone.now(),
        wrote=answer.wrote,
        read=answer.read,
        milliseconds=answer.milliseconds,
        sentence=(answer.problem or well).as_json(),
        asked_by=asked_by,
    )
    if old := list(SiteProbe.objects.own_of(environment).values_list("pk", flat=True)[KEPT:]):
        SiteProbe.objects.filter(pk__in=old).delete()
    return made
