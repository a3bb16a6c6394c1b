"""Causes: images, instance types, Auto Scaling groups, associations and health checks.

Sources: https://docs.aws.amazon.com/autoscaling/ec2/userguide/CHAP_Troubleshooting.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html,
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html.
"""

from __future__ import annotations

from deployments.failures.rules.cause import Cause, EvidenceKind, NextStep, signature

_EDIT = (NextStep.EDIT, NextStep.DELETE_FIRST)
_LOOK = (NextStep.ENVIRONMENT, NextStep.DELETE_FIRST, NextStep.RETRY)
_ACTIVITIES = (EvidenceKind.SCALING_ACTIVITIES,)

CAUSES = (
    Cause(
        code="ImageGone",
        reason=signature(
            r"image id '\[?(?P<image>ami-\w+)\]?' does not exist|InvalidAMIID\.(NotFound|Unavailable"
            r"|Malformed)"
            r"|AMI .{0,60}(is invalid|does not exist)"
        ),
        steps=_EDIT,
        parameter=r"Image|Ami",
        evidence=_ACTIVITIES,
        example="The image id '[ami-0abc1234]' does not exist (Service: AmazonEC2; Status Code: 400; Error "
        "Code: InvalidAMIID.NotFound; Request ID: 6c)",
    ),
    Cause(
        code="ParameterGone",
        reason=signature(
            r"Unable to fetch parameters \[(?P<names>[^\]]+)\] from parameter store|ParameterNotFound"
            r"|Parameter (?P<name>\S+) not found"
        ),
        steps=_EDIT,
        parameter=r"Image|Ami|Parameter",
        example="Unable to fetch parameters [/aws/service/ami-amazon-linux-latest/al2099-ami] from parameter "
        "store for this account.",
    ),
    Cause(
        code="ArchitectureMismatch",
        reason=signature(
            r"architecture '(?P<of_type>\w+)' of the specified instance type does not match the architecture "
            r"'(?P<of_image>\w+)'"
        ),
        steps=_EDIT,
        parameter=r"InstanceType|Image|Ami",
        evidence=_ACTIVITIES,
        example="The architecture 'arm64' of the specified instance type does not match the architecture "
        "'x86_64' of the specified AMI. Specify an instance type and an AMI that have matching "
        "architectures.",
    ),
    Cause(
        code="TypeNotOffered",
        reason=signature(
            r"requested instance type \((?P<instance_type>[\w.]+)\) is not supported in your requested "
            r"Availability Zone|The requested configuration is currently not supported"
            r"|Unsupported instance type"
            r"|Invalid value '(?P<invalid>[\w.]+)' for InstanceType"
        ),
        steps=_EDIT,
        parameter=r"InstanceType|Zone",
        evidence=_ACTIVITIES,
        example="Your requested instance type (t4g.micro) is not supported in your requested "
        "Availability Zone "
        "(ap-northeast-1d). Please retry your request by not specifying an Availability Zone.",
    ),
    Cause(
        code="InstanceProfileGone",
        reason=signature(
            r"(?:Value \((?P<profile>[^)]+)\) for parameter iamInstanceProfile\.\w+ is invalid)?.{0,3}"
            r"Invalid IAM Instance Profile"
        ),
        steps=(NextStep.RETRY, NextStep.TEMPLATE, NextStep.DELETE_FIRST),
        evidence=_ACTIVITIES,
        example="You must use a valid fully-formed launch template. Value (app) for parameter "
        "iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name (Service: AutoScaling, Status "
        "Code: 400)",
    ),
    Cause(
        code="KeyPairGone",
        reason=signature(r"key pair '(?P<name>[^']+)' does not exist|InvalidKeyPair\.NotFound"),
        steps=_EDIT,
        parameter=r"Key",
        evidence=_ACTIVITIES,
        example="The key pair 'ops-2019' does not exist (Service: AmazonEC2; Status Code: 400; Error Code: "
        "InvalidKeyPair.NotFound)",
    ),
    Cause(
        code="SignalsMissing",
        reason=signature(
            r"Received (?P<got>\d+) SUCCESS signal\(s\) out of (?P<wanted>\d+)"
            r"|Failed to receive (?P<missing>\d+) resource signal"
            r"|Received (?P<failures>\d+) FAILURE signal"
        ),
        steps=_LOOK,
        evidence=(
            EvidenceKind.SCALING_ACTIVITIES,
            EvidenceKind.ASSOCIATION_OUTPUT,
            EvidenceKind.CONNECTIONS,
        ),
        example="Received 0 SUCCESS signal(s) out of 2.  Unable to satisfy 100% "
        "MinSuccessfulInstancesPercent "
        "requirement",
    ),
    Cause(
        code="GroupNotStable",
        reason=signature(r"Group did not stabilize|Failed Scaling Activity: (?P<activity>.+)"),
        steps=(NextStep.EDIT, NextStep.ENVIRONMENT, NextStep.DELETE_FIRST),
        parameter=r"InstanceType|Image|Ami",
        evidence=_ACTIVITIES,
        example="Group did not stabilize. {current/minSize/maxSize} group size = {0/2/2}. Failed Scaling "
        "Activity: Launching a new EC2 instance failed.",
    ),
    Cause(
        code="AssociationFailed",
        reason=signature(
            r"(?:association|operation) .{0,200}?(?:failed on|failed because|with status Failed"
            r"|status: Failed)"
            r"|Association.{0,160}(?:did not (?:succeed|stabilize)|timed out)"
        ),
        types=("AWS::SSM::", "Sanso::Association"),
        steps=(NextStep.RUN_AGAIN, NextStep.ENVIRONMENT, NextStep.DELETE_FIRST),
        evidence=(EvidenceKind.ASSOCIATION_OUTPUT, EvidenceKind.CONNECTIONS),
        example="Association 5c2a did not succeed within the time specified by "
        "WaitForSuccessTimeoutSeconds: status: Failed",
    ),
    Cause(
        code="TargetsUnhealthy",
        reason=signature(
            r"(?P<reason_code>Target\.(?:FailedHealthChecks|ResponseCodeMismatch|Timeout|NotRegistered"
            r"|NotInUse|"
            r"InvalidState|IpUnusable|HealthCheckDisabled)|Elb\.InternalError)"
        ),
        steps=(NextStep.ENVIRONMENT, NextStep.RUN_AGAIN, NextStep.RETRY),
        evidence=(EvidenceKind.TARGET_REASONS, EvidenceKind.ASSOCIATION_OUTPUT),
        example="1 of 2 targets is unhealthy: Target.ResponseCodeMismatch",
    ),
    Cause(
        code="DocumentInvalid",
        reason=signature(r"InvalidDocument|document .{0,80}does not exist|InvalidDocumentContent"),
        types=("AWS::SSM::",),
        steps=(NextStep.TEMPLATE, NextStep.DELETE_FIRST),
        example="Document with name app-playbook does not exist. (Service: Ssm, Status Code: 400) "
        "InvalidDocument",
    ),
)
