"""The English texts of why an operation is not accepted in a status of a stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext_noop as N_

from deployments.common.message_codes import Code

OPERATIONS: Final[Mapping[Code, str]] = {
    Code.SKIP_LIST_CHANGED: N_(
        "CloudFormation can skip only resources whose rollback failed. These are others by now: "
        "%(resources)s. Nothing was changed; open the page again."
    ),
    Code.RETAIN_LIST_CHANGED: N_(
        "CloudFormation can retain only resources whose deletion failed. These are others by now: "
        "%(resources)s. Nothing was changed; open the page again."
    ),
    Code.NOT_STUCK: N_("Select resources of the list: only what failed can be left out."),
    Code.TAKEN_OVER_TEMPLATES_MISSING: N_(
        "The stack uses templates that its template set does not have: %(files)s. Add them to the set and "
        "change the environment with the current set instead."
    ),
    Code.NOT_CHANGED_OUTSIDE: N_(
        "The stack was not changed outside of Sanso: there is nothing to take over."
    ),
    Code.SKIPPED_NOT_CONFIRMED: N_(
        "A rollback skipped %(resources)s. Confirm that they are in line with the templates, or include them "
        "in the change."
    ),
    Code.STACK_BUSY: N_("CloudFormation is changing the stack (%(status)s). Wait until it has finished."),
    Code.STACK_STATUS_UNKNOWN: N_("Sanso does not know the stack status %(status)s, so it changes nothing."),
    Code.STACK_NEVER_CREATED: N_("The environment has no stack."),
    Code.STACK_GONE: N_(
        "The stack no longer exists in AWS. Create the environment again, or remove it from Sanso."
    ),
    Code.DEPLOYMENT_IN_PROGRESS: N_("A deployment is changing this environment. Wait until it has finished."),
    Code.STACK_IN_REVIEW: N_("Nothing has been created in the stack yet."),
    Code.STACK_ALREADY_DELETED: N_("The stack has been deleted."),
    Code.STACK_BEING_DELETED: N_("The stack is being deleted."),
    Code.STACK_ROLLED_BACK_EMPTY: N_(
        "The creation was rolled back. CloudFormation can only delete this stack."
    ),
    Code.STACK_STOPPED_AT_FAILURE: N_(
        "The last operation stopped at a failure. Retry from here, roll back, or delete the environment."
    ),
    Code.STACK_ROLLBACK_TO_CONTINUE: N_(
        "The rollback of the last update failed. Continue the rollback first."
    ),
    Code.STACK_PARTLY_DELETED: N_(
        "The deletion failed and part of the stack is gone. CloudFormation can only delete the rest."
    ),
    Code.STACK_IMPORT_ROLLBACK_FAILED: N_(
        "The rollback of an import failed. CloudFormation can only delete this stack."
    ),
    Code.STACK_NOT_DELETED_DURING_UPDATE: N_(
        "CloudFormation does not delete a stack during an update. Cancel the update first."
    ),
    Code.STACK_NOT_DELETED_DURING_ROLLBACK: N_(
        "CloudFormation does not delete a stack while it rolls back an update. Wait until it has finished."
    ),
    Code.STACK_NOT_DELETED_DURING_CLEANUP: N_(
        "CloudFormation is deleting replaced resources. Wait until it has finished."
    ),
    Code.NOTHING_TO_RETRY: N_("The last operation did not stop at a failure, so there is nothing to retry."),
    Code.NOTHING_TO_CANCEL: N_("No operation is in progress."),
    Code.EXPRESS_NOT_ROLLED_BACK: N_(
        "The stack was deployed last in CloudFormation's express mode, outside of Sanso. AWS does not roll "
        "back such a stack: apply a change that repairs it."
    ),
    Code.EXPRESS_NOT_KEPT: N_(
        "The stack was deployed last in CloudFormation's express mode, outside of Sanso. There a failure "
        "cannot be kept."
    ),
    Code.NOTHING_TO_ROLL_BACK: N_(
        "The last operation did not stop at a failure. To return to earlier values, choose a deployment "
        "in the history."
    ),
    Code.NOTHING_TO_CONTINUE: N_("Only a failed rollback of an update can be continued."),
    Code.FORCE_AFTER_FAILED_DELETION: N_(
        "CloudFormation forces a deletion only after a deletion has failed."
    ),
    Code.ROLLBACK_NOT_CANCELED: N_("CloudFormation does not cancel a rollback."),
    Code.CLEANUP_NOT_CANCELED: N_(
        "The update is complete; CloudFormation is deleting replaced resources. It is too late to cancel."
    ),
    Code.DELETION_NOT_CANCELED: N_("CloudFormation does not cancel a deletion."),
    Code.IMPORT_NOT_CANCELED: N_("CloudFormation does not cancel an import."),
    Code.KEEP_WITHOUT_REPLACEMENT: N_(
        "This change may replace resources, so a failure is always rolled back: CloudFormation replaces "
        "nothing while rollback is disabled."
    ),
    Code.RETRY_WITHOUT_REPLACEMENT: N_(
        "This retry would fail: it replaces %(resources)s, and CloudFormation replaces nothing while "
        "rollback is disabled. Roll back first, then request the change again."
    ),
}
