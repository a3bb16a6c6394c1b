"""Addresses of chat services as their own pages give them, which people paste: as apprise's addresses."""

from __future__ import annotations

import re

# https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/ and
# https://discord.com/developers/docs/resources/webhook
_SERVICES = (
    (re.compile(r"https://hooks\.slack\.com/services/([A-Z0-9]+)/([A-Z0-9]+)/([A-Za-z0-9]+)/?"), "slack"),
    (re.compile(r"https://(?:discord|discordapp)\.com/api/webhooks/([0-9]+)/([A-Za-z0-9_-]+)/?"), "discord"),
)


def service_url(address: str) -> str:
    """Return the address for apprise of an incoming webhook of Slack or Discord; "" for any other.

    These accept their own JSON only: a signed webhook would be refused.
    """
    for pattern, scheme in _SERVICES:
        if found := pattern.fullmatch(address.strip()):
            return f"{scheme}://{'/'.join(found.groups())}"
    return ""
