"""The assessment of a change in words, the same on its page, in the API and in notifications."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.changes.rules.assessment import ChangeAssessment, Likelihood, Outage
from deployments.cloudformation.changes import Effect

NAMED = 2
"""Maximum number of resources to name; of more, only the number is shown."""


def sentence(found: ChangeAssessment) -> str:
    """Return the assessment as one sentence: the two most serious effects, and the outage."""
    what, *rest = [*_happens(found)] or [_("Probably changes nothing")]
    if rest:
        second = rest[0]
        if not second.startswith((*found.lost, *found.may_be_lost, *found.interrupted)):  # in Japanese it may
            second = second[:1].lower() + second[1:]
        what = _("%(first)s and %(second)s") % {"first": what, "second": second}
    return _("%(what)s: %(outage)s") % {"what": what, "outage": _noticed(found.outage)}


def stored_sentence(stored: Mapping[str, object]) -> str:
    """Return the sentence of an assessment that was stored with a notification."""
    return sentence(ChangeAssessment.from_json(stored))


def outage_text(outage: Outage) -> str:
    """Return an outage as the value of a field."""
    if outage.likelihood is Likelihood.NOT_EXPECTED:
        return _("None expected")
    if outage.likelihood is Likelihood.POSSIBLE:
        return _("Possible")
    if outage.minutes:
        return _("Up to about %(n)d min") % {"n": outage.minutes}
    return _("Yes; its duration is not known")


def replaced_text(found: ChangeAssessment) -> str:
    """Return how many servers and other resources are replaced, as the value of a field."""
    if found.servers is None:
        return _("Servers")
    parts = []
    if found.servers:
        parts.append(ngettext("%(n)d server", "%(n)d servers", found.servers) % {"n": found.servers})
    others = found.others_replaced + len(found.lost)
    if others:
        parts.append(ngettext("%(n)d resource", "%(n)d resources", others) % {"n": others})
    return ", ".join(parts) or _("Nothing")


def names_text(names: Sequence[str]) -> str:
    """Return names as text: the first of them, and the number of the others."""
    if len(names) <= NAMED:
        return ", ".join(names)
    more = len(names) - NAMED
    values = {"names": ", ".join(names[:NAMED]), "n": more}
    return ngettext("%(names)s and %(n)d more", "%(names)s and %(n)d more", more) % values


def _noticed(outage: Outage) -> str:
    """Return an outage as the second part of a sentence."""
    if outage.likelihood is Likelihood.NOT_EXPECTED:
        return _("no outage expected")
    if outage.likelihood is Likelihood.POSSIBLE:
        return _("an outage is possible")
    if outage.minutes:
        return _("an outage of up to about %(n)d min") % {"n": outage.minutes}
    return _("an outage of unknown duration")


def _happens(found: ChangeAssessment) -> Iterator[str]:
    """Yield what happens, the most serious first."""
    if found.lost:
        yield _("Deletes the data of %(names)s") % {"names": names_text(found.lost)}
    if found.may_be_lost:
        yield _("May delete the data of %(names)s") % {"names": names_text(found.may_be_lost)}
    if number := len(found.not_computed):
        text = ngettext(
            "Changes %(n)d nested stack in ways that are not known",
            "Changes %(n)d nested stacks in ways that are not known",
            number,
        )
        yield text % {"n": number}
    if found.servers is None:
        yield _("Replaces servers")
    elif found.servers:
        yield ngettext("Replaces %(n)d server", "Replaces %(n)d servers", found.servers) % {
            "n": found.servers
        }
    if found.interrupted:
        yield _("Interrupts connections to %(names)s") % {"names": names_text(found.interrupted)}
    if number := found.others_replaced:
        yield ngettext("Replaces %(n)d resource", "Replaces %(n)d resources", number) % {"n": number}
    if found.releases:
        yield _released(found.released)
    yield from _counted({**found.counts, Effect.UPDATED: found.in_place})


def _released(number: int | None) -> str:
    if number is None:
        return _("Releases a version to the servers")
    text = ngettext("Releases a version to %(n)d server", "Releases a version to %(n)d servers", number)
    return text % {"n": number}


def _counted(counts: Mapping[Effect, int]) -> Iterator[str]:
    number = {effect: counts.get(effect, 0) for effect in Effect}
    texts = {
        Effect.REMOVED: ngettext("Removes %(n)d resource", "Removes %(n)d resources", number[Effect.REMOVED]),
        Effect.MAY_BE_REPLACED: ngettext(
            "May replace %(n)d resource", "May replace %(n)d resources", number[Effect.MAY_BE_REPLACED]
        ),
        Effect.UPDATED: ngettext(
            "Changes %(n)d resource in place", "Changes %(n)d resources in place", number[Effect.UPDATED]
        ),
        Effect.ADDED: ngettext("Adds %(n)d resource", "Adds %(n)d resources", number[Effect.ADDED]),
        Effect.IMPORTED: ngettext(
            "Imports %(n)d resource", "Imports %(n)d resources", number[Effect.IMPORTED]
        ),
    }
    for effect, text in texts.items():
        if number[effect]:
            yield text % {"n": number[effect]}
