"""Amazon S3: what MiniStack does not check of a request."""

from portal.sandbox.services.s3 import owners


def install() -> None:
    """Put the checks in front of every request."""
    owners.install()
