"""Causes: quotas of the account, and missing capacity of AWS.

Sources: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html,
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/CommonErrors.html, the Errors sections of
CreateLoadBalancer, CreateDBCluster and CreateAutoScalingGroup, and
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html.
"""

from __future__ import annotations

from deployments.failures.rules.cause import Cause, EvidenceKind, NextStep, signature

_ROOM = (NextStep.QUOTAS, NextStep.DELETE_FIRST, NextStep.RETRY)

CAUSES = (
    Cause(
        code="QuotaVpcs",
        reason=signature(r"maximum number of VPCs has been reached|VpcLimitExceeded"),
        steps=_ROOM,
        service="vpc",
        example="The maximum number of VPCs has been reached. (Service: Ec2, Status Code: 400, Request ID: "
        "0d8c) (HandlerErrorCode: ServiceLimitExceeded)",
    ),
    Cause(
        code="QuotaInternetGateways",
        reason=signature(
            r"maximum number of internet gateways has been reached"
            r"|InternetGatewayLimitExceeded"
        ),
        steps=_ROOM,
        service="vpc",
        example="The maximum number of internet gateways has been reached. (Service: Ec2, Status Code: 400, "
        "Request ID: 3a) (HandlerErrorCode: GeneralServiceException)",
    ),
    Cause(
        code="QuotaRules",
        reason=signature(
            r"maximum number of rules per security group has been reached|RulesPerSecurityGroupLimitExceeded"
        ),
        steps=(NextStep.QUOTAS, NextStep.TEMPLATE, NextStep.DELETE_FIRST),
        service="vpc",
        example="The maximum number of rules per security group has been reached. (Service: Ec2, Status "
        "Code: 400, Request ID: 6f)",
    ),
    Cause(
        code="QuotaAddresses",
        reason=signature(r"maximum number of addresses has been reached|AddressLimitExceeded"),
        steps=_ROOM,
        service="ec2",
        example="The maximum number of addresses has been reached. (Service: AmazonEC2; Status Code: 400; "
        "Error Code: AddressLimitExceeded; Request ID: 1c2d; Proxy: null)",
    ),
    Cause(
        code="QuotaNatGateways",
        reason=signature(r"exceed the limit of (?P<limit>\d+) NAT gateways|NatGatewayLimitExceeded"),
        steps=_ROOM,
        service="vpc",
        example="Performing this operation would exceed the limit of 5 NAT gateways (Service: AmazonEC2; "
        "Status Code: 400; Error Code: NatGatewayLimitExceeded; Request ID: 77; Proxy: null)",
    ),
    Cause(
        code="QuotaInstances",
        reason=signature(
            r"more vCPU capacity than your current vCPU limit|VcpuLimitExceeded|InstanceLimitExceeded"
        ),
        steps=(NextStep.QUOTAS, NextStep.EDIT, NextStep.DELETE_FIRST),
        parameter=r"InstanceType|Count|Size",
        service="ec2",
        evidence=(EvidenceKind.SCALING_ACTIVITIES,),
        example="You have requested more vCPU capacity than your current vCPU limit of 32 allows for the "
        "instance bucket that the specified instance type belongs to. Please visit "
        "http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.",
    ),
    Cause(
        code="QuotaLoadBalancers",
        reason=signature(
            r"TooManyLoadBalancers|TooManyTargetGroups|maximum number of (load balancers|target groups)"
        ),
        steps=_ROOM,
        service="elasticloadbalancing",
        example="You have reached the maximum number of load balancers: 50. (Service: "
        "ElasticLoadBalancingV2, "
        "Status Code: 400, Request ID: 3f) (HandlerErrorCode: ServiceLimitExceeded) TooManyLoadBalancers",
    ),
    Cause(
        code="QuotaDatabases",
        reason=signature(
            r"(DBCluster|DBInstance|Instance|DBSubnetGroup|DBClusterParameterGroup)QuotaExceeded"
            r"|DB (cluster|instance) quota|quota for (DB )?(clusters|instances)"
        ),
        steps=_ROOM,
        service="rds",
        types=("AWS::RDS::",),
        example="The quota for DB clusters has been exceeded: DBClusterQuotaExceededFault (Service: Rds, "
        "Status Code: 403, Request ID: 9a) (HandlerErrorCode: ServiceLimitExceeded)",
    ),
    Cause(
        code="NoCapacity",
        reason=signature(
            r"do not have sufficient (?P<instance_type>\S+) capacity|InsufficientInstanceCapacity"
            r"|InsufficientDBClusterCapacity|InsufficientDBInstanceCapacity"
        ),
        steps=(NextStep.RETRY, NextStep.EDIT, NextStep.DELETE_FIRST),
        parameter=r"InstanceType|InstanceClass",
        evidence=(EvidenceKind.SCALING_ACTIVITIES,),
        example="We currently do not have sufficient t4g.micro capacity in the Availability Zone you "
        "requested "
        "(ap-northeast-1a). Our system will be working on provisioning additional capacity.",
    ),
    Cause(
        code="Quota",
        reason=signature(r"ServiceLimitExceeded|LimitExceeded|QuotaExceeded|limit .{0,40}exceeded"),
        steps=_ROOM,
        example="Cannot exceed quota for RolesPerAccount: 1000 (Service: Iam, Status Code: 409, Request "
        "ID: b1) "
        "(HandlerErrorCode: ServiceLimitExceeded)",
    ),
)
