"""The English title and advice of each known cause (deployments/core/causes), by its code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from django.utils.translation import gettext_noop as N_


class CauseWords(NamedTuple):
    """What a page says of a cause; the named groups of its signature fill the %(name)s places."""

    title: str
    advice: str


_QUOTA = N_("Delete unused resources, or request a quota increase in Service Quotas. Then deploy again.")

CAUSES: Final[Mapping[str, CauseWords]] = {
    "EngineVersion": CauseWords(
        N_("Database version not available in this region"),
        N_("Choose a version that this region offers; AWS retires old ones."),
    ),
    "DatabaseClass": CauseWords(
        N_("Database version not supported on this instance class"),
        N_("Choose another instance class or another version."),
    ),
    "DatabaseParameterGroup": CauseWords(
        N_("Parameter group belongs to another database version"),
        N_("Its family must match the engine version. Fix the template set or choose the version."),
    ),
    "DatabaseUser": CauseWords(
        N_("RDS rejected the database user name or password"),
        N_(
            'The name must not be a reserved word; a password has 8 to 41 characters without / @ " and space.'
        ),
    ),
    "SnapshotExists": CauseWords(
        N_("A final snapshot with this name already exists"),
        N_("Delete or copy the old snapshot in RDS, then delete again."),
    ),
    "KeyUnusable": CauseWords(
        N_("Encryption key cannot be used"),
        N_("Enable the key in KMS or allow the service to use it, then deploy again."),
    ),
    "Protected": CauseWords(
        N_("Protected against deletion"),
        N_("Delete again and let Sanso turn the protection off first."),
    ),
    "BucketNotEmpty": CauseWords(
        N_("The bucket is not empty"),
        N_("Empty it in S3, all versions included, then delete again."),
    ),
    "ExportInUse": CauseWords(
        N_("Another stack imports an output of this stack"),
        N_("%(stacks)s imports %(export)s. Delete or change that stack first."),
    ),
    "InUse": CauseWords(
        N_("Still in use by a resource outside the stack"),
        N_(
            "Usually a network interface, a security group rule or a server created by hand. Remove it, "
            "then delete again."
        ),
    ),
    "CustomResourceSilent": CauseWords(
        N_("The function of a custom resource did not respond"),
        N_("It crashed, timed out or could not reach CloudFormation. Check the last lines of its log."),
    ),
    "CustomResourceFailed": CauseWords(
        N_("The function of a custom resource reported a failure"),
        N_("Reported: %(message)s"),
    ),
    "CodeMissing": CauseWords(
        N_("The code of a function could not be read from S3"),
        N_("The artifact bucket must contain the object and be in the same region as the stack. S3: %(s3)s."),
    ),
    "FunctionInvalid": CauseWords(
        N_("Lambda no longer supports the runtime of the function"),
        N_("Set a newer runtime in the template set."),
    ),
    "CidrConflict": CauseWords(
        N_("Subnet address ranges overlap"),
        N_("Choose address ranges that do not overlap."),
    ),
    "CidrInvalid": CauseWords(
        N_("Address range rejected by AWS"),
        N_("A VPC is /16 to /28, and a subnet must be within its VPC. Change the range."),
    ),
    "NoFreeAddresses": CauseWords(
        N_("The subnet has no free addresses"),
        N_("Choose a larger address range for the subnet, or fewer servers."),
    ),
    "TwoZonesNeeded": CauseWords(
        N_("Subnets in at least two Availability Zones are required"),
        N_("Choose two different Availability Zones."),
    ),
    "NoInternetGateway": CauseWords(
        N_("The VPC has no internet gateway yet"),
        N_("The resource must depend on the gateway attachment (DependsOn). Fix the template set."),
    ),
    "RuleExists": CauseWords(
        N_("Duplicate rule or route"),
        N_("Remove one of them from the template set."),
    ),
    "Certificate": CauseWords(
        N_("Certificate rejected by the load balancer"),
        N_("It must be an issued ACM certificate in the same region. Choose another ARN."),
    ),
    "SecretScheduledForDeletion": CauseWords(
        N_("A secret with this name is scheduled for deletion"),
        N_("Restore it or delete it permanently in Secrets Manager, or choose another name."),
    ),
    "NameExists": CauseWords(
        N_("A resource with this name already exists"),
        N_(
            "It belongs to another stack or was created by hand. Delete it, or choose another name, then "
            "deploy again."
        ),
    ),
    "DeniedByOrganization": CauseWords(
        N_("The organization denies %(action)s in this account"),
        N_(
            "A %(policy)s policy of AWS Organizations denies it; no policy in the account can allow it. "
            "Contact the administrators of the organization."
        ),
    ),
    "MayNotPassRole": CauseWords(
        N_("CloudFormation is not allowed to pass the role %(role)s"),
        N_("Allow iam:PassRole on that role for the role that CloudFormation uses."),
    ),
    "ServiceLinkedRole": CauseWords(
        N_("A service-linked role is missing in the account"),
        N_(
            "Allow iam:CreateServiceLinkedRole for the role that CloudFormation uses, or create the role "
            "once in the console of the service."
        ),
    ),
    "RoleNotAssumable": CauseWords(
        N_("The service cannot assume its role"),
        N_("The trust policy of the role must name the service. Fix the template set."),
    ),
    "Denied": CauseWords(
        N_("AWS denied %(action)s"),
        N_(
            "Allow %(action)s for the role that CloudFormation uses (the account's service role, or the "
            "role that Sanso assumes), then deploy again."
        ),
    ),
    "DeniedUnnamed": CauseWords(
        N_("AWS denied access"),
        N_(
            "AWS does not name the action. Find the denied call of the same time in CloudTrail, allow "
            "it, then deploy again."
        ),
    ),
    "QuotaVpcs": CauseWords(
        N_("VPC quota exceeded in this region"),
        _QUOTA,
    ),
    "QuotaAddresses": CauseWords(
        N_("Elastic IP address quota exceeded in this region"),
        _QUOTA,
    ),
    "QuotaNatGateways": CauseWords(
        N_("NAT gateway quota exceeded in this Availability Zone"),
        _QUOTA,
    ),
    "QuotaInstances": CauseWords(
        N_("vCPU quota exceeded in this region"),
        N_("Request a quota increase in Service Quotas, or choose a smaller instance type or fewer servers."),
    ),
    "QuotaLoadBalancers": CauseWords(
        N_("Load balancer or target group quota exceeded in this region"),
        _QUOTA,
    ),
    "QuotaDatabases": CauseWords(
        N_("Database quota exceeded in this region"),
        _QUOTA,
    ),
    "NoCapacity": CauseWords(
        N_("AWS has no capacity for this instance type at the moment"),
        N_("Try again later, or choose another instance type."),
    ),
    "Quota": CauseWords(
        N_("Account quota exceeded"),
        _QUOTA,
    ),
    "ImageGone": CauseWords(
        N_("AMI not found in this region"),
        N_("AMIs belong to one region and can be withdrawn. Choose an existing one."),
    ),
    "ParameterGone": CauseWords(
        N_("Systems Manager parameter not found"),
        N_("Check its name (%(names)s) and that it exists in this region and account."),
    ),
    "ArchitectureMismatch": CauseWords(
        N_("Instance type and AMI have different architectures"),
        N_("The type is %(of_type)s and the AMI %(of_image)s. Choose a matching pair."),
    ),
    "TypeNotOffered": CauseWords(
        N_("Instance type not offered in this Availability Zone"),
        N_("Choose another instance type or another zone."),
    ),
    "KeyPairGone": CauseWords(
        N_("Key pair not found in this region"),
        N_("Choose an existing one, or none."),
    ),
    "SignalsMissing": CauseWords(
        N_("The servers did not signal success"),
        N_(
            "Their user data or configuration failed or took too long. Check the scaling activities and "
            "the output of the servers before the rollback removes them."
        ),
    ),
    "GroupNotStable": CauseWords(
        N_("The Auto Scaling group could not launch its servers"),
        N_("The scaling activities show why each launch failed."),
    ),
    "AssociationFailed": CauseWords(
        N_("Server configuration failed"),
        N_("The output shows which step failed. Fix it and run the association again."),
    ),
    "TargetsUnhealthy": CauseWords(
        N_("Load balancer health checks fail: %(reason_code)s"),
        N_("The environment page shows which servers do not respond and the output of their configuration."),
    ),
    "DocumentInvalid": CauseWords(
        N_("Systems Manager document not found or not readable"),
        N_("Check the name and content of the document in the template set."),
    ),
    "Capabilities": CauseWords(
        N_("A nested stack creates IAM resources without acknowledgment"),
        N_(
            "CloudFormation requires %(capabilities)s. Fix the template set, or contact the "
            "administrators of Sanso."
        ),
    ),
    "TemplateUnreadable": CauseWords(
        N_("CloudFormation could not read the template of a nested stack"),
        N_("The artifact bucket must be readable and contain the template. Deploy again to upload it again."),
    ),
    "ParametersMissing": CauseWords(
        N_("A nested stack does not receive the parameters that its template requires"),
        N_("Parameters %(names)s %(problem)s. Fix the template set."),
    ),
    "ParameterInvalid": CauseWords(
        N_("Parameter value not allowed"),
        N_("Change %(name)s."),
    ),
    "TemplateError": CauseWords(
        N_("The template has an error"),
        N_("CloudFormation reports the location. Fix the template set, then deploy again."),
    ),
    "PropertyInvalid": CauseWords(
        N_("Invalid resource property"),
        N_("AWS reports the property. Fix the template set, then deploy again."),
    ),
    "Throttled": CauseWords(
        N_("Throttled by AWS"),
        N_("Too many requests in the account at once. Deploy again."),
    ),
    "NotStabilized": CauseWords(
        N_("The resource did not stabilize in time"),
        N_("AWS stopped waiting. Check the resource, then deploy again."),
    ),
    "AwsFault": CauseWords(
        N_("Internal error in AWS"),
        N_("Deploy again. If it happens again, check the AWS Health Dashboard or contact AWS Support."),
    ),
}
