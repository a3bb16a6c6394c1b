"""The texts of the message codes of restore drills."""

from __future__ import annotations

from django.utils.translation import gettext_noop as N_

from deployments.common.message_codes import Code

DRILLS = {
    Code.DRILL_PASSED: N_(
        "%(cluster)s was restored: the copy and its instance became available, with engine version "
        "%(version)s. Its tables were not read."
    ),
    Code.DRILL_IN_PROGRESS: N_(
        "A restore drill of %(environment)s is in progress in its subnets. Wait until it has finished."
    ),
    Code.DRILL_CLUSTER_GONE: N_("The cluster %(cluster)s no longer exists."),
    Code.DRILL_NO_POINT: N_(
        "RDS has no point in time and no available snapshot that %(cluster)s could be restored from."
    ),
    Code.DRILL_STACK_FAILED: N_("The stack %(stack)s ended with %(status)s: %(reason)s"),
    Code.DRILL_COPY_FAILED: N_("The copy is not usable: RDS reports the status %(status)s."),
    Code.DRILL_OTHER_VERSION: N_("The copy has engine version %(version)s, the database has %(expected)s."),
    Code.DRILL_TIMED_OUT: N_("The copy was not available after %(hours)s hours."),
    Code.DRILL_NOT_DELETED: N_(
        "CloudFormation could not delete the stack %(stack)s: %(reason)s Sanso tries again."
    ),
}
