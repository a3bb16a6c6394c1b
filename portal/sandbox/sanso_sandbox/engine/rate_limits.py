"""The rate limits of an account: a token bucket for each API call, in AWS's own seconds.

AWS does not publish CloudFormation's rates; they apply per account, region and call, including reads. Faster
time scales allow proportionally more calls, and with time scale 0 there is no limit.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/throttling.html,
https://github.com/eksctl-io/eksctl/issues/567
"""

import threading
import time
from dataclasses import dataclass
from typing import Final

from sanso_sandbox.engine import time_scale

RATE: Final = 10.0  # calls in each of AWS's seconds
BURST: Final = 20.0
# https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
LOWER: Final = {("cloudtrail", "LookupEvents"): (2.0, 2.0)}  # rate and burst
UNLIMITED: Final = frozenset({"s3"})  # thousands of requests a second for each prefix

Key = tuple[str, str, str, str]


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: float


_lock = threading.Lock()
_buckets: dict[Key, _Bucket] = {}


def take(account: str, region: str, service: str, action: str) -> bool:
    """Take a token for a call; return False if the call must be throttled."""
    second = time_scale.COMPRESSION * time_scale.current(account)
    if second <= 0 or service in UNLIMITED:
        return True
    now = time.monotonic()
    rate, burst = LOWER.get((service, action), (RATE, BURST))
    with _lock:
        bucket = _buckets.setdefault((account, region, service, action), _Bucket(burst, now))
        bucket.tokens = min(burst, bucket.tokens + (now - bucket.filled) / second * rate)
        bucket.filled = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True


def reset(account: str | None) -> None:
    """Remove the token buckets of an account, or of all accounts."""
    with _lock:
        for key in [key for key in _buckets if account in (None, key[0])]:
            del _buckets[key]
