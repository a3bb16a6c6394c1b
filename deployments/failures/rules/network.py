"""Causes: address ranges, zones, names in use, certificates.

Sources: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html and the Errors sections
of CreateLoadBalancer and CreateListener.
"""

from __future__ import annotations

from deployments.failures.rules.cause import Cause, NextStep, signature

_EDIT = (NextStep.EDIT, NextStep.DELETE_FIRST)
_FIX = (NextStep.TEMPLATE, NextStep.DELETE_FIRST)

CAUSES = (
    Cause(
        code="CidrConflict",
        reason=signature(r"The CIDR '(?P<cidr>[^']+)' conflicts with another subnet|InvalidSubnet\.Conflict"),
        steps=_EDIT,
        parameter=r"Cidr",
        example="The CIDR '10.0.1.0/24' conflicts with another subnet (Service: Ec2, Status Code: 400, "
        "Request ID: 5e) (HandlerErrorCode: AlreadyExists)",
    ),
    Cause(
        code="CidrInvalid",
        reason=signature(r"The CIDR '(?P<cidr>[^']+)' is invalid|InvalidSubnet\.Range|InvalidVpc\.Range"),
        steps=_EDIT,
        parameter=r"Cidr",
        example="The CIDR '10.1.0.0/30' is invalid. (Service: AmazonEC2; Status Code: 400; Error Code: "
        "InvalidSubnet.Range; Request ID: 21)",
    ),
    Cause(
        code="NoFreeAddresses",
        reason=signature(
            r"not enough free addresses|InsufficientFreeAddressesInSubnet|Not enough IP space available in"
        ),
        steps=_EDIT,
        parameter=r"Cidr|Count|Size",
        example="There are not enough free addresses in subnet 'subnet-0a1b' to satisfy the requested "
        "number of "
        "instances.",
    ),
    Cause(
        code="TwoZonesNeeded",
        reason=signature(
            r"At least two subnets in two different Availability Zones|AZ\) coverage requirement"
            r"|DBSubnetGroupDoesNotCoverEnoughAZs"
        ),
        steps=(NextStep.EDIT, NextStep.TEMPLATE, NextStep.DELETE_FIRST),
        parameter=r"Zone",
        example="The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ "
        "coverage: ap-northeast-1a. Add subnets to cover at least 2 AZs.",
    ),
    Cause(
        code="TargetGroupInUse",
        reason=signature(
            r"cannot be associated with more than one load balancer(?:: (?P<target_group>[^\s\"]+))?"
            r"|TargetGroupAssociationLimit"
        ),
        steps=(NextStep.EDIT, NextStep.TEMPLATE, NextStep.DELETE_FIRST),
        example="The following target groups cannot be associated with more than one load balancer: "
        "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/app/6d0ecf831eec9f09 (Service: "
        "ElasticLoadBalancingV2, Status Code: 400, Request ID: 5b)",
    ),
    Cause(
        code="AccessLogBucket",
        reason=signature(r"Access Denied for bucket: (?P<bucket>[a-z0-9.-]+?)\. Please check S3 ?bucket"),
        steps=_EDIT,
        parameter=r"Bucket|Log",
        example="Access Denied for bucket: logs. Please check S3bucket permission (Service: "
        "ElasticLoadBalancingV2, Status Code: 400, Request ID: 7e)",
    ),
    Cause(
        code="NoInternetGateway",
        reason=signature(r"VPC (?P<vpc>vpc-\w+) has no internet gateway"),
        steps=_FIX,
        example="VPC vpc-0123abcd has no internet gateway (Service: ElasticLoadBalancingV2, Status "
        "Code: 400, "
        "Request ID: 8) (HandlerErrorCode: InvalidRequest)",
    ),
    Cause(
        code="RuleExists",
        reason=signature(
            r"the specified rule .*already exists|InvalidPermission\.Duplicate|RouteAlreadyExists"
        ),
        steps=_FIX,
        example='the specified rule "peer: 10.0.0.0/16, TCP, from port: 9090, to port: 9090, ALLOW" already '
        "exists (Service: Ec2, Status Code: 400)",
    ),
    Cause(
        code="Certificate",
        reason=signature(
            r"Certificate ARN '(?P<arn>[^']+)' is not valid|CertificateNotFound"
            r"|certificate .{0,160}(not found|must "
            r"have a fully-qualified domain name|UnsupportedCertificate)"
        ),
        steps=_EDIT,
        parameter=r"Certificate",
        example="The certificate 'arn:aws:acm:ap-northeast-1:123456789012:certificate/abc' must have a "
        "fully-qualified domain name, a supported signature, and a supported key size.",
    ),
    Cause(
        code="OtherRegion",
        reason=signature(
            r"Invalid (?:region|partition) (?P<given>\S+) specified\. Only (?P<only>\S+) is supported"
        ),
        steps=_EDIT,
        parameter=r"Topic|Alarm",
        example="Invalid region ca-central-1 specified. Only us-west-2 is supported.",
    ),
    Cause(
        code="SecretScheduledForDeletion",
        reason=signature(r"secret with this name is already scheduled for deletion"),
        steps=(NextStep.EDIT, NextStep.RETRY, NextStep.DELETE_FIRST),
        parameter=r"Name|Secret",
        example="You can't create this secret because a secret with this name is already scheduled for "
        "deletion. (Service: SecretsManager, Status Code: 400)",
    ),
    Cause(
        code="NameExists",
        reason=signature(
            r"(?P<name>[\w./:-]+)[\"'}]* already exists|AlreadyExists|EntityAlreadyExists|BucketAlreadyExists"
            r"|DuplicateLoadBalancerName"
        ),
        steps=(NextStep.EDIT, NextStep.DELETE_FIRST, NextStep.RETRY),
        parameter=r"Name|Prefix",
        example="app-role already exists in stack arn:aws:cloudformation:ap-northeast-1:123456789012:stack/"
        "old/1a2b",
    ),
)
