"""The English texts of releases to running servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext_noop as N_

from deployments.message_codes import Code

RELEASES: Final[Mapping[Code, str]] = {
    Code.RELEASE_NO_FILES: N_("No file of a release differs."),
    Code.RELEASE_CODE: N_("Only code differs (files: %(count)s)."),
    Code.RELEASE_DISRUPTIVE: N_(
        "%(file)s differs and is not code (files: %(count)s): packages or settings of the servers may change."
    ),
    Code.RELEASE_SET_UNKNOWN: N_(
        "The template set of the last deployment is not stored, so its files cannot be compared."
    ),
    Code.RELEASE_GROUP_REPLACED: N_("The Auto Scaling group %(group)s is created, replaced or removed."),
    Code.RELEASE_GROUP_MAY_BE_REPLACED: N_("The Auto Scaling group %(group)s may be replaced."),
    Code.RELEASE_GROUP_ROLLS: N_("%(properties)s of the Auto Scaling group %(group)s changes."),
    Code.MANIFEST_RELEASE_ARTIFACT: N_("%(file)s: %(place)s: the set has no artifact %(key)s."),
    Code.MANIFEST_RELEASE_SERVERS: N_("%(file)s: %(place)s: %(root)s has no nested stack %(stack)s."),
    Code.MANIFEST_RELEASE_PREFIX: N_(
        "%(file)s: %(place)s needs prefix_parameter: the address of an artifact must change with its content."
    ),
    Code.VALUE_MISSING: N_("%(file)s: %(place)s is missing."),
}
