"""S3 ignores the owner that a request expects a bucket to have (MiniStack 1.5.33).

It denies a request that expects another one:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
"""

from typing import Any, Final

from ministack.services import s3

HEADER: Final = "x-amz-expected-bucket-owner"


def install() -> None:
    """Install the check before every S3 request."""
    handle = s3.handle_request

    async def checked(method: str, path: str, headers: dict[str, str], *rest: Any, **options: Any) -> Any:
        expected = headers.get(HEADER)
        owner = s3._bucket_owner_account(path.lstrip("/").partition("/")[0]) if expected else None
        if owner is not None and owner != expected:
            status, answered, body = s3._error("AccessDenied", "Access Denied", 403, path)
            return status, answered, b"" if method == "HEAD" else body
        return await handle(method, path, headers, *rest, **options)

    s3.handle_request = checked
