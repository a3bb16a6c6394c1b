"""Whether a region offers what environments need: instance types, databases, machine images; certificates.

What only some sizes lack is a warning, as with quotas: the others can be created. The preflight of a creation
asks the same of its own values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from deployments.accounts.rules.connection import Check, ConnectionFinding, FindingCode, Result
from deployments.accounts.rules.facts import CertificateAnswer, ConnectionAnswers, OfferRead
from deployments.accounts.rules.sizes import SizeNeeds

SOON: Final = 30
"""Days before its end from which a certificate is a warning: ACM renews its own 60 days before.

https://docs.aws.amazon.com/acm/latest/userguide/managed-renewal.html
"""
ISSUED: Final = "ISSUED"
_UNUSABLE: Final = (FindingCode.CERTIFICATE_MISSING, FindingCode.CERTIFICATE_NOT_ISSUED)
"""What is wrong with a certificate that no listener accepts."""
_CERTIFICATE: Final = re.compile(r"arn:[\w-]+:acm:([\w-]+):\d{12}:certificate/[\w-]+")
_Lack = tuple[FindingCode, tuple[tuple[str, str], ...]]
"""What a size lacks, with the values of the finding's text."""
_CHECKS: Final = {
    OfferRead.INSTANCE_TYPES: Check.INSTANCE_TYPES,
    OfferRead.DATABASES: Check.DATABASES,
    OfferRead.IMAGES: Check.IMAGES,
    OfferRead.CERTIFICATES: Check.CERTIFICATES,
}


def certificates_in(values: Iterable[Mapping[str, Any]], region: str) -> list[str]:
    """Return the ARNs of certificates of a region among the values of parameters."""
    texts = {text for parameters in values for text in parameters.values() if isinstance(text, str)}
    found = {text: match[1] for text in texts if (match := _CERTIFICATE.fullmatch(text))}
    return sorted(text for text, of in found.items() if of == region)


def findings(facts: ConnectionAnswers, sizes: Sequence[SizeNeeds]) -> Iterator[ConnectionFinding]:
    """Yield the findings of what was read: nothing of a test that an earlier version began."""
    makers: Mapping[OfferRead, Callable[[], Iterable[ConnectionFinding]]] = {
        OfferRead.INSTANCE_TYPES: lambda: _instance_types(facts, sizes),
        OfferRead.DATABASES: lambda: _databases(facts, sizes),
        OfferRead.IMAGES: lambda: _images(facts, sizes),
        OfferRead.CERTIFICATES: lambda: _certificates(facts.offers.certificates),
    }
    for one, make in makers.items():
        error = facts.offers.errors.get(one)
        if error is not None:
            yield ConnectionFinding(
                check=_CHECKS[one],
                result=Result.WARNING,
                code=FindingCode.OFFER_UNKNOWN,
                values={"operation": error.operation, "code": error.code},
            )
        elif one in facts.offers.done:
            yield from make()


def refusal(facts: ConnectionAnswers, size: SizeNeeds) -> ConnectionFinding | None:
    """Return the first finding because of which the creation of one size would fail, None if there is none.

    The certificates among the facts are those that it uses. What could not be read refuses nothing.
    """
    found = findings(facts, [size])
    return next((one for one in found if one.result is Result.PROBLEM or one.code in _UNUSABLE), None)


def _instance_types(facts: ConnectionAnswers, sizes: Sequence[SizeNeeds]) -> Iterator[ConnectionFinding]:
    def lacks(size: SizeNeeds) -> Iterator[_Lack]:
        for name in size.region.instance_types:
            offered = facts.offers.zones_by_type.get(name, ())
            missing = [zone for zone in size.region.zones_in(facts.zones) if zone not in offered]
            if missing:
                yield FindingCode.TYPE_NOT_OFFERED, (("type", name), ("zones", ", ".join(missing)))

    types = {name for size in sizes for name in size.region.instance_types}
    fine = _fine(Check.INSTANCE_TYPES, FindingCode.TYPES_OK, types, zones=_zones(facts, sizes))
    yield from _compared(sizes, lacks, fine)


