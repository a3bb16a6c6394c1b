"""Causes: the database's engine, class, user and keys.

Source: the Errors sections of CreateDBCluster, CreateDBInstance and DeleteDBCluster in
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/.
"""

from __future__ import annotations

from deployments.failures.rules.cause import Cause, NextStep, signature

_EDIT = (NextStep.EDIT, NextStep.DELETE_FIRST)

CAUSES = (
    Cause(
        code="EngineVersion",
        reason=signature(
            r"Cannot find version (?P<version>\S+) for (?P<engine>[\w-]+)"
            r"|engine version .{0,60}(not available"
            r"|not supported|cannot be created)|InvalidEngineVersion"
        ),
        steps=_EDIT,
        parameter=r"EngineVersion|Version",
        types=("AWS::RDS::",),
        example="Cannot find version 8.0.mysql_aurora.3.01.0 for aurora-mysql (Service: Rds, Status "
        "Code: 400, "
        "Request ID: 2f) (HandlerErrorCode: InvalidRequest)",
    ),
    Cause(
        code="DatabaseClass",
        reason=signature(
            r"does not support creating a DB (?:instance|cluster) with the following combination"
            r"|DBInstanceClass .{0,80}(?:not supported|invalid)|Invalid DB Instance class: (?P<db_class>\S+)"
        ),
        steps=_EDIT,
        parameter=r"InstanceClass|EngineVersion",
        types=("AWS::RDS::",),
        example="RDS does not support creating a DB instance with the following combination: "
        "DBInstanceClass=db.t2.small, Engine=aurora-mysql, EngineVersion=8.0.mysql_aurora.3.10.0",
    ),
    Cause(
        code="DatabaseParameterGroup",
        reason=signature(
            r"DBParameterGroupFamily (?P<family>\S+) can(?:'|no)t be used|parameter group .{0,80}not found"
        ),
        steps=(NextStep.EDIT, NextStep.TEMPLATE, NextStep.DELETE_FIRST),
        parameter=r"EngineVersion",
        types=("AWS::RDS::",),
        example="The Parameter Group app with DBParameterGroupFamily aurora-mysql5.7 cannot be used for this "
        "instance. Please use a Parameter Group with DBParameterGroupFamily aurora-mysql8.0",
    ),
    Cause(
        code="DatabaseUser",
        reason=signature(
            r"MasterUsername \S+ (?:cannot be used|is not valid)|MasterUserPassword is not a valid password"
            r"|MasterUserPassword is not valid"
            r"|MasterUserPassword when ManageMasterUserPassword"
        ),
        steps=_EDIT,
        parameter=r"User|Password",
        types=("AWS::RDS::",),
        example="MasterUsername admin cannot be used as it is a reserved word used by the engine",
    ),
    Cause(
        code="DatabaseBackups",
        reason=signature(r"Invalid backup retention period|BackupRetentionPeriod .{0,80}(?:between|invalid)"),
        steps=_EDIT,
        parameter=r"Backup|Retention",
        types=("AWS::RDS::",),
        example="Invalid backup retention period. Retention period must be between 1 and 35 (Service: Rds, "
        "Status Code: 400, Request ID: 8a)",
    ),
    Cause(
        code="SnapshotExists",
        reason=signature(
            r"DBClusterSnapshotAlreadyExists"
            r"|cluster snapshot because one with (?:the )?identifier (?P<name>\S+)"
        ),
        steps=(NextStep.DELETE_AGAIN,),
        types=("AWS::RDS::",),
        example="Cannot create the cluster snapshot because one with identifier app-final already exists.",
    ),
    Cause(
        code="KeyUnusable",
        reason=signature(
            r"KMS key .{0,120}(?:does not exist|disabled|not accessible|pending deletion|invalid state)"
            r"|KMSKeyNotAccessible|key .{0,80}is pending deletion"
        ),
        steps=(NextStep.EDIT, NextStep.RETRY, NextStep.DELETE_FIRST),
        parameter=r"Key|Kms",
        example="The specified KMS key [arn:aws:kms:ap-northeast-1:123456789012:key/1a] does not exist, "
        "is not "
        "enabled or you do not have permissions to access it.",
    ),
)
