"""The gateway to S3: the artifact bucket, and the outputs of association runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from deployments.aws.error_mapping import calling, translate_code
from deployments.common.errors import AwsAccessError, AwsAlreadyDone, AwsNotFound, AwsRejected, UserFixable
from deployments.common.message_codes import Code

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.literals import BucketLocationConstraintType

DELETE_AT_ONCE = 1000
"""Objects in one call (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object as a listing returns it; `size` is in bytes."""

    key: str
    size: int
    modified_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """The last bytes of an object, and its size."""

    body: bytes
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVersions:
    """The objects under a prefix, including all versions. `is_complete` is False if there are more."""

    objects: int = 0
    versions: int = 0
    delete_markers: int = 0
    size: int = 0
    is_complete: bool = True


class S3(Protocol):
    """The calls to S3 that the runner makes. Every call is safe to repeat."""

    def bucket_exists(self, bucket: str, owner: str) -> bool:
        """Return whether the bucket exists and belongs to the account `owner`.

        Raise UserFixable if it belongs to another account or access is denied.
        """
        ...

    def create_bucket(self, bucket: str) -> None:
        """Create the bucket. It is not an error if it exists and belongs to the account."""
        ...

    def harden_bucket(self, bucket: str, owner: str) -> None:
        """Turn on encryption and versioning, and block public access."""
        ...

    def put_object(self, bucket: str, key: str, body: bytes, owner: str) -> None:
        """Write the object."""
        ...

    def list_objects(
        self, bucket: str, prefix: str, start_after: str, limit: int, owner: str = ""
    ) -> list[StoredObject]:
        """Return the objects under `prefix` whose keys come after `start_after`, by key."""
        ...

    def read_tail(self, bucket: str, key: str, limit: int) -> Tail:
        """Return the last `limit` bytes of an object. Raise AwsNotFound if it does not exist."""
        ...

    def count_versions(self, bucket: str, prefix: str, limit: int, owner: str) -> StoredVersions:
        """Count the versions under `prefix`, up to `limit`. Raise AwsNotFound without a bucket."""
        ...

    def delete_versions(self, bucket: str, prefix: str, owner: str) -> bool:
        """Delete up to a thousand versions under `prefix`. Return whether there may be more."""
        ...


class S3Gateway:
    """S3 through boto3; the protocol above documents the methods."""

    def __init__(self, client: S3Client, region: str) -> None:
        self._client = client
        self._region = region

    def bucket_exists(self, bucket: str, owner: str) -> bool:
        try:
            with calling("s3:ListBucket"):
                self._client.head_bucket(Bucket=bucket, ExpectedBucketOwner=owner)
        except AwsNotFound:
            return False
        except AwsAccessError as exc:
            # Of another account, or access is denied: HeadBucket returns 403 in both cases
            # (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html).
            if exc.code == "403":
                raise _foreign(bucket) from exc
            raise
        except AwsRejected as exc:
            if exc.code == "301":
                raise UserFixable(
                    "BucketInOtherRegion",
                    Code.BUCKET_IN_OTHER_REGION,
                    bucket=bucket,
                    region=self._region,
                ) from exc
            raise
        return True

    def create_bucket(self, bucket: str) -> None:
        try:
            with calling("s3:CreateBucket"):
                if self._region == "us-east-1":  # the only region that must not be named
                    self._client.create_bucket(Bucket=bucket)
                else:
                    location: BucketLocationConstraintType = self._region  # type: ignore[assignment]  # any region's name
                    self._client.create_bucket(
                        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": location}
                    )
        except AwsAlreadyDone:
            return
        except AwsRejected as exc:
            if exc.code == "BucketAlreadyExists":
                raise _foreign(bucket) from exc
            raise

    def harden_bucket(self, bucket: str, owner: str) -> None:
        with calling("s3:PutBucketPublicAccessBlock"):
            self._client.put_public_access_block(
                Bucket=bucket,
                ExpectedBucketOwner=owner,
                PublicAccessBlockConfiguration={
                    "BlockPublicAcls": True,
                    "IgnorePublicAcls": True,
                    "BlockPublicPolicy": True,
                    "RestrictPublicBuckets": True,
                },
            )
        with calling("s3:PutEncryptionConfiguration"):
            self._client.put_bucket_encryption(
                Bucket=bucket,
                ExpectedBucketOwner=owner,
                ServerSideEncryptionConfiguration={
                    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
                },
            )
        with calling("s3:PutBucketVersioning"):
            self._client.put_bucket_versioning(
                Bucket=bucket, ExpectedBucketOwner=owner, VersioningConfiguration={"Status": "Enabled"}
            )

    def put_object(self, bucket: str, key: str, body: bytes, owner: str) -> None:
        with calling("s3:PutObject"):
            self._client.put_object(Bucket=bucket, Key=key, Body=body, ExpectedBucketOwner=owner)

    def list_objects(
        self, bucket: str, prefix: str, start_after: str, limit: int, owner: str = ""
    ) -> list[StoredObject]:
        optional = {"StartAfter": start_after, "ExpectedBucketOwner": owner}
        given: dict[str, Any] = {name: value for name, value in optional.items() if value}
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket,
            Prefix=prefix,
            PaginationConfig={"MaxItems": limit, "PageSize": min(limit, 1000)},
            **given,
        )
        with calling("s3:ListBucket"):
            rows = [row for page in pages for row in page.get("Contents", [])]
        return [StoredObject(key=r["Key"], size=r["Size"], modified_at=r["LastModified"]) for r in rows]

    def read_tail(self, bucket: str, key: str, limit: int) -> Tail:
        try:
            with calling("s3:GetObject"):
                answer = self._client.get_object(Bucket=bucket, Key=key, Range=f"bytes=-{limit}")
                body = answer["Body"].read(limit)
        except AwsRejected as exc:
            if exc.code == "InvalidRange":  # an empty object
                return Tail(body=b"", size=0)
            raise
        _, _, size = answer.get("ContentRange", "").rpartition("/")
        return Tail(body=body, size=int(size) if size.isdigit() else len(body))

    def count_versions(self, bucket: str, prefix: str, limit: int, owner: str) -> StoredVersions:
        pages = self._client.get_paginator("list_object_versions").paginate(
            Bucket=bucket,
            Prefix=prefix,
            ExpectedBucketOwner=owner,
            PaginationConfig={"MaxItems": limit, "PageSize": min(limit, 1000)},
        )
        versions: list[Any] = []
        markers = 0
        with calling("s3:ListBucketVersions"):
            for page in pages:
                versions += page.get("Versions", [])
                markers += len(page.get("DeleteMarkers", []))
        return StoredVersions(
            objects=sum(row["IsLatest"] for row in versions),
            versions=len(versions),
            delete_markers=markers,
            size=sum(row["Size"] for row in versions),
            is_complete=len(versions) + markers < limit,
        )

    def delete_versions(self, bucket: str, prefix: str, owner: str) -> bool:
        with calling("s3:ListBucketVersions"):
            page = self._client.list_object_versions(
                Bucket=bucket, Prefix=prefix, ExpectedBucketOwner=owner, MaxKeys=DELETE_AT_ONCE
            )
        rows = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if not rows:
            return False
        with calling("s3:DeleteObjectVersion"):
            answer = self._client.delete_objects(
                Bucket=bucket,
                ExpectedBucketOwner=owner,
                Delete={
                    "Quiet": True,
                    "Objects": [{"Key": row["Key"], "VersionId": row["VersionId"]} for row in rows],
                },
            )
        for refused in answer.get("Errors", []):
            # DeleteObjects returns 200 regardless of the result for each object.
            raise translate_code(
                refused.get("Code", ""), refused.get("Message", ""), "s3:DeleteObjectVersion"
            )
        return page.get("IsTruncated", False)


def _foreign(bucket: str) -> UserFixable:
    return UserFixable(
        "BucketOwnedByAnother",
        Code.BUCKET_NOT_ACCESSIBLE,
        bucket=bucket,
    )