def _databases(facts: ConnectionAnswers, sizes: Sequence[SizeNeeds]) -> Iterator[ConnectionFinding]:
    answers = {one.need: one for one in facts.offers.databases}

    def lacks(size: SizeNeeds) -> Iterator[_Lack]:
        for need in size.region.databases:
            found = answers.get(need)
            version = (("engine", need.engine), ("version", need.version))
            if found is None or not found.has_version:
                yield FindingCode.VERSION_NOT_OFFERED, (*version, ("region", facts.region))
                continue
            missing = [zone for zone in size.region.zones_in(facts.zones) if zone not in found.zones]
            if missing:
                yield (
                    FindingCode.CLASS_NOT_OFFERED,
                    (*version, ("class", need.instance_class), ("zones", ", ".join(missing))),
                )

    needs = {need for size in sizes for need in size.region.databases}
    names = {f"{need.engine} {need.version}, {need.instance_class}" for need in needs}
    fine = _fine(Check.DATABASES, FindingCode.DATABASES_OK, names, zones=_zones(facts, sizes))
    yield from _compared(sizes, lacks, fine)


def _images(facts: ConnectionAnswers, sizes: Sequence[SizeNeeds]) -> Iterator[ConnectionFinding]:
    def lacks(size: SizeNeeds) -> Iterator[_Lack]:
        for name in size.images:
            if name not in facts.offers.images:
                yield FindingCode.IMAGE_MISSING, (("name", name), ("region", facts.region))

    names = {name for size in sizes for name in size.images}
    yield from _compared(sizes, lacks, _fine(Check.IMAGES, FindingCode.IMAGES_OK, names, region=facts.region))


def _zones(facts: ConnectionAnswers, sizes: Sequence[SizeNeeds]) -> str:
    """Return the names of all zones that sizes use."""
    used = {zone for size in sizes for zone in size.region.zones_in(facts.zones)}
    return ", ".join(sorted(used))


def _fine(check: Check, code: FindingCode, names: Collection[str], /, **values: str) -> ConnectionFinding:
    """Return the finding of a check that found everything it looked for."""
    given = {"names": "; ".join(sorted(names)), **values}
    return ConnectionFinding(check=check, result=Result.OK, code=code, values=given)


def _compared(
    sizes: Sequence[SizeNeeds], lacks: Callable[[SizeNeeds], Iterable[_Lack]], fine: ConnectionFinding
) -> Iterator[ConnectionFinding]:
    """Yield what sizes lack, or that everything is fine; nothing if no size needs anything."""
    found: dict[_Lack, list[str]] = {}
    lacking = 0
    for size in sizes:
        of_size = list(dict.fromkeys(lacks(size)))
        lacking += bool(of_size)
        for one in of_size:
            found.setdefault(one, []).append(size.label)
    result = Result.PROBLEM if lacking == len(sizes) else Result.WARNING
    for (code, values), labels in found.items():
        yield ConnectionFinding(
            check=fine.check, result=result, code=code, values={**dict(values), "sizes": json.dumps(labels)}
        )
    if fine.values["names"] and not found:
        yield fine


def _certificates(answers: Sequence[CertificateAnswer]) -> Iterator[ConnectionFinding]:
    bad = [one for answer in answers if (one := _certificate(answer)) is not None]
    yield from bad
    if answers and not bad:
        yield ConnectionFinding(
            check=Check.CERTIFICATES,
            result=Result.OK,
            code=FindingCode.CERTIFICATES_OK,
            values={"count": str(len(answers)), "days": str(SOON)},
        )


def _certificate(answer: CertificateAnswer) -> ConnectionFinding | None:
    """Return what is wrong with a certificate: a warning, since environments without it can be created."""
    values = {"arn": answer.arn}
    if not answer.status:
        code = FindingCode.CERTIFICATE_MISSING
    elif answer.status != ISSUED:
        code, values = FindingCode.CERTIFICATE_NOT_ISSUED, values | {"status": answer.status}
    elif answer.days is not None and answer.days < SOON:
        code, values = FindingCode.CERTIFICATE_ENDS, values | {"days": str(answer.days)}
    else:
        return None
    return ConnectionFinding(check=Check.CERTIFICATES, result=Result.WARNING, code=code, values=values)
