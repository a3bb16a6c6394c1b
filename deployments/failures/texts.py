"""The English title and advice of each known cause (deployments/failures/rules), by its code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext_noop as N_

from deployments.common.texts.message_texts import CauseText

_QUOTA = N_("Delete unused resources, or request a quota increase in Service Quotas. Then deploy again.")
_RULE = N_(
    "Add the rule to the security group in the template set, or in AWS if it was removed there. Then deploy "
    "again."
)
_ROUTE = N_(
    "Private subnets need a route to a NAT gateway or an endpoint of the service. Fix it in the template "
    "set, or in AWS. Then deploy again."
)

CAUSES: Final[Mapping[str, CauseText]] = {
    "ValidationFailed": CauseText(
        N_("It did not pass CloudFormation's validation"),
        N_(
            "CloudFormation checks properties and names before it creates or changes anything. Fix the "
            "template set or the values, then deploy again."
        ),
    ),
    "HookFailed": CauseText(
        N_("The hook %(hook)s stopped it"),
        N_(
            "CloudFormation calls the hooks of the account and its organization before it creates or changes "
            "a resource. Fix the template set so that it passes, or contact the owner of the hook."
        ),
    ),
    "EngineVersion": CauseText(
        N_("Database version not available in this region"),
        N_("Choose a version that this region offers; AWS retires old ones."),
    ),
    "DatabaseClass": CauseText(
        N_("Database version not supported on this instance class"),
        N_("Choose another instance class or another version."),
    ),
    "DatabaseParameterGroup": CauseText(
        N_("Parameter group belongs to another database version"),
        N_("Its family must match the engine version. Fix the template set or choose the version."),
    ),
    "DatabaseUser": CauseText(
        N_("RDS rejected the database user name or password"),
        N_(
            'The name must not be a reserved word; a password has 8 to 41 characters without / @ " and space.'
        ),
    ),
    "DatabaseBackups": CauseText(
        N_("Backup retention not allowed by Aurora"),
        N_("Choose 1 to 35 days."),
    ),
    "SnapshotExists": CauseText(
        N_("A final snapshot with this name already exists"),
        N_("Delete or copy the old snapshot in RDS, then delete again."),
    ),
    "KeyUnusable": CauseText(
        N_("Encryption key cannot be used"),
        N_("Enable the key in KMS or allow the service to use it, then deploy again."),
    ),
    "Protected": CauseText(
        N_("Protected against deletion"),
        N_("Delete again and let Sanso turn the protection off first."),
    ),
    "BucketNotEmpty": CauseText(
        N_("The bucket is not empty"),
        N_("Empty it in S3, all versions included, then delete again."),
    ),
    "ExportInUse": CauseText(
        N_("Another stack imports an output of this stack"),
        N_("%(stacks)s imports %(export)s. Delete or change that stack first."),
    ),
    "InUse": CauseText(
        N_("Still in use by a resource outside the stack"),
        N_(
            "Usually a network interface, a security group rule or a server created by hand. Remove it, "
            "then try again."
        ),
    ),
    "CustomResourceSilent": CauseText(
        N_("The function of a custom resource did not respond"),
        N_("It crashed, timed out or could not reach CloudFormation. Check the last lines of its log."),
    ),
    "CustomResourceFailed": CauseText(
        N_("The function of the custom resource reported “%(message)s”"),
        N_("Its log has the details. Fix the function or the values that it receives."),
    ),
    "CustomResourceTooLong": CauseText(
        N_("The response of a custom resource is too long"),
        N_("CloudFormation accepts 4,096 bytes. Return less data from the function."),
    ),
    "CodeMissing": CauseText(
        N_("The code of a function could not be read from S3"),
        N_("The artifact bucket must contain the object and be in the same region as the stack. S3: %(s3)s."),
    ),
    "FunctionMayNotJoinVpc": CauseText(
        N_("The role of the function does not allow network interfaces"),
        N_("A function in a VPC needs ec2:CreateNetworkInterface in its role. Fix the template set."),
    ),
    "FunctionLimit": CauseText(
        N_("The function exceeds a limit of Lambda"),
        N_("AWS reports the limit. Fix the template set."),
    ),
    "FunctionInvalid": CauseText(
        N_("Lambda no longer supports the runtime of the function"),
        N_("Set a newer runtime in the template set."),
    ),
    "CidrConflict": CauseText(
        N_("Subnet address ranges overlap"),
        N_("Choose address ranges that do not overlap."),
    ),
    "CidrInvalid": CauseText(
        N_("Address range rejected by AWS"),
        N_("A VPC is /16 to /28, and a subnet must be within its VPC. Change the range."),
    ),
    "NoFreeAddresses": CauseText(
        N_("The subnet has no free addresses"),
        N_("Choose a larger address range for the subnet, or fewer servers."),
    ),
    "TwoZonesNeeded": CauseText(
        N_("Subnets in at least two Availability Zones are required"),
        N_("Choose two different Availability Zones."),
    ),
    "TargetGroupInUse": CauseText(
        N_("The target group belongs to another load balancer"),
        N_(
            "A target group has one load balancer, and this change creates a second one. Undo the change, or "
            "create another target group in the template set."
        ),
    ),
    "AccessLogBucket": CauseText(
        N_("Elastic Load Balancing cannot write access logs to %(bucket)s"),
        N_(
            "Allow s3:PutObject for logdelivery.elasticloadbalancing.amazonaws.com in the bucket policy, or "
            "turn the access logs off."
        ),
    ),
    "NoInternetGateway": CauseText(
        N_("The VPC has no internet gateway yet"),
        N_("The resource must depend on the gateway attachment (DependsOn). Fix the template set."),
    ),
    "RuleExists": CauseText(
        N_("Duplicate rule or route"),
        N_("Remove one of them from the template set."),
    ),
    "Certificate": CauseText(
        N_("Certificate rejected by the load balancer"),
        N_("It must be an issued ACM certificate in the same region. Choose another ARN."),
    ),
    "OtherRegion": CauseText(
        N_("ARN of another region"),
        N_("It is of %(given)s, and must be of %(only)s. Choose another ARN."),
    ),
    "SecretScheduledForDeletion": CauseText(
        N_("A secret with this name is scheduled for deletion"),
        N_("Restore it or delete it permanently in Secrets Manager, or choose another name."),
    ),
    "NameExists": CauseText(
        N_("A resource with this name already exists"),
        N_(
            "It belongs to another stack or was created by hand. Delete it, or choose another name, then "
            "deploy again."
        ),
    ),
    "DeniedByOrganization": CauseText(
        N_("The organization denies %(action)s in this account"),
        N_(
            "A %(policy)s policy of AWS Organizations denies it; no policy in the account can allow it. "
            "Contact the administrators of the organization."
        ),
    ),
    "DeniedExplicitly": CauseText(
        N_("A policy denies %(action)s to %(principal)s"),
        N_(
            "The %(policy)s has a Deny, which wins over every Allow. Remove that statement or limit it, then "
            "deploy again."
        ),
    ),
    "MayNotPassRole": CauseText(
        N_("CloudFormation is not allowed to pass the role %(role)s"),
        N_("Allow iam:PassRole on that role for the role that CloudFormation uses."),
    ),
    "ServiceLinkedRole": CauseText(
        N_("A service-linked role is missing in the account"),
        N_(
            "Allow iam:CreateServiceLinkedRole for the role that CloudFormation uses, or create the role "
            "once in the console of the service."
        ),
    ),
    "RoleNotAssumable": CauseText(
        N_("The service cannot assume its role"),
        N_("The trust policy of the role must name the service. Fix the template set."),
    ),
    "DeniedByBoundary": CauseText(
        N_("The permissions boundary of %(principal)s denies %(action)s"),
        N_(
            "A role may do what both its policies and its boundary allow. If it needs the action, add it to "
            "the boundary (sanso-boundary in account.yaml)."
        ),
    ),
    "RoleNeedsBoundary": CauseText(
        N_("AWS denied %(action)s to %(principal)s"),
        N_(
            "With RolesNeedBoundary, the service role creates roles only with the permissions boundary of "
            "account.yaml: enter it in the account's settings; the template set must name its parameter "
            "(boundary_parameter). Otherwise, allow %(action)s."
        ),
    ),
    "RoleDenied": CauseText(
        N_("AWS denied %(action)s to %(principal)s"),
        N_(
            "Allow %(action)s for the role %(principal)s, then deploy again. If account.yaml allows it "
            "already, deploy account.yaml again in this account: its roles are from an earlier version of "
            "Sanso."
        ),
    ),
    "Denied": CauseText(
        N_("AWS denied %(action)s"),
        N_(
            "Allow %(action)s for the role that CloudFormation uses (the account's service role, or the "
            "role that Sanso assumes), then deploy again."
        ),
    ),
    "DeniedUnnamed": CauseText(
        N_("AWS denied access"),
        N_(
            "AWS does not name the action. Find the denied call of the same time in CloudTrail, allow "
            "it, then deploy again."
        ),
    ),
    "QuotaVpcs": CauseText(
        N_("VPC quota exceeded in this region"),
        _QUOTA,
    ),
    "QuotaInternetGateways": CauseText(
        N_("Internet gateway quota exceeded in this region"),
        _QUOTA,
    ),
    "QuotaRules": CauseText(
        N_("Too many rules in a security group"),
        N_("Combine rules in the template set, or request a quota increase in Service Quotas."),
    ),
    "QuotaAddresses": CauseText(
        N_("Elastic IP address quota exceeded in this region"),
        _QUOTA,
    ),
    "QuotaNatGateways": CauseText(
        N_("NAT gateway quota exceeded in this Availability Zone"),
        _QUOTA,
    ),
    "QuotaInstances": CauseText(
        N_("vCPU quota exceeded in this region"),
        N_("Request a quota increase in Service Quotas, or choose a smaller instance type or fewer servers."),
    ),
    "QuotaLoadBalancers": CauseText(
        N_("Load balancer or target group quota exceeded in this region"),
        _QUOTA,
    ),
    "QuotaDatabases": CauseText(
        N_("Database quota exceeded in this region"),
        _QUOTA,
    ),
    "NoCapacity": CauseText(
        N_("AWS has no capacity for this instance type at the moment"),
        N_("Try again later, or choose another instance type."),
    ),
    "Quota": CauseText(
        N_("Account quota exceeded"),
        _QUOTA,
    ),
    "ImageGone": CauseText(
        N_("AMI not found in this region"),
        N_("AMIs belong to one region and can be withdrawn. Choose an existing one."),
    ),
    "ParameterGone": CauseText(
        N_("Systems Manager parameter not found"),
        N_("Check its name (%(names)s) and that it exists in this region and account."),
    ),
    "ArchitectureMismatch": CauseText(
        N_("Instance type and AMI have different architectures"),
        N_("The type is %(of_type)s and the AMI %(of_image)s. Choose a matching pair."),
    ),
    "TypeNotOffered": CauseText(
        N_("Instance type not offered in this Availability Zone"),
        N_("Choose another instance type or another zone."),
    ),
    "InstanceProfileGone": CauseText(
        N_("Instance profile not found by EC2"),
        N_("It does not exist, or was created only seconds ago. Deploy again."),
    ),
    "KeyPairGone": CauseText(
        N_("Key pair not found in this region"),
        N_("Choose an existing one, or none."),
    ),
    "NoOutboundRule": CauseText(
        N_(
            "%(source)s cannot reach %(destination)s: no outbound rule of %(lacking)s allows %(traffic)s to "
            "%(peer)s"
        ),
        _RULE,
    ),
    "NoInboundRule": CauseText(
        N_(
            "%(source)s cannot reach %(destination)s: no inbound rule of %(lacking)s allows %(traffic)s from "
            "%(peer)s"
        ),
        _RULE,
    ),
    "NoAclEntry": CauseText(
        N_("%(source)s cannot reach %(destination)s: the network ACL %(lacking)s does not allow %(traffic)s"),
        N_(
            "A network ACL needs rules in both directions. Fix it in the template set, or in AWS. Then "
            "deploy again."
        ),
    ),
    "NoRoute": CauseText(
        N_(
            "%(source)s cannot reach %(destination)s: the route table %(lacking)s has no route to %(traffic)s"
        ),
        _ROUTE,
    ),
    "NoGateway": CauseText(
        N_("%(source)s cannot reach %(destination)s: the gateway %(lacking)s does not lead to %(traffic)s"),
        _ROUTE,
    ),
    "NoPublicAddress": CauseText(
        N_("%(source)s cannot reach %(destination)s: %(lacking)s has no route to a NAT gateway"),
        _ROUTE,
    ),
    "SignalsMissing": CauseText(
        N_("The servers did not signal success"),
        N_(
            "Their user data or configuration failed or took too long. Scaling activities and the output of "
            "servers are kept here when a rollback removes the servers."
        ),
    ),
    "GroupNotStable": CauseText(
        N_("The Auto Scaling group could not launch its servers"),
        N_("The scaling activities show why each launch failed."),
    ),
    "AssociationFailed": CauseText(
        N_("Server configuration failed"),
        N_("The output shows which step failed, and why. Fix that, then try again."),
    ),
    "TargetsUnhealthy": CauseText(
        N_("Load balancer health checks fail: %(reason_code)s"),
        N_("The environment page shows which servers do not respond and the output of their configuration."),
    ),
    "DocumentInvalid": CauseText(
        N_("Systems Manager document not found or not readable"),
        N_("Check the name and content of the document in the template set."),
    ),
    "Capabilities": CauseText(
        N_("A nested stack creates IAM resources without acknowledgment"),
        N_(
            "CloudFormation requires %(capabilities)s. Fix the template set, or contact the "
            "administrators of Sanso."
        ),
    ),
    "TemplateMissing": CauseText(
        N_("The template of a nested stack does not exist"),
        N_(
            "The TemplateURL of the nested stack names a file that the template set does not have. Correct "
            "the name, or add the file."
        ),
    ),
    "TemplateUnreadable": CauseText(
        N_("CloudFormation could not read the template of a nested stack"),
        N_("The artifact bucket must be readable and contain the template. Deploy again to upload it again."),
    ),
    "ParametersMissing": CauseText(
        N_("Parameters %(problem)s: %(names)s"),
        N_(
            "The outer template must pass the parameters that the nested template declares, and no others. "
            "Fix the template set."
        ),
    ),
    "ParameterInvalid": CauseText(
        N_("Parameter value not allowed"),
        N_("Change %(name)s."),
    ),
    "TemplateError": CauseText(
        N_("The template has an error"),
        N_("CloudFormation reports the location. Fix the template set, then deploy again."),
    ),
    "PropertyInvalid": CauseText(
        N_("Invalid resource property"),
        N_("AWS reports the property. Fix the template set, then deploy again."),
    ),
    "Throttled": CauseText(
        N_("Throttled by AWS"),
        N_("Too many requests in the account at once. Deploy again."),
    ),
    "NotStabilized": CauseText(
        N_("The resource did not stabilize in time"),
        N_("AWS stopped waiting. Check the resource, then deploy again."),
    ),
    "AwsFault": CauseText(
        N_("Internal error in AWS"),
        N_("Deploy again. If it happens again, check the AWS Health Dashboard or contact AWS Support."),
    ),
}
