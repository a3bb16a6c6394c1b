"""Resource types whose data is lost with them, and the kind of their data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from deployments.cloudformation.conditions import mapping


class Data(StrEnum):
    """What a resource holds."""

    DATABASE = "database"
    SECRET = "secret"  # noqa: S105  # a kind of data
    VOLUME = "volume"
    LOG_GROUP = "log_group"
    BUCKET = "bucket"
    FILE_SYSTEM = "file_system"
    QUEUE = "queue"
    KEY = "key"
    USERS = "users"
    IMAGES = "images"


_TYPES: Mapping[str, Data] = {
    "AWS::Cognito::UserPool": Data.USERS,
    "AWS::DocDB::DBCluster": Data.DATABASE,
    "AWS::DynamoDB::GlobalTable": Data.DATABASE,
    "AWS::DynamoDB::Table": Data.DATABASE,
    "AWS::EC2::Volume": Data.VOLUME,
    "AWS::ECR::Repository": Data.IMAGES,
    "AWS::EFS::FileSystem": Data.FILE_SYSTEM,
    "AWS::FSx::FileSystem": Data.FILE_SYSTEM,
    "AWS::KMS::Key": Data.KEY,
    "AWS::Kinesis::Stream": Data.QUEUE,
    "AWS::Logs::LogGroup": Data.LOG_GROUP,
    "AWS::Neptune::DBCluster": Data.DATABASE,
    "AWS::OpenSearchService::Domain": Data.DATABASE,
    "AWS::RDS::DBCluster": Data.DATABASE,
    "AWS::RDS::DBInstance": Data.DATABASE,
    "AWS::Redshift::Cluster": Data.DATABASE,
    "AWS::S3::Bucket": Data.BUCKET,
    "AWS::SQS::Queue": Data.QUEUE,
    "AWS::SecretsManager::Secret": Data.SECRET,
}


def holds(type_: str, body: Mapping[str, object]) -> str:
    """Return the Data that a resource of a type holds, "" for none. `body` is its text in the template.

    The instances of a cluster hold no data themselves.
    """
    if type_ == "AWS::RDS::DBInstance" and "DBClusterIdentifier" in mapping(body.get("Properties")):
        return ""
    found = _TYPES.get(type_)
    return found.value if found else ""
