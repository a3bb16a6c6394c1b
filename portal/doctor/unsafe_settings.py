"""Settings that are suitable for one user on one machine, and unsafe if others can reach the portal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from portal.doctor.finding import Finding, ok, problem

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingFacts:
    """The settings that determine remote access."""

    debug: bool
    hosts: Sequence[str]
    https: bool


def read() -> SettingFacts:
    """Return the facts about the settings of this process."""
    return SettingFacts(debug=settings.DEBUG, hosts=settings.ALLOWED_HOSTS, https=settings.SANSO_HTTPS)


def judge(facts: SettingFacts) -> list[Finding]:
    """Return the unsafe settings. Host names other than loopback mean that others can reach the portal."""
    findings = []
    if facts.debug:
        findings.append(
            problem("DEBUG", "DEBUG is true: error pages show settings and data.", "Remove DEBUG.")
        )
    if any(host == "*" or host.startswith(".") for host in facts.hosts):
        findings.append(
            problem(
                "ALLOWED_HOSTS",
                "ALLOWED_HOSTS accepts any name: links in pages and mails can lead elsewhere.",
                "List the names by which the portal is reached.",
            )
        )
    if set(facts.hosts) - LOOPBACK and not facts.https:
        findings.append(
            problem(
                "SANSO_HTTPS",
                "The portal is reached by name without HTTPS: passwords and cookies can be read on the way.",
                "Put a proxy with HTTPS in front, and set SANSO_HTTPS=true.",
            )
        )
    return findings or [ok("settings", "No unsafe setting was found.")]
