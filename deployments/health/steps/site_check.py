"""Site check: a write and a read through an environment's load balancer; the result is stored as a row."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from deployments.aws.site import check_site
from deployments.aws.site_address import Site, site_of
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.common.rules.redaction import Redactor
from deployments.environments.models.environments import Environment
from deployments.health.models.site import SiteProbe
from deployments.stacks.shared import redactors

if TYPE_CHECKING:
    from django.contrib.auth.models import User


KEPT = 5
"""Number of automatic checks to keep; enough for `Timings.site_check_delay`."""


def is_due(environment: Environment, since: datetime, now: datetime) -> bool:
    """Return whether an automatic check is due, based on the automatic checks since `since`."""
    tries = list(
        SiteProbe.objects.own_of(environment).filter(at__gte=since).values_list("at", flat=True)[:KEPT]
    )
    if not tries:
        return True
    delay = environment.account.timings.site_check_delay(len(tries))
    return now - tries[0] >= timedelta(seconds=delay)


UNREACHED = 3
"""After this many automatic checks in a row without a connection, the site is unreachable from the portal."""


def is_unreachable(environment: Environment, since: datetime) -> bool:
    """Return whether the load balancer accepts no connection of the portal, by the checks since `since`.

    Its security group may admit visitors but not the portal. On loopback there are no security groups.
    """
    if environment.account.is_on_loopback:
        return False
    tries = SiteProbe.objects.own_of(environment).filter(at__gte=since).values_list("reached", flat=True)
    return list(tries[:UNREACHED]) == [False] * UNREACHED


def site_of_environment(environment: Environment, redact: Redactor) -> Site:
    """Return the site at the observed load balancer, with the host name from the stack's output."""
    balancer = environment.load_balancers.filter(tier="alb").order_by("pk").first()
    dns_name = balancer.dns_name if balancer else ""
    site = site_of(dns_name, environment.url, loopback=environment.account.is_on_loopback)
    return replace(site, redact=redact)


def run_site_check(environment: Environment, asked_by: User | None = None) -> SiteProbe:
    """Check the site once and store the result; only the last automatic checks are kept."""
    result = check_site(site_of_environment(environment, redactors.of_environment(environment)))
    success = Message(Code.SITE_CHECK_SUCCEEDED, {"milliseconds": str(result.milliseconds)})
    probe = SiteProbe.objects.create(
        environment=environment,
        at=timezone.now(),
        wrote=result.wrote,
        read=result.read,
        reached=result.reached,
        milliseconds=result.milliseconds,
        sentence=(result.problem or success).as_json(),
        asked_by=asked_by,
    )
    if old := list(SiteProbe.objects.own_of(environment).values_list("pk", flat=True)[KEPT:]):
        SiteProbe.objects.filter(pk__in=old).delete()
    return probe
