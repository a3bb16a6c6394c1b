"""The English texts of releases to running servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext_noop as N_

from deployments.common.message_codes import Code

RELEASES: Final[Mapping[Code, str]] = {
    Code.RELEASE_NO_FILES: N_("No release files differ."),
    Code.RELEASE_CODE: N_("Only code differs (files: %(count)s)."),
    Code.RELEASE_DISRUPTIVE: N_(
        "%(file)s differs and is not code (files: %(count)s): packages or settings of the servers may change."
    ),
    Code.RELEASE_SET_UNKNOWN: N_(
        "The template set of the last deployment is not stored, so its files cannot be compared."
    ),
    Code.RELEASE_GROUP_CREATED: N_("The Auto Scaling group %(group)s is created."),
    Code.RELEASE_GROUP_REPLACED: N_("The Auto Scaling group %(group)s is created, replaced or removed."),
    Code.RELEASE_GROUP_MAY_BE_REPLACED: N_("The Auto Scaling group %(group)s may be replaced."),
    Code.RELEASE_GROUP_ROLLS: N_("%(properties)s of the Auto Scaling group %(group)s changes."),
    Code.RELEASE_SERVER_FAILED: N_("The release failed on %(server)s: %(message)s"),
    Code.RELEASE_TASK_FAILED: N_("The release failed on %(server)s at the task “%(task)s”: %(message)s"),
    Code.RELEASE_STACK_CHANGED: N_(
        "The stack has changed since the preview, so the change set cannot be executed. The servers have the "
        "new version; preview the change again."
    ),
    Code.RELEASE_SERVER_NOT_SERVING: N_("%(server)s is not healthy in its target groups."),
    Code.RELEASE_NOT_DRAINED: N_("%(server)s did not leave its target groups in time."),
    Code.RELEASE_COMMAND_FAILED: N_("The command that configures a server failed."),
    Code.RELEASE_COMMAND_TIMED_OUT: N_("The command on %(server)s did not end in time."),
    Code.RELEASE_WATCH_ERRORS: N_(
        "Since the first server has the new version, %(failed)s of %(total)s reads of the site failed."
    ),
    Code.RELEASE_WATCH_SLOW: N_(
        "Since the first server has the new version, the site takes %(after)s ms instead of %(before)s ms."
    ),
    Code.MANIFEST_RELEASE_ARTIFACT: N_("%(file)s: %(place)s: the set has no artifact %(key)s."),
    Code.MANIFEST_RELEASE_SERVERS: N_("%(file)s: %(place)s: %(root)s has no nested stack %(stack)s."),
    Code.MANIFEST_RELEASE_PREFIX: N_(
        "%(file)s: %(place)s needs prefix_parameter: the address of an artifact must change with its content."
    ),
    Code.VALUE_MISSING: N_("%(file)s: %(place)s is missing."),
}
