"""The gateway to S3: the artifact bucket, and the outputs of association runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from deployments.aws.error_mapping import calling
from deployments.errors import AwsAccessError, AwsAlreadyDone, AwsNotFound, AwsRejected, UserFixable
from deployments.message_codes import Code

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.literals import BucketLocationConstraintType


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
        """Return the objects below `prefix` whose keys come after `start_after`, by key."""
        ...

    def read_tail(self, bucket: str, key: str, limit: int) -> Tail:
        """Return the last `limit` bytes of an object. Raise AwsNotFound if it does not exist."""
        ...


class S3Gateway:
    """S3 through boto3; the protocol above says what each method does."""

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
                if self._region == "us-east-1":  # the one region that must not be named
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


def _foreign(bucket: str) -> UserFixable:
    return UserFixable(
        "BucketOwnedByAnother",
        Code.BUCKET_NOT_ACCESSIBLE,
        bucket=bucket,
    )
