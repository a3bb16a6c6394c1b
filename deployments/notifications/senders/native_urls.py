"""Addresses of chat services as their own pages give them, which people paste: as apprise's addresses."""

from __future__ import annotations

import re

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code

# https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/,
# https://discord.com/developers/docs/resources/webhook,
# https://developers.google.com/workspace/chat/quickstart/webhooks, and for workflows of Teams, on hosts of
# Logic Apps and Power Automate, https://learn.microsoft.com/power-automate/ip-address-configuration
_WORKFLOW = r"/workflows/(?P<id>[\w-]+)/triggers/manual/paths/invoke/?\?(?P<query>\S*\bsig=\S+)"
_SERVICES = (
    (r"https://hooks\.slack\.com/services/([A-Z0-9]+)/([A-Z0-9]+)/([A-Za-z0-9]+)/?", r"slack://\1/\2/\3"),
    (
        r"https://(?:discord|discordapp)\.com/api/webhooks/([0-9]+)/([A-Za-z0-9_-]+)/?",
        r"discord://\1/\2",
    ),
    (r"https://chat\.googleapis\.com/v1/spaces/([\w-]+)/messages/?\?(\S*\bkey=\S+)", r"gchat://\1/?\2"),
    (
        rf"https://(?P<host>[a-z0-9.-]+\.logic\.azure\.[a-z]+(?::\d+)?){_WORKFLOW}",
        r"workflows://\g<host>/\g<id>/?\g<query>",
    ),
    (
        r"https://(?P<host>[a-z0-9.-]+\.api\.(?:[a-z]+\.)?powerplatform(?:\.[a-z]+)+(?::\d+)?)"
        rf"/powerautomate/automations/direct{_WORKFLOW}",
        r"workflows://\g<host>/\g<id>/?\g<query>&pa=yes",
    ),
    (
        r"https://(?P<host>[a-z0-9.-]+\.api\.(?:[a-z]+\.)?powerplatform(?:\.[a-z]+)+(?::\d+)?)"
        rf"/powerautomate/automations/direct/cu/(?P<route>\d+){_WORKFLOW}",
        r"workflows://\g<host>/\g<id>/?\g<query>&pa=yes&route=\g<route>",
    ),
)
# https://developers.mattermost.com/integrate/webhooks/incoming/
_MATTERMOST = re.compile(r"https://([A-Za-z0-9.-]+(?::\d+)?(?:/[\w-]+)*)/hooks/([a-z0-9]{26})/?")
# https://devblogs.microsoft.com/microsoft365dev/retirement-of-office-365-connectors-within-microsoft-teams/
_CONNECTOR = re.compile(r"https://(?:[\w-]+\.webhook\.office|outlook\.office(?:365)?)\.com/webhook\S*")


def service_url(address: str, kind: str = "") -> str:
    """Return the address for apprise of an incoming webhook of a chat service; "" for any other.

    These accept their own JSON only: a signed webhook would be refused. Mattermost is on any host, so that an
    address only counts as its own where a service was chosen as the `kind`.

    Raise UserFixable for a connector of Microsoft 365, which Microsoft has retired.
    """
    pasted = address.strip()
    if _CONNECTOR.fullmatch(pasted):
        raise UserFixable("ConnectorRetired", Code.NOTIFY_CONNECTOR, "address")
    for pattern, wanted in _SERVICES:
        if found := re.fullmatch(pattern, pasted):
            return found.expand(wanted)
    if kind == "service" and (found := _MATTERMOST.fullmatch(pasted)):
        return f"mmosts://{found[1]}/{found[2]}"
    return ""
