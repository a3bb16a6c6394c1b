"""Sentences that rows and recordings stored before messages had codes, with the codes that replace them.

Rows of that release contain {"template": sentence, "values": {…}}. They are no longer written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from deployments.message_codes import Code

LEGACY: Final[Mapping[str, Code]] = {
    "Type the name %(environment)s exactly to delete the environment.": Code.NAME_NOT_CONFIRMED,
    (
        "Deletion protection is on: AWS would refuse. Tick the box to turn it off first."
    ): Code.DELETION_PROTECTION_ON,
    "The environment is deleted already.": Code.ENVIRONMENT_ALREADY_DELETED,
    (
        "Only an environment whose stack no longer exists can be forgotten. Delete it instead."
    ): Code.STACK_STILL_EXISTS,
    "A name has letters, digits and hyphens, and begins with a letter.": Code.NAME_INVALID,
    "A name has at most %(count)s characters.": Code.NAME_TOO_LONG,
    (
        "%(environment)s is being changed by another deployment. Wait for its end, or open it from the list."
    ): Code.ENVIRONMENT_BUSY,
    "The template set has no parameter %(parameter)s.": Code.PARAMETER_UNKNOWN,
    "This value is not allowed.": Code.PARAMETER_NOT_ALLOWED,
    (
        "The account already has an environment named %(environment)s. Choose another name."
    ): Code.ENVIRONMENT_NAME_TAKEN,
    "The environment has no such association.": Code.ASSOCIATION_NOT_FOUND,
    "The association's last run failed on no instance.": Code.NO_FAILED_INSTANCES,
    "No load balancer of this environment is known yet.": Code.LOAD_BALANCER_UNKNOWN,
    (
        "The artifact bucket %(bucket)s lies in another region than %(region)s. Name a bucket of this "
        "region in the account."
    ): Code.BUCKET_IN_OTHER_REGION,
    (
        "The artifact bucket %(bucket)s belongs to another account, or this role may not see it. Name "
        "another bucket in the account's settings, or grant s3:ListBucket on it."
    ): Code.BUCKET_NOT_ACCESSIBLE,
    ("The time was saved, but the list does not show it within %(seconds)s s."): Code.SITE_SAVED_NOT_LISTED,
    "%(path)s leads elsewhere, to %(location)s. Sanso does not follow.": Code.SITE_REDIRECTED,
    "%(path)s answers %(status)s: %(text)s": Code.SITE_ERROR_STATUS,
    "%(path)s answers, but not as datelog does: %(text)s": Code.SITE_UNEXPECTED_RESPONSE,
    "%(path)s is not answered (%(error)s).": Code.SITE_NO_RESPONSE,
    "The load balancer takes no connection at port %(port)s (%(error)s).": Code.SITE_CONNECTION_FAILED,
    "The load balancer has no name yet.": Code.SITE_NAME_MISSING,
    "%(name)s is not the name of a load balancer. Nothing was asked.": Code.SITE_NAME_NOT_ALLOWED,
    (
        "%(name)s leads to %(address)s, which no load balancer has. Nothing was asked."
    ): Code.SITE_ADDRESS_NOT_ALLOWED,
    "Nothing listens behind the load balancers of this sandbox.": Code.SITE_SANDBOX_WITHOUT_SERVERS,
    "The name %(name)s leads nowhere (%(error)s).": Code.SITE_NAME_NOT_RESOLVED,
    "The package %(package)s is not installed here.": Code.PACKAGE_NOT_INSTALLED,
    "The package %(package)s is not pure Python.": Code.PACKAGE_NOT_PURE_PYTHON,
    "cfn-lint could not check the template set: %(why)s": Code.LINT_FAILED,
    "There is no template set at %(folder)s.": Code.TEMPLATE_SET_NOT_FOUND,
    "%(file)s: Parameters is not a mapping.": Code.PARAMETERS_NOT_A_MAPPING,
    "%(file)s has no parameter %(parameter)s.": Code.FILE_WITHOUT_PARAMETER,
    "%(manifest)s names %(file)s, which is not there.": Code.MANIFEST_FILE_MISSING,
    (
        "%(folder)s needs exactly one root template, and %(count)s could be it: call it root.yaml or "
        "name it in %(manifest)s."
    ): Code.ROOT_TEMPLATE_AMBIGUOUS,
    "%(manifest)s names %(file)s for %(key)s: it is not there.": Code.MANIFEST_ARTIFACT_MISSING,
    "%(file)s: the parameter %(parameter)s has no Type.": Code.PARAMETER_WITHOUT_TYPE,
    "%(file)s: the Default of %(parameter)s must be a text or a number.": Code.PARAMETER_DEFAULT_INVALID,
    "%(file)s cannot be read: %(why)s.": Code.FILE_UNREADABLE,
    "%(where)s: AWS says %(code)s.": Code.STATUS_UNKNOWN,
    "%(where)s is being taken out; it gets no new requests.": Code.TARGET_DRAINING,
    "%(where)s is being checked for the first time.": Code.TARGET_INITIAL,
    "%(where)s does not pass its health checks (%(code)s).": Code.TARGET_UNHEALTHY,
    "%(where)s gets no requests (%(code)s).": Code.TARGET_UNUSED,
    "%(where)s is not checked (%(code)s).": Code.TARGET_UNAVAILABLE,
    "%(where)s is being registered with its load balancer.": Code.TARGET_REGISTERING,
    (
        "%(where)s answers health checks with another HTTP code than wanted (%(code)s)."
    ): Code.TARGET_RESPONSE_CODE,
    "%(where)s does not answer health checks in time (%(code)s).": Code.TARGET_TIMEOUT,
    (
        "%(where)s refuses the connection of health checks, or answers nonsense (%(code)s)."
    ): Code.TARGET_FAILED_CHECKS,
    "%(where)s is not registered with its target group (%(code)s).": Code.TARGET_NOT_REGISTERED,
    ("No load balancer uses the target group of %(where)s in its zone (%(code)s)."): Code.TARGET_NOT_IN_USE,
    "%(where)s is stopped or terminated (%(code)s).": Code.TARGET_STOPPED,
    "A load balancer uses the address of %(where)s itself (%(code)s).": Code.TARGET_IP_UNUSABLE,
    "Health checks of %(where)s are switched off (%(code)s).": Code.TARGET_CHECK_DISABLED,
    "The load balancer of %(where)s has a fault of its own (%(code)s).": Code.TARGET_BALANCER_ERROR,
    "%(where)s is being set up.": Code.BALANCER_PROVISIONING,
    "%(where)s routes requests but cannot scale (%(code)s).": Code.BALANCER_IMPAIRED,
    "%(where)s could not be set up (%(code)s).": Code.BALANCER_FAILED,
    "%(where)s is starting (%(code)s).": Code.INSTANCE_STARTING,
    "%(where)s is leaving its group (%(code)s).": Code.INSTANCE_LEAVING,
    "%(where)s stands aside of its group (%(code)s).": Code.INSTANCE_STANDBY,
    "%(where)s is held in quarantine (%(code)s).": Code.INSTANCE_QUARANTINED,
    (
        "Its Auto Scaling group takes %(where)s for unhealthy and will replace it."
    ): Code.INSTANCE_MARKED_UNHEALTHY,
    "%(where)s is being made (%(code)s).": Code.DATABASE_CREATING,
    "%(where)s answers, but is being changed (%(code)s).": Code.DATABASE_MODIFYING,
    "%(where)s does not answer (%(code)s).": Code.DATABASE_UNAVAILABLE,
    "%(where)s has failed (%(code)s).": Code.DATABASE_FAILED,
    "%(where)s was last observed too long ago to say.": Code.DATA_OUT_OF_DATE,
    "State Manager was not asked about %(where)s yet.": Code.ASSOCIATION_NOT_POLLED,
    "%(name)s waits for %(count)s more instance(s).": Code.ASSOCIATION_WAITS_FOR_INSTANCES,
    "%(name)s has not succeeded: State Manager says %(code)s.": Code.ASSOCIATION_NOT_SUCCEEDED,
    "The targets of the %(where)s tier were not asked for yet.": Code.TARGETS_NOT_POLLED,
    "%(count)s more server(s) must register in the %(where)s tier.": Code.SERVERS_NOT_REGISTERED,
    ("datelog has not saved a time and read it back through the load balancer yet."): Code.SITE_CHECK_PENDING,
    "%(name)s has not run on %(instance)s yet.": Code.RUN_NOT_STARTED,
    "%(name)s is not done on %(instance)s (%(code)s).": Code.RUN_NOT_FINISHED,
    "%(name)s failed on %(instance)s (%(code)s).": Code.RUN_FAILED,
    "%(name)s failed on %(instance)s: its task “%(task)s”.": Code.RUN_TASK_FAILED,
    "%(where)s is not healthy yet (%(code)s).": Code.TARGET_NOT_HEALTHY,
    ("Its templates have no servers, load balancers or databases to look at."): Code.NOTHING_TO_MONITOR,
    "It is being made.": Code.ENVIRONMENT_CREATING,
    "%(where)s was not observed yet.": Code.NOT_OBSERVED,
    "%(where)s has no server.": Code.NO_SERVERS,
    "%(where)s has %(count)s of %(total)s servers.": Code.SERVERS_MISSING,
    "%(where)s has no writer.": Code.NO_WRITER,
    "%(where)s is not registered with a load balancer.": Code.SERVER_NOT_REGISTERED,
    ("%(where)s was not configured: the task “%(task)s” of %(name)s failed."): Code.SERVER_TASK_FAILED,
    "%(where)s was not configured: %(name)s ended as %(code)s.": Code.SERVER_NOT_CONFIGURED,
    "Only a deployment that has ended can be exported.": Code.DEPLOYMENT_STILL_RUNNING,
    "This is not a recording that this version can read.": Code.RECORDING_INVALID,
    "There is no recording of that name.": Code.RECORDING_NOT_FOUND,
    "A step failed for a reason that Sanso did not expect.": Code.UNEXPECTED_ERROR,
    (
        "A step failed for a reason that Sanso did not expect. The worker's log has the details."
    ): Code.UNEXPECTED_ERROR_IN_LOG,
    "Asked for on %(count)s instance(s).": Code.RUN_REQUESTED_ON_SOME,
    "Asked for on all instances.": Code.RUN_REQUESTED_ON_ALL,
    "The log was deleted with its stack before it could be read.": Code.LOG_DELETED,
    "It could not be read. %(action)s: %(aws)s (%(code)s)": Code.EVIDENCE_UNREADABLE,
    "CloudFormation made no change set: %(reason)s": Code.CHANGE_SET_REJECTED,
    (
        "%(aws)s Add it to SANSO_CAPABILITIES if the portal may do this in your accounts."
    ): Code.CAPABILITIES_INSUFFICIENT,
    ("AWS does not answer %(action)s (%(code)s). Sanso asks again, slower each time."): Code.AWS_RETRYING,
    "AWS denies %(action)s (%(code)s).": Code.AWS_DENIED_SHORT,
    "%(action)s: %(aws)s (%(code)s)": Code.AWS_ERROR,
    (
        "The template set was changed after the form was filled. Review the parameters and deploy again."
    ): Code.TEMPLATE_SET_CHANGED,
    (
        "cfn-lint found errors in the template set (%(count)s): %(worst)s. Mend the templates and deploy "
        "again."
    ): Code.LINT_ERRORS,
    (
        "The account already has a stack named %(stack)s (%(status)s). Choose another environment name, "
        "or delete that stack first."
    ): Code.STACK_NAME_TAKEN,
    "The stack does not exist any more: it was deleted outside of Sanso.": Code.STACK_MISSING,
    "A time was saved and read back in %(milliseconds)s ms.": Code.SITE_CHECK_SUCCEEDED,
    "The stack was deleted outside of Sanso while it was being created.": Code.STACK_DELETED_OUTSIDE,
    (
        "There are no AWS credentials for this account. Give the worker credentials (environment, "
        "profile or instance role), or name a role to assume in the account's settings."
    ): Code.NO_CREDENTIALS,
    (
        "AWS denies %(action)s. Allow %(action)s to the role that Sanso acts as. AWS says: %(aws)s"
    ): Code.AWS_DENIED,
    (
        "AWS does not accept the credentials (%(code)s at %(action)s). Renew them, or check the role and "
        "its external id. AWS says: %(aws)s"
    ): Code.AWS_CREDENTIALS_INVALID,
    "%(where)s (%(type)s): %(reason)s": Code.RESOURCE_FAILED,
    "%(reason)s": Code.AWS_REASON,
    "State Manager was not asked about %(name)s yet.": Code.ASSOCIATION_NOT_POLLED,
}
RENAMED: Final[Mapping[str, Mapping[str, str]]] = {
    "State Manager was not asked about %(name)s yet.": {"name": "where"},
}
"""Values whose name in the sentence differs from that in the message."""
