"""What a test has read so far and what it found, as JSON columns keep them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from deployments.accounts.rules.connection import Check, ConnectionFinding, FindingCode, Result
from deployments.accounts.rules.facts import (
    Bucket,
    CallError,
    CertificateAnswer,
    ConnectionAnswers,
    DatabaseAnswer,
    OfferAnswers,
    OfferRead,
    RoleFacts,
)
from deployments.aws.service_quotas import Limited, QuotaUse
from deployments.cloudformation.region_needs import DatabaseNeed

_ERRORS = ("identity_error", "region_error", "revision_error", "bucket_error")


def facts_as_json(facts: ConnectionAnswers) -> dict[str, Any]:
    """Return facts as they are stored between two steps."""
    found = asdict(facts)
    for name in ("portal", "service"):
        found[name]["missing"] = {str(key): list(value) for key, value in found[name]["missing"].items()}
    return found


def read_facts(stored: Mapping[str, Any]) -> ConnectionAnswers:
    """Return stored facts."""
    values = dict(stored)
    for name in _ERRORS:
        values[name] = _error(values[name])
    state = values["bucket_state"]
    return ConnectionAnswers(
        **{
            **values,
            "zones": tuple(values["zones"]),
            "bucket_state": Bucket(state) if state else None,
            "portal": _role(values["portal"]),
            "service": _role(values["service"]),
            "quotas": _quotas(values.get("quotas", {})),
            "quota_errors": {
                name: CallError(**error) for name, error in values.get("quota_errors", {}).items()
            },
            "offers": _offers(values.get("offers", {})),
        }
    )


def _error(stored: Mapping[str, str] | None) -> CallError | None:
    return CallError(**stored) if stored else None


def _quotas(stored: Mapping[str, Iterable[Mapping[str, Any]]]) -> dict[str, tuple[QuotaUse, ...]]:
    return {
        service: tuple(QuotaUse(**{**one, "limited": Limited(one["limited"])}) for one in found)
        for service, found in stored.items()
    }


def _offers(stored: Mapping[str, Any]) -> OfferAnswers:
    """Return what was read of offers: nothing of a test that an earlier version began."""
    return OfferAnswers(
        done=tuple(OfferRead(one) for one in stored.get("done", ())),
        errors={name: CallError(**error) for name, error in stored.get("errors", {}).items()},
        zones_by_type={name: tuple(zones) for name, zones in stored.get("zones_by_type", {}).items()},
        databases=tuple(
            DatabaseAnswer(
                need=DatabaseNeed(**one["need"]), has_version=one["has_version"], zones=tuple(one["zones"])
            )
            for one in stored.get("databases", ())
        ),
        images=tuple(stored.get("images", ())),
        certificates=tuple(CertificateAnswer(**one) for one in stored.get("certificates", ())),
    )


def _role(stored: Mapping[str, Any]) -> RoleFacts:
    return RoleFacts(
        arn=stored["arn"],
        tested=stored["tested"],
        missing={int(key): tuple(value) for key, value in stored["missing"].items()},
        refused=tuple(stored["refused"]),
        error=_error(stored["error"]),
        reads=tuple(stored["reads"]),
        reads_denied=tuple(stored["reads_denied"]),
    )


def findings_as_json(found: Iterable[ConnectionFinding]) -> list[dict[str, Any]]:
    """Return findings as they are stored."""
    return [asdict(one) for one in found]


def read_findings(stored: Iterable[Mapping[str, Any]]) -> list[ConnectionFinding]:
    """Return stored findings, without those of a newer version of Sanso, whose codes are unknown."""
    known = {str(one) for one in FindingCode}
    return [
        ConnectionFinding(
            check=Check(one["check"]),
            result=Result(one["result"]),
            code=FindingCode(one["code"]),
            values=one["values"],
            actions=tuple(one["actions"]),
            policy=one["policy"],
        )
        for one in stored
        if one["code"] in known and one["check"] in set(Check)
    ]
