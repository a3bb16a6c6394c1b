"""The English texts of what a test of a connection found: a sentence, and what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop as N_

from deployments.accounts.rules.connection import Check, ConnectionFinding, FindingCode
from deployments.aws.service_quotas import Limited
from deployments.common.message_codes import Code
from deployments.common.texts.message_texts import MESSAGES


class FindingText(NamedTuple):
    """What was found, and what to do about it; "" where there is nothing to do."""

    text: str
    advice: str = ""


CHECKS: Final[Mapping[Check, Promise]] = {
    Check.IDENTITY: _("Identity"),
    Check.CLOCK: pgettext_lazy("check", "Clock"),
    Check.REGION: _("Region"),
    Check.REVISION: _("Revision of the roles"),
    Check.PERMISSIONS: _("Permissions of the portal"),
    Check.SERVICE_ROLE: _("CloudFormation service role"),
    Check.BUCKET: _("Artifact bucket"),
    Check.QUOTAS: _("Quotas"),
    Check.INSTANCE_TYPES: _("Instance types"),
    Check.DATABASES: _("Database versions and classes"),
    Check.IMAGES: _("Machine images"),
    Check.CERTIFICATES: _("Certificates"),
}
LIMITED: Final[Mapping[Limited, Promise]] = {
    Limited.VPCS: _("VPCs"),
    Limited.INTERNET_GATEWAYS: _("Internet gateways"),
    Limited.NAT_GATEWAYS: _("NAT gateways in one Availability Zone"),
    Limited.SECURITY_GROUPS: _("Security groups"),
    Limited.ADDRESSES: _("Elastic IP addresses"),
    Limited.VCPUS: _("vCPUs of running On-Demand Standard instances"),
    Limited.APPLICATION_LOAD_BALANCERS: _("Application Load Balancers"),
    Limited.NETWORK_LOAD_BALANCERS: _("Network Load Balancers"),
    Limited.TARGET_GROUPS: _("Target groups"),
    Limited.DATABASE_CLUSTERS: _("Database clusters"),
    Limited.DATABASE_INSTANCES: _("Database instances"),
    Limited.STACKS: _("CloudFormation stacks"),
}
_ADD = N_(
    "Add these statements to the role, or deploy infra_templates/account.yaml of this version again as the "
    "stack sanso-account. Then test again."
)
_SIMULATE = N_(
    "Without iam:SimulatePrincipalPolicy, missing permissions show only when a deployment needs them. Add "
    "these statements to the portal's role, or deploy account.yaml again."
)
FINDINGS: Final[Mapping[FindingCode, FindingText]] = {
    FindingCode.IDENTITY_OK: FindingText(N_("%(arn)s in %(account)s")),
    FindingCode.IDENTITY_DENIED: FindingText(
        N_("AWS denied %(operation)s (%(code)s)."),
        N_(
            "The role does not exist, or its trust policy does not name the portal's identity with this "
            "account's external ID. Compare both with the command above, and deploy account.yaml again."
        ),
    ),
    FindingCode.IDENTITY_CLOCK: FindingText(
        N_("AWS rejected the signature (%(code)s)."),
        N_(
            "Synchronize the clock of the workers' machine (systemctl enable --now chrony): AWS rejects "
            "signatures that are more than five minutes off. If it is right, renew the portal's own "
            "credentials."
        ),
    ),
    FindingCode.IDENTITY_REGION: FindingText(
        N_("AWS does not accept the credentials in %(region)s (%(code)s)."),
        N_(
            "Enable the region in both the account and the portal's own account (Account → AWS Regions), or "
            "renew the portal's own credentials."
        ),
    ),
    FindingCode.IDENTITY_CREDENTIALS: FindingText(
        N_("The portal's own credentials cannot be used (%(code)s)."),
        N_("Give the workers' processes valid credentials that may call sts:AssumeRole, or renew them."),
    ),
    FindingCode.IDENTITY_UNREACHABLE: FindingText(
        N_("AWS did not answer %(operation)s (%(code)s)."),
        N_("Check that the workers' machine reaches AWS in %(region)s on port 443. Then test again."),
    ),
    FindingCode.IDENTITY_SANDBOX: FindingText(
        N_("The sandbox did not answer (%(code)s)."),
        N_("Start the sandbox, and check SANSO_SANDBOX_URL and SANSO_SANDBOX_TOKEN_FILE."),
    ),
    FindingCode.CLOCK_OK: FindingText(N_("%(seconds)s s from AWS's")),
    FindingCode.CLOCK_SKEWED: FindingText(
        N_("The clock of the workers' machine and AWS's differ by %(seconds)s s."),
        N_("Synchronize it (systemctl enable --now chrony): AWS rejects calls from five minutes on."),
    ),
    FindingCode.REGION_OK: FindingText(N_("%(region)s is enabled: %(zones)s")),
    FindingCode.REGION_FEW_ZONES: FindingText(
        N_("%(region)s has %(count)s available Availability Zones; environments need %(needed)s."),
        N_("Choose another region, or wait until AWS reports the zones as available again."),
    ),
    FindingCode.REGION_DISABLED: FindingText(
        N_("%(region)s is not enabled in this account (%(code)s)."),
        N_("Enable the region in the account (Account → AWS Regions). That takes minutes to hours."),
    ),
    FindingCode.REVISION_OK: FindingText(N_("Revision %(revision)s of account.yaml, as this version needs")),
    FindingCode.REVISION_OLD: FindingText(
        N_("Revision %(revision)s of account.yaml; this version needs revision %(needed)s."),
        N_("Deploy infra_templates/account.yaml of this version again as the stack sanso-account."),
    ),
    FindingCode.REVISION_UNKNOWN: FindingText(
        N_(
            "Unknown: this region has no stack sanso-account with roles. It is in another region of the "
            "account, or has another name."
        )
    ),
    FindingCode.REVISION_SANDBOX: FindingText(N_("The sandbox has the roles of revision %(needed)s.")),
    FindingCode.ALLOWED: FindingText(N_("All %(count)s permissions of %(role)s are allowed (simulated)")),
    FindingCode.MISSING: FindingText(N_("%(role)s lacks permissions: %(count)s."), _ADD),
    FindingCode.REFUSED: FindingText(
        N_("Permissions of %(role)s are denied by another policy: %(count)s."),
        N_(
            "A Deny statement, a service control policy of the organization or a permissions boundary denies "
            "them. Adding statements to the role does not help: change that policy."
        ),
    ),
    FindingCode.NOT_SIMULATED: FindingText(
        N_("The permissions of %(role)s were not tested: %(operation)s failed (%(code)s)."),
        _SIMULATE,
    ),
    FindingCode.READS_ONLY: FindingText(
        N_("%(operation)s failed (%(code)s): only %(count)s harmless reads were tried."),
        _SIMULATE,
    ),
    FindingCode.READS_DENIED: FindingText(
        N_("AWS denied %(count)s of these reads."),
        N_("Deploy infra_templates/account.yaml of this version again as the stack sanso-account."),
    ),
    FindingCode.ROOT: FindingText(
        N_("The portal uses the root user of the account, whose permissions cannot be tested."),
        N_("Use a role: enter PortalRoleArn of account.yaml's stack."),
    ),
    FindingCode.ROLE_MISSING: FindingText(
        N_("%(role)s does not exist in this account."),
        N_("Deploy account.yaml, and enter the ARNs in its outputs."),
    ),
    FindingCode.ROLE_NONE: FindingText(
        N_("No service role: CloudFormation works with the permissions of the portal."),
        N_("account.yaml does not grant the portal these. Enter CloudFormationRoleArn of its outputs."),
    ),
    FindingCode.ROLE_ELSEWHERE: FindingText(
        N_("%(arn)s is not a role of the account %(account)s."),
        N_("Enter CloudFormationRoleArn of the outputs of this account's stack."),
    ),
    FindingCode.BUCKET_OK: FindingText(N_("%(bucket)s exists and belongs to the account")),
    FindingCode.BUCKET_NEW: FindingText(N_("%(bucket)s is created by the first deployment")),
    FindingCode.BUCKET_FOREIGN: FindingText(
        N_("%(bucket)s belongs to another account, or access is denied."),
        N_("Enter ArtifactBucketName of the outputs, or leave the field empty."),
    ),
    FindingCode.BUCKET_ELSEWHERE: FindingText(
        N_("%(bucket)s is not in %(region)s."),
        N_("Enter a bucket of this region, or leave the field empty."),
    ),
    FindingCode.QUOTAS_OK: FindingText(
        N_("%(count)s quotas have room for one more environment of each size of the bundled template set")
    ),
    FindingCode.QUOTA_SHORT: FindingText(
        N_("%(quota)s: %(left)s of %(limit)s left. Needed: %(sizes)s."),
        N_("Request a quota increase in Service Quotas, or delete what is not used. Then test again."),
    ),
    FindingCode.QUOTA_UNKNOWN: FindingText(
        N_("The quotas of %(service)s were not compared: %(operation)s failed (%(code)s)."),
        N_("If AWS denied it, deploy infra_templates/account.yaml of this version again. Then test again."),
    ),
    FindingCode.TYPES_OK: FindingText(N_("%(names)s: offered in %(zones)s")),
    FindingCode.TYPE_NOT_OFFERED: FindingText(
        MESSAGES[Code.TYPE_NOT_OFFERED],
        N_("Choose another instance type or other zones for environments of these sizes."),
    ),
    FindingCode.DATABASES_OK: FindingText(N_("%(names)s: offered in %(zones)s")),
    FindingCode.VERSION_NOT_OFFERED: FindingText(
        MESSAGES[Code.VERSION_NOT_OFFERED],
        N_("Choose another engine version for new environments, or update the template set."),
    ),
    FindingCode.CLASS_NOT_OFFERED: FindingText(
        MESSAGES[Code.CLASS_NOT_OFFERED],
        N_("Choose another instance class or other zones for environments of these sizes."),
    ),
    FindingCode.IMAGES_OK: FindingText(N_("%(names)s: available in %(region)s")),
    FindingCode.IMAGE_MISSING: FindingText(
        MESSAGES[Code.IMAGE_MISSING],
        N_("Enter the ID of a machine image for new environments, or update the template set."),
    ),
    FindingCode.CERTIFICATES_OK: FindingText(
        N_("Issued and valid for at least %(days)s days: %(count)s, all that environments use")
    ),
    FindingCode.CERTIFICATE_MISSING: FindingText(
        MESSAGES[Code.CERTIFICATE_MISSING],
        N_("Request or import one in Certificate Manager, and change the environments that use this one."),
    ),
    FindingCode.CERTIFICATE_NOT_ISSUED: FindingText(
        MESSAGES[Code.CERTIFICATE_NOT_ISSUED],
        N_("Validate or renew the certificate in Certificate Manager: load balancers use issued ones only."),
    ),
    FindingCode.CERTIFICATE_ENDS: FindingText(
        N_("%(arn)s expires in %(days)s days."),
        N_("Renew the certificate in Certificate Manager, or import it again."),
    ),
    FindingCode.OFFER_UNKNOWN: FindingText(
        N_("Not tested: %(operation)s failed (%(code)s)."),
        N_("If AWS denied it, deploy infra_templates/account.yaml of this version again. Then test again."),
    ),
    FindingCode.CALL_FAILED: FindingText(
        N_("%(operation)s failed (%(code)s)."),
        N_("If AWS denied it, deploy infra_templates/account.yaml of this version again. Then test again."),
    ),
    FindingCode.INTERRUPTED: FindingText(
        N_("The test was interrupted several times."),
        N_("Read the log of the workers. Then test again."),
    ),
}


def finding_text(found: ConnectionFinding) -> str:
    """Return what was found, in the active language."""
    values = _values(found)
    text = gettext(FINDINGS[found.code].text) % values
    if found.code is FindingCode.QUOTA_SHORT or "sizes" not in values:
        return text
    return gettext("%(finding)s Needed by: %(sizes)s.") % {"finding": text, "sizes": values["sizes"]}


def finding_advice(found: ConnectionFinding) -> str:
    """Return what to do about it in the active language, "" for nothing."""
    advice = FINDINGS[found.code].advice
    return gettext(advice) % _values(found) if advice else ""


def _values(found: ConnectionFinding) -> dict[str, str]:
    """Return the values of a finding; quotas and sizes have names in the active language."""
    values = dict(found.values)
    if found.code is FindingCode.QUOTA_SHORT:
        counts = [(_size(label), count) for label, count in json.loads(values["sizes"])]
        values["quota"] = str(LIMITED[Limited(values["quota"])])
        values["sizes"] = ", ".join(f"{label} {count}".strip() for label, count in counts)
    elif "sizes" in values:
        labels = [_size(label) or gettext("defaults") for label in json.loads(values["sizes"])]
        values["sizes"] = ", ".join(labels)
    return values


def _size(label: str) -> str:
    return gettext(label) if label else ""
