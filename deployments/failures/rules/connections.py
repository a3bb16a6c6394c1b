"""Causes: connections that no rule or route allows, in the sentences of aws/reachability/blocked.py.

Sources: https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html,
https://docs.aws.amazon.com/vpc/latest/userguide/nacl-basics.html,
https://docs.aws.amazon.com/vpc/latest/userguide/route-table-options.html.
"""

from __future__ import annotations

from typing import Final

from deployments.failures.rules.cause import Cause, NextStep, signature

TYPE: Final = "Sanso::Connection"
_WAY = r"(?P<source>[^\n]{1,200}?) cannot reach (?P<destination>[^\n]{1,200}?): "
_STEPS = (NextStep.TEMPLATE, NextStep.EDIT, NextStep.DELETE_FIRST, NextStep.RETRY)

CAUSES = (
    Cause(
        code="NoOutboundRule",
        reason=signature(
            _WAY
            + r"no outbound rule of (?P<lacking>[^\n]+?) allows (?P<traffic>[^\n]+?) to (?P<peer>[^\n]+)\."
        ),
        types=(TYPE,),
        steps=_STEPS,
        example="app i-0a1b cannot reach shop-db-1x: no outbound rule of sg-0a (app) allows TCP 3306 "
        "to sg-0d (db), 10.0.6.10.",
    ),
    Cause(
        code="NoInboundRule",
        reason=signature(
            _WAY
            + r"no inbound rule of (?P<lacking>[^\n]+?) allows (?P<traffic>[^\n]+?) from (?P<peer>[^\n]+)\."
        ),
        types=(TYPE,),
        steps=_STEPS,
        example="app i-0a1b cannot reach shop-db-1x: no inbound rule of sg-0d (db) allows TCP 3306 "
        "from sg-0a (app), 10.0.4.10.",
    ),
    Cause(
        code="NoAclEntry",
        reason=signature(
            _WAY + r"network ACL (?P<lacking>\S+) does not allow (?P<direction>inbound|outbound) "
            r"(?P<traffic>[^\n]+?) (?:to|from) (?P<peer>[^\n]+)\."
        ),
        types=(TYPE,),
        steps=_STEPS,
        example="app i-0a1b cannot reach shop-db-1x: network ACL acl-0c does not allow inbound TCP 3306 "
        "from 10.0.4.10.",
    ),
    Cause(
        code="NoRoute",
        reason=signature(_WAY + r"route table (?P<lacking>\S+) has no route to (?P<traffic>[^\n]+)\."),
        types=(TYPE,),
        steps=_STEPS,
        example="app i-0a1b cannot reach Systems Manager: route table rtb-0e has no route to 198.51.100.1.",
    ),
    Cause(
        code="NoGateway",
        reason=signature(_WAY + r"gateway (?P<lacking>\S+) does not lead to (?P<traffic>[^\n]+)\."),
        types=(TYPE,),
        steps=_STEPS,
        example="app i-0a1b cannot reach Systems Manager: gateway nat-0f does not lead to 198.51.100.1.",
    ),
    Cause(
        code="NoPublicAddress",
        reason=signature(
            _WAY
            + r"an internet gateway serves no private address, and (?P<lacking>\S+) has no route to a NAT"
        ),
        types=(TYPE,),
        steps=_STEPS,
        example="app i-0a1b cannot reach Systems Manager: an internet gateway serves no private address, and "
        "subnet-0b has no route to a NAT gateway.",
    ),
)
