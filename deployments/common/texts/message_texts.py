"""The English texts of message codes; other languages are in portal/locale.

Those here are of what several packages have in common; `deployments/connected.py` adds those of each package.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from django.utils.translation import gettext_noop as N_

from deployments.common.message_codes import Code


class CauseText(NamedTuple):
    """The texts of a cause; %(name)s are the named groups of its signature."""

    title: str
    advice: str


CAUSES: Final[dict[str, CauseText]] = {}
"""The texts of known causes, by their codes; `deployments/connected.py` adds them."""
MESSAGES: Final[dict[Code, str]] = {
    Code.NAME_NOT_CONFIRMED: N_("Type the name %(environment)s exactly to delete the environment."),
    Code.DATA_LOSS_NOT_CONFIRMED: N_(
        "The change deletes data or may delete it. Type the name %(environment)s exactly to apply it."
    ),
    Code.DELETION_PROTECTION_ON: N_(
        "Deletion protection is on, so AWS would refuse the deletion: turn it off first."
    ),
    Code.ENVIRONMENT_ALREADY_DELETED: N_("The environment has already been deleted."),
    Code.NOTHING_TO_CLEAN_UP: N_(
        "Only the latest creation of an environment can be cleaned up, after its stacks failed."
    ),
    Code.NOTHING_TO_DISMISS: N_("Only the failure of an environment's latest change can be dismissed."),
    Code.STACK_STILL_EXISTS: N_(
        "Only an environment whose stack no longer exists can be removed from Sanso. Delete it instead."
    ),
    Code.NAME_INVALID: N_("A name has letters, digits and hyphens, and starts with a letter."),
    Code.NAME_TOO_LONG: N_("A name has at most %(count)s characters."),
    Code.ENVIRONMENT_BUSY: N_(
        "Another deployment is changing %(environment)s. Wait until it has finished, or open it from the "
        "list."
    ),
    Code.ENVIRONMENT_BEING_CREATED: N_(
        "%(user)s is creating %(environment)s (deployment %(deployment)s). Wait until it has finished."
    ),
    Code.ENVIRONMENT_BEING_CHANGED: N_(
        "%(user)s is changing %(environment)s (deployment %(deployment)s). Wait until it has finished."
    ),
    Code.ENVIRONMENT_BEING_DELETED: N_(
        "%(user)s is deleting %(environment)s (deployment %(deployment)s). Wait until it has finished."
    ),
    Code.ENVIRONMENT_BEING_ROLLED_BACK: N_(
        "%(user)s is rolling back %(environment)s (deployment %(deployment)s). Wait until it has finished."
    ),
    Code.ENVIRONMENT_LOCKED: N_("%(user)s locked %(environment)s: “%(reason)s”"),
    Code.ENVIRONMENT_LOCKED_UNTIL: N_("%(user)s locked %(environment)s until %(until)s: “%(reason)s”"),
    Code.ENVIRONMENT_ALREADY_LOCKED: N_("%(user)s has already locked the environment."),
    Code.ENVIRONMENT_NOT_LOCKED: N_("The environment is not locked."),
    Code.LOCK_OF_ANOTHER: N_(
        "%(user)s locked the environment. Ask them to unlock it, or break the lock with a reason."
    ),
    Code.LOCK_EXPIRY_PASSED: N_("Enter a time in the future."),
    Code.REASON_MISSING: N_("Enter a reason."),
    Code.TOKEN_NAME_INVALID: N_("Enter a name of at most %(count)s characters."),
    Code.TOKEN_LIFETIME_INVALID: N_("A token expires after one of these numbers of days: %(days)s."),
    Code.TOO_MANY_TOKENS: N_("There are %(count)s tokens already. Revoke those that are not needed."),
    Code.COMMAND_LINE_CODE_INVALID: N_(
        "The login has expired or is complete already. Run sanso login again."
    ),
    Code.ACCOUNT_IN_USE: N_(
        "%(account)s has environments, so it cannot be deleted: their history stays, also of deleted ones."
    ),
    Code.ACCOUNT_FROZEN: N_(
        "The account %(account)s is frozen by the window “%(name)s”, whose end is not known: “%(reason)s”"
    ),
    Code.ACCOUNT_FROZEN_UNTIL: N_(
        "The account %(account)s is frozen until %(until)s by the window “%(name)s”: “%(reason)s”"
    ),
    Code.PARAMETER_UNKNOWN: N_("The template set has no parameter %(parameter)s."),
    Code.PARAMETER_NOT_ALLOWED: N_("This value is not allowed."),
    Code.PARAMETER_CONSTRAINT: "%(constraint)s",  # the template author's own text
    Code.PARAMETER_REQUIRED: N_("This field is required."),
    Code.PARAMETER_REQUIRED_AS: N_("This field is required. %(constraint)s"),
    Code.PARAMETER_TOO_LARGE: N_("Must have at most %(max)s bytes."),
    Code.PARAMETER_NOT_ONE_OF: N_("Must be one of: %(allowed)s."),
    Code.PARAMETER_NO_NUMBER: N_("Enter a number."),
    Code.PARAMETER_RANGE: N_("Must be between %(min)s and %(max)s."),
    Code.PARAMETER_RANGE_MIN: N_("Must be %(min)s or more."),
    Code.PARAMETER_RANGE_MAX: N_("Must be %(max)s or less."),
    Code.PARAMETER_LENGTH: N_("Must have between %(min)s and %(max)s characters."),
    Code.PARAMETER_LENGTH_MIN: N_("Must have at least %(min)s characters."),
    Code.PARAMETER_LENGTH_MAX: N_("Must have at most %(max)s characters."),
    Code.PARAMETER_PATTERN: N_("Must match the pattern %(pattern)s."),
    Code.PARAMETER_NO_NETWORK: N_("Must be an IPv4 range such as %(example)s."),
    Code.PARAMETER_HOST_BITS: N_("%(value)s is not the beginning of a range. Enter %(network)s."),
    Code.PARAMETER_OF_OTHER_REGION: N_("Must be in the region of the environment: %(begin)s…"),
    Code.RULE_DESCRIPTION: "%(constraint)s",  # the template author's own text
    Code.RULE_NOT_MET: N_("The values do not meet the rule %(rule)s of the template (%(parameters)s)."),
    Code.PERMISSION_MISSING: N_("The permission %(permission)s is missing."),
    Code.ROLE_MISSING: N_("You need the role %(role)s for %(name)s."),
    Code.NOTHING_TO_CHANGE: N_("The environment has no deployment whose values could be changed."),
    Code.PARAMETER_CHOSEN_ONCE: N_(
        "The environment keeps the value that it was created with: changing it would lose data, interrupt "
        "the site or fail."
    ),
    Code.PARAMETER_INTERNAL: N_("Sanso sets this parameter. It cannot be chosen."),
    Code.TEMPLATE_VERSION_WITHDRAWN: N_(
        "Version %(version)s was withdrawn, so nothing is deployed from it: “%(reason)s”"
    ),
    Code.TEMPLATE_VERSION_DEPRECATED: N_(
        "Version %(version)s is deprecated, so no new environments are created from it: “%(reason)s”"
    ),
    Code.VERSION_STATUS_UNCHANGED: N_("The version has this status already."),
    Code.SET_NAME_INVALID: N_(
        "A name begins with a letter or digit and has at most %(limit)s letters, digits, spaces, hyphens, "
        "dots and underscores."
    ),
    Code.SET_NAME_TAKEN: N_("There is a template set %(name)s already."),
    Code.SET_NOT_EDITABLE: N_("This template set is bundled or was removed, so this is not possible."),
    Code.SET_REFS_MISSING: N_("Enter at least one branch, tag or pattern, such as main or v*."),
    Code.SET_FOLDER_INVALID: N_("Enter the path of a folder on the worker's machine, from the first slash."),
    Code.SET_PATH_INVALID: N_("Enter a path inside the source, without a leading slash and without “..”."),
    Code.SET_PATH_FIXED: N_(
        "Kind and folder are not changed once there are versions. Add another template set instead."
    ),
    Code.SET_ARCHIVE_MISSING: N_("Choose an archive."),
    Code.SET_ARCHIVE_TOO_LARGE: N_("The archive is larger than %(limit)s."),
    Code.SET_HAS_NO_ARCHIVES: N_(
        "%(name)s comes from a Git repository or a folder, so no archive is uploaded to it. Fetch it instead."
    ),
    Code.FETCH_IN_PROGRESS: N_("A fetch is in progress. Wait until it has ended."),
    Code.FETCH_INTERRUPTED: N_(
        "The fetch was interrupted %(count)s times, each time because its worker ended. Fetch again."
    ),
    Code.SOURCE_CREDENTIALS_UNREADABLE: N_(
        "The stored credentials cannot be decrypted, because SECRET_KEY was changed. Enter them again."
    ),
    Code.TAG_NOT_MOVED: N_("The tag does not wait for a confirmation any more."),
    Code.TEMPLATE_SET_NOT_STORED: N_(
        "The template set of deployment %(deployment)s is not stored: an earlier version of Sanso did not "
        "keep it, and the current set is another one. Its parameters can be taken over in a change."
    ),
    Code.TEMPLATE_VERSION_NOT_STORED: N_("The files of version %(version)s are not stored."),
    Code.CHANNEL_INVALID: N_(
        "Enter up to %(limit)s branches or tags, separated by spaces. An asterisk stands for any characters."
    ),
    Code.NO_UPDATE_PAUSED: N_("No update of this environment is paused."),
    Code.PREVIEW_OUT_OF_DATE: N_("The preview is out of date. Review the new one."),
    Code.PREVIEW_NOT_READY: N_("The preview is not ready yet."),
    Code.CHANGE_ALREADY_APPLIED: N_("The change is already being applied."),
    Code.CHANGE_APPLIED_BY: N_("%(user)s has already applied this change."),
    Code.CHANGE_ENDED: N_("The change has already ended."),
    Code.REQUEST_KEY_REUSED: N_(
        "This was already requested with other values, which deployment %(deployment)s has. Open the form "
        "again to request something else."
    ),
    Code.DELETION_AGAIN_NOT_APPROVED: N_(
        "Deletions of this environment require approval, and none was approved that includes this. Delete "
        "the environment instead: that waits for approval."
    ),
    Code.REMAINING_NEEDS_APPROVER: N_(
        "The deletion of this environment required approval. What remains is deleted by somebody who may "
        "approve changes and has not requested the deletion."
    ),
    Code.DELETION_WAITING: N_(
        "A deletion of this environment already waits for approval: deployment %(deployment)s."
    ),
    Code.DELETION_OUT_OF_DATE: N_(
        "The environment has changed since its deletion was requested. Deny this request; the deletion has "
        "to be requested again."
    ),
    Code.APPROVAL_OWN: N_("You requested this. Another person has to decide."),
    Code.APPROVAL_REPEATED: N_("You have approved this. Another person has to approve it as well."),
    Code.APPROVER_ROLE: N_("Approving changes of this environment needs the role %(role)s."),
    Code.APPROVER_SERVICE_ACCOUNT: N_(
        "A service account can neither approve nor bypass approvals. A person has to."
    ),
    Code.APPROVAL_EXPIRED: N_("The request for approval has expired and counts as denied. Request it again."),
    Code.APPROVAL_GIVEN: N_("%(user)s has already approved this."),
    Code.APPROVAL_BYPASSED: N_("%(user)s has bypassed the approval of this in an emergency."),
    Code.APPROVAL_DENIED: N_("%(user)s has already denied this."),
    Code.APPROVALS_WAITING: N_(
        "Changes of this environment wait for approval. Until they are decided, only a person who may "
        "approve them can switch this off."
    ),
    Code.NOTHING_TO_APPROVE: N_(
        "This request for approval does not wait any more: it was withdrawn, or its preview was replaced."
    ),
    Code.REQUESTER_NOT_PERMITTED: N_(
        "Who requested this no longer has the permission for it. Deny it, or grant the permission again."
    ),
    Code.SCHEDULE_PASSED: N_("This time has passed. Choose a later one."),
    Code.SCHEDULE_TOO_FAR: N_("Choose a time within the next %(days)s days."),
    Code.SCHEDULE_INVALID: N_("Enter a date and a time."),
    Code.SCHEDULE_FROZEN: N_(
        "The account %(account)s will be frozen then by the window “%(name)s”, whose end is not known: "
        "“%(reason)s” Choose an earlier time."
    ),
    Code.SCHEDULE_FROZEN_UNTIL: N_(
        "The account %(account)s will be frozen then, until %(until)s, by the window “%(name)s”: "
        "“%(reason)s” Choose another time."
    ),
    Code.NOT_SCHEDULED: N_(
        "Only a creation that waits for its time can get another one. A change gets one with a new preview."
    ),
    Code.CREATION_SCHEDULED: N_(
        "%(user)s has scheduled the creation of %(environment)s for %(until)s. Cancel it first, or choose "
        "another name."
    ),
    Code.CREATION_MISSED: N_(
        "It could not begin within an hour of its scheduled time, because the portal was not running. "
        "Nothing was created in AWS."
    ),
    Code.CREATION_NOT_PERMITTED: N_(
        "%(user)s requested it and no longer has the permission to create this environment. Nothing was "
        "created in AWS."
    ),
    Code.SCHEDULE_NOT_IN_ZONE: N_(
        "In %(zone)s the clocks change at this time, so that it does not occur or occurs twice. Choose "
        "another one."
    ),
    Code.CANCEL_AFTER_END: N_("The deployment had already finished, so nothing was canceled."),
    Code.CANCEL_TOO_LATE: N_(
        "CloudFormation finished (%(status)s) before it could be canceled, so nothing was canceled."
    ),
    Code.STACKS_ENDED: N_("CloudFormation has finished (%(status)s): the stacks can no longer be canceled."),
    Code.CANCEL_EFFECT_CHANGED: N_(
        "The deployment has moved on, and canceling does something else now. Nothing was canceled: read "
        "what it does, then decide."
    ),
    Code.CANCEL_IN_PROGRESS: N_("It is already being canceled."),
    Code.OPERATION_FROM_OUTSIDE: N_(
        "The operation in progress was not requested here. Cancel it where it was started, for example in "
        "the AWS console."
    ),
    Code.CANCEL_REJECTED: N_("AWS rejected it: %(action)s: %(aws)s (%(code)s)"),
    Code.ENVIRONMENT_NAME_TAKEN: N_(
        "The account already has an environment named %(environment)s. Choose another name."
    ),
    Code.NAME_TAKEN_IN_ACCOUNT: N_("The name %(name)s is taken in this account. Choose another name."),
    Code.FOR_SUPERUSERS: N_("Only superusers may do this."),
    Code.ASSOCIATION_NOT_FOUND: N_("The environment has no such association."),
    Code.NO_FAILED_INSTANCES: N_("The last run of the association did not fail on any instance."),
    Code.NO_OWN_TARGETS: N_("The association only targets servers of others; none of this environment."),
    Code.PROTECTION_ON: N_("Deletion protection is on."),
    Code.PROTECTION_FAILED: "%(where)s: %(reason)s",  # only values
    Code.PROTECTION_CANCELED: N_("Canceled before it was switched on."),
    Code.PROTECTION_TIMED_OUT: N_("CloudFormation did not finish the update that switches it on."),
    Code.NOTHING_TO_PROTECT: N_("Deletion protection of this environment has not failed."),
    Code.BOUNDARY_NOT_ENTERED: N_(
        "In this account, CloudFormation only creates roles with the permissions boundary of account.yaml "
        "(RolesNeedBoundary): %(roles)s. Enter BoundaryArn of the stack %(stack)s as the permissions "
        "boundary of the account in the admin."
    ),
    Code.ROLES_WITHOUT_BOUNDARY: N_(
        "The template set gives these IAM roles no permissions boundary, and in this account CloudFormation "
        "only creates roles with it (RolesNeedBoundary): %(roles)s. Set PermissionsBoundary of each role to "
        "a parameter of the set, and name the parameter in template-set.yaml (boundary_parameter). Or deploy "
        "account.yaml in the account with RolesNeedBoundary=false."
    ),
    Code.IMAGE_NOT_FOUND: N_(
        "Systems Manager has no parameter %(name)s in this region, which names the machine image for "
        "%(parameter)s. Correct it in template-set.yaml."
    ),
    Code.IMAGE_MISSING: N_("%(name)s does not exist in %(region)s."),
    Code.TYPE_NOT_OFFERED: N_("%(type)s is not offered in %(zones)s."),
    Code.VERSION_NOT_OFFERED: N_("%(region)s does not offer %(engine)s %(version)s."),
    Code.CLASS_NOT_OFFERED: N_("%(class)s with %(engine)s %(version)s is not offered in %(zones)s."),
    Code.CERTIFICATE_MISSING: N_("%(arn)s does not exist."),
    Code.CERTIFICATE_NOT_ISSUED: N_("%(arn)s has the status %(status)s."),
    Code.RESTORE_SNAPSHOT_NOT_FOUND: N_(
        "RDS has no snapshot %(snapshot)s in this account and region. It may have been deleted. Choose "
        "another one, or leave the field empty for an empty database."
    ),
    Code.RESTORE_SNAPSHOT_NOT_AVAILABLE: N_(
        "The snapshot %(snapshot)s cannot be restored now: its status is %(status)s. Deploy again when it is "
        "available."
    ),
    Code.RESTORE_SNAPSHOT_DENIED: N_(
        "The snapshot %(snapshot)s has the data of an environment that you may not change. Ask somebody who "
        "may."
    ),
    Code.RESTORED_DATABASE_REPLACED: N_(
        "The database was restored from the snapshot %(snapshot)s. This template set does not keep that "
        "value: CloudFormation would replace the database by another one. Choose a version with the "
        "parameter."
    ),
    Code.RESTORE_NOT_SUPPORTED: N_(
        "This template set cannot restore a snapshot: the database would be empty. Choose a version whose "
        "template-set.yaml names a snapshot_parameter."
    ),
    Code.RESTORE_TIME_NOT_SUPPORTED: N_(
        "This template set cannot restore a database to a point in time: the database would be empty. Choose "
        "a version whose template-set.yaml has point_in_time_parameters."
    ),
    Code.RESTORE_TIME_INVALID: N_("Enter the date and the time to restore the database to."),
    Code.RESTORE_TIME_NOT_POSSIBLE: N_(
        "RDS cannot restore %(cluster)s to %(time)s. Choose a time from %(earliest)s and before %(latest)s."
    ),
    Code.RESTORE_CLUSTER_UNKNOWN: N_(
        "The environment has no database cluster %(cluster)s whose backups are known, or several. Name a "
        "cluster on its Database tab."
    ),
    Code.RESTORE_CLUSTER_NOT_FOUND: N_(
        "RDS has no cluster %(cluster)s in this account and region. It may have been deleted. Choose a "
        "snapshot, or leave the field empty for an empty database."
    ),
    Code.RESTORE_CLUSTER_NOT_AVAILABLE: N_(
        "The cluster %(cluster)s cannot be restored to a point in time now: its status is %(status)s. Deploy "
        "again when it is available."
    ),
    Code.RESTORE_CLUSTER_DENIED: N_(
        "The cluster %(cluster)s has the data of an environment that you may not change. Ask somebody who "
        "may."
    ),
    Code.DATABASE_AT_TIME_REPLACED: N_(
        "The database was restored from %(cluster)s to %(time)s. This template set does not keep these "
        "values: CloudFormation would replace the database by another one. Choose a version with the "
        "parameters."
    ),
    Code.SECOND_DATABASE_DELETED: N_(
        "The environment has a second database, which this template set does not have: CloudFormation would "
        "delete it. Choose a version with second_database in its template-set.yaml."
    ),
    Code.SECOND_DATABASE_NOT_SUPPORTED: N_(
        "The template set of this environment has no second database. Update the environment to a version "
        "with second_database in its template-set.yaml first."
    ),
    Code.SECOND_DATABASE_EXISTS: N_("This environment already has a second database."),
    Code.SECOND_DATABASE_MISSING: N_(
        "This environment has only one database. Restore data beside it first, then switch to it."
    ),
    Code.DATABASE_IN_USE: N_("The servers already use database %(database)s."),
    Code.DATABASE_EMPTIED: N_(
        "Database %(database)s has no instances, since its deletion has begun. Keep it first, which adds "
        "them again."
    ),
    Code.DATABASE_NOT_EMPTIED: N_("The deletion of database %(database)s has not begun."),
    Code.DATABASE_DELETION_NOT_SUPPORTED: N_(
        "The template set of this environment cannot delete one of two databases. Update the environment to "
        "a version with without_instances in its template-set.yaml first."
    ),
    Code.DATABASE_NOT_DELETED: N_(
        "The servers use database %(database)s. Switch to the other one before you delete it."
    ),
    Code.ONLY_DATABASE: N_("This environment has only one database, which is deleted with the environment."),
    Code.DATABASES_CHANGED: N_(
        "The databases of this environment have changed since this change was requested. Request it again."
    ),
    Code.NOTHING_TO_DELETE: N_("Select at least one resource that Sanso can delete."),
    Code.LOAD_BALANCER_UNKNOWN: N_("The load balancer of this environment is not known yet."),
    Code.BUCKET_IN_OTHER_REGION: N_(
        "The artifact bucket %(bucket)s is not in %(region)s. Set a bucket of this region in the "
        "account's settings."
    ),
    Code.BUCKET_NOT_ACCESSIBLE: N_(
        "S3 denied access to the artifact bucket %(bucket)s, and does not say why. Check whose bucket it is: "
        "if it belongs to another account, set another one in the account's settings. If it is this "
        "account's, allow s3:ListBucket on it for the role that Sanso assumes (sanso-portal)."
    ),
    Code.SITE_SAVED_NOT_LISTED: N_("The time was saved, but the list did not show it within %(seconds)s s."),
    Code.SITE_REDIRECTED: N_("%(path)s redirects to %(location)s. Sanso does not follow redirects."),
    Code.SITE_ERROR_STATUS: N_("%(path)s returns %(status)s: %(text)s"),
    Code.SITE_UNEXPECTED_RESPONSE: N_("%(path)s returned an unexpected response: %(text)s"),
    Code.SITE_NO_RESPONSE: N_("No response from %(path)s (%(error)s)."),
    Code.SITE_CONNECTION_FAILED: N_(
        "The load balancer does not accept connections on port %(port)s (%(error)s)."
    ),
    Code.SITE_NAME_MISSING: N_("The load balancer has no DNS name yet."),
    Code.SITE_NAME_NOT_ALLOWED: N_("%(name)s is not a load balancer name. No request was sent."),
    Code.SITE_ADDRESS_NOT_ALLOWED: N_(
        "%(name)s resolves to %(address)s, which cannot be a load balancer. No request was sent."
    ),
    Code.SITE_SANDBOX_WITHOUT_SERVERS: N_("The load balancers of this sandbox have no servers."),
    Code.SITE_NAME_NOT_RESOLVED: N_("%(name)s cannot be resolved (%(error)s)."),
    Code.PACKAGE_NOT_INSTALLED: N_("The package %(package)s is not installed on the portal."),
    Code.PACKAGE_NOT_PURE_PYTHON: N_("The package %(package)s is not pure Python."),
    Code.LINT_FAILED: N_("cfn-lint could not check the template set: %(why)s"),
    Code.TEMPLATE_SET_NOT_FOUND: N_("No template set at %(folder)s."),
    Code.PARAMETERS_NOT_A_MAPPING: N_("%(file)s: Parameters must be a mapping."),
    Code.FILE_WITHOUT_PARAMETER: N_("%(file)s has no parameter %(parameter)s."),
    Code.MANIFEST_FILE_MISSING: N_("%(manifest)s refers to %(file)s, which does not exist."),
    Code.ROOT_TEMPLATE_AMBIGUOUS: N_(
        "%(folder)s needs exactly one root template but has %(count)s candidates: name it root.yaml or "
        "set it in %(manifest)s."
    ),
    Code.ROOT_TEMPLATE_MISSING: N_(
        "%(folder)s has no root template: every template is nested in another one. Set the root in "
        "%(manifest)s."
    ),
    Code.ROOT_TEMPLATE_UNDECIDED: N_(
        "Several templates in %(folder)s can be the root: %(candidates)s. Name one root.yaml or set it in "
        "%(manifest)s."
    ),
    Code.NESTED_TEMPLATE_MISSING: N_(
        "With these values the nested stacks need %(files)s, which the template set does not contain."
    ),
    Code.MANIFEST_ARTIFACT_MISSING: N_("%(manifest)s refers to %(file)s for %(key)s, which does not exist."),
    Code.MANIFEST_PARAMETER_MISSING: N_(
        "%(manifest)s names the parameter %(parameter)s, which the root template does not have."
    ),
    Code.MANIFEST_VALUE_NOT_ALLOWED: N_(
        "%(manifest)s gives %(parameter)s a value that the root template does not allow."
    ),
    Code.PARAMETER_WITHOUT_TYPE: N_("%(file)s: the parameter %(parameter)s has no Type."),
    Code.PARAMETER_DEFAULT_INVALID: N_(
        "%(file)s: the Default of %(parameter)s must be a string or a number."
    ),
    Code.FILE_UNREADABLE: N_("%(file)s cannot be read: %(why)s."),
    Code.STATUS_UNKNOWN: N_("%(where)s: AWS reports %(code)s."),
    Code.DEPLOYMENT_STILL_RUNNING: N_("Only a finished deployment can be exported."),
    Code.RECORDING_INVALID: N_("This is not a recording that this version can read."),
    Code.RECORDING_VALUE_INVALID: N_("The recording is invalid: %(place)s is missing or has a wrong value."),
    Code.RECORDING_NOT_FOUND: N_("Recording not found."),
    Code.UNEXPECTED_ERROR: N_("A step failed with an unexpected error."),
    Code.UNEXPECTED_ERROR_IN_LOG: N_(
        "A step failed with an unexpected error. The worker's log has the details."
    ),
    Code.RUN_REQUESTED_ON_SOME: N_("Requested on %(count)s instance(s)."),
    Code.RUN_REQUESTED_ON_ALL: N_("Requested on all instances."),
    Code.LOG_DELETED: N_("The log was deleted with its stack before it could be read."),
    Code.LOG_EMPTY: N_("The function logged nothing between the start and the failure of the resource."),
    Code.OUTPUT_NOT_LOCATED: N_(
        "State Manager no longer has the association, and no output location of it is known."
    ),
    Code.OUTPUT_NOT_FOUND: N_(
        "State Manager no longer has the association, and no output of it is in s3://%(bucket)s/%(prefix)s."
    ),
    Code.EVIDENCE_UNREADABLE: N_("It could not be read. %(action)s: %(aws)s (%(code)s)"),
    Code.TRAIL_DENIED: N_("AWS denied %(action)s to %(who)s (%(code)s)."),
    Code.TRAIL_CHANGED: N_("%(who)s called %(action)s on the resource before it failed."),
    Code.STOPPED_BY_VALIDATION: N_(
        "%(place)s did not pass CloudFormation's validation: %(reason)s (%(check)s)"
    ),
    Code.STOPPED_BY_HOOK: N_("The hook %(check)s stopped %(place)s: %(reason)s"),
    Code.STOPPED_BY_ERROR: "%(place)s: %(reason)s (%(check)s)",  # only values
    Code.CHANGE_SET_REJECTED: N_("CloudFormation rejected the change set: %(reason)s"),
    Code.CHANGE_SET_REJECTED_IN: N_(
        "CloudFormation rejected the change set because of the nested stack %(where)s (%(file)s): %(reason)s"
    ),
    Code.VALIDATION_FAILED: N_("CloudFormation's validation rejected the change set. %(findings)s"),
    Code.VALIDATION_FAILED_MORE: N_(
        "CloudFormation's validation rejected the change set. %(findings)s; and %(more)s more."
    ),
    Code.CAPABILITIES_INSUFFICIENT: N_(
        "%(aws)s Add it to SANSO_CAPABILITIES if the portal may do this in your accounts."
    ),
    Code.AWS_RETRYING: N_("%(action)s failed (%(code)s). Retrying at increasing intervals."),
    Code.AWS_DENIED_SHORT: N_("AWS denied %(action)s (%(code)s)."),
    Code.AWS_ERROR: "%(action)s: %(aws)s (%(code)s)",  # only values
    Code.TEMPLATE_SET_CHANGED: N_(
        "The template set has changed since the form was filled in. Review the parameters and deploy again."
    ),
    Code.LINT_ERRORS: N_(
        "cfn-lint found errors in the template set (%(count)s): %(worst)s. Fix the templates and deploy "
        "again."
    ),
    Code.STACK_NAME_TAKEN: N_(
        "The account already has a stack named %(stack)s (%(status)s). Choose another environment name, "
        "or delete that stack first."
    ),
    Code.SANDBOX_RESTARTED: N_(
        "The sandbox was restarted, and a sandbox keeps nothing across a restart: the stack no longer exists."
    ),
    Code.STACK_MISSING: N_("The stack no longer exists: it was deleted outside of Sanso."),
    Code.SITE_CHECK_SUCCEEDED: N_("Write and read succeeded in %(milliseconds)s ms."),
    Code.STACK_DELETED_OUTSIDE: N_("The stack was deleted outside of Sanso while it was being created."),
    Code.NO_CREDENTIALS: N_(
        "No AWS credentials for this account. Configure credentials for the worker (environment, profile "
        "or instance role), or set a role to assume in the account's settings."
    ),
    Code.AWS_DENIED: N_("AWS denied %(action)s. Allow %(action)s for the role that Sanso uses. AWS: %(aws)s"),
    Code.AWS_CREDENTIALS_INVALID: N_(
        "AWS rejected the credentials (%(code)s for %(action)s). Renew them, or check the role and its "
        "external ID. AWS: %(aws)s"
    ),
    Code.RESOURCE_FAILED: "%(where)s (%(type)s): %(reason)s",  # only values
    Code.AWS_REASON: "%(reason)s",  # only values
    Code.NOT_A_LIST: N_("%(file)s: %(place)s must be a list."),
    Code.NOT_A_STRING: N_("%(file)s: %(place)s must be a string."),
    Code.NOT_AN_INTEGER: N_("%(file)s: %(place)s must be an integer."),
    Code.NOT_A_NUMBER: N_("%(file)s: %(place)s must be a number."),
    Code.NOT_A_MAPPING: N_("%(file)s: %(place)s must be a mapping."),
    Code.KEY_MISSING: N_("%(file)s: %(place)s has no key."),
    Code.TOO_MANY_PARAMETERS: N_("%(file)s has %(count)s parameters; CloudFormation allows %(limit)s."),
    Code.TOO_MANY_RESOURCES: N_("%(file)s has %(count)s resources; CloudFormation allows %(limit)s."),
    Code.TOO_MANY_TEMPLATES: N_(
        "%(folder)s has %(count)s templates with %(size)s bytes; a template set may have %(limit)s "
        "templates with %(total)s bytes."
    ),
}
