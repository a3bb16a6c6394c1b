"""S3 as the portal uses it: what MiniStack lacks of it."""


def install() -> None:
    """MiniStack's S3 needs nothing more; tests/sandbox/resources/test_buckets.py says what is relied on."""
