"""Downloads of aws:downloadContent from the sandbox's S3.

https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-command-ssm-plugin-reference.html
"""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

from ministack.services import s3

from sanso_sandbox.engine.authorization import Denied
from sanso_sandbox.services.ec2 import egress
from sanso_sandbox.services.ssm import agent_role

PLUGIN = "aws:downloadContent"


class DownloadFailed(Exception):
    """The content of a step is missing; the message is the reason."""


def content(instance_id: str, inputs: dict[str, Any]) -> list[tuple[str, bytes]]:
    """Return (name below the working folder, content) of a step's downloads, with the instance's role.

    Raises DownloadFailed.
    """
    given = lower_case(inputs)
    if given.get("sourcetype") != "S3":
        raise DownloadFailed(f"sourceType {given.get('sourcetype')} is not supported by the sandbox's agent")
    info = given.get("sourceinfo") or {}
    try:
        address = (json.loads(info) if isinstance(info, str) else info)["path"]
        return list(_objects(instance_id, str(address)))
    except Denied as denied:
        raise DownloadFailed(f"AccessDenied: {denied}") from denied
    except (ValueError, KeyError, TypeError) as problem:
        raise DownloadFailed(f"sourceInfo cannot be read ({problem})") from problem


def lower_case(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return a step's inputs with lower-case names, since documents spell them in several ways."""
    return {str(name).lower(): value for name, value in inputs.items()}


def _objects(instance_id: str, address: str) -> Iterator[tuple[str, bytes]]:
    """Yield (name below the working folder, content) of the object at a URL, or of those below it."""
    bucket, key = _place(address)
    if not egress.reaches(instance_id, "s3"):
        raise DownloadFailed(egress.TIMED_OUT)
    agent_role.require_objects(instance_id, bucket, key)
    if bucket not in s3._buckets:
        raise DownloadFailed(f"NoSuchBucket: {bucket}")
    body = s3._get_object_data(bucket, key)
    if body is not None and not key.endswith("/"):
        agent_role.require_object(instance_id, bucket, key)
        yield key.rpartition("/")[2], body
        return
    below = key if key.endswith("/") or not key else f"{key}/"
    names = [name for name in s3._buckets[bucket]["objects"] if name.startswith(below) and name != below]
    if not names:
        raise DownloadFailed(f"NoSuchKey: {address}")
    for name in names:
        agent_role.require_object(instance_id, bucket, name)
        yield name.removeprefix(below), s3._get_object_data(bucket, name) or b""


def _place(address: str) -> tuple[str, str]:
    """Return bucket and key of either style of URL: BUCKET.s3.REGION… or s3.REGION…/BUCKET."""
    parts = urlsplit(address)
    path = unquote(parts.path.lstrip("/"))
    host = parts.hostname or ""
    bucket, dot, rest = host.partition(".s3")
    if dot and rest[:1] in (".", "-"):
        return bucket, path
    bucket, _slash, key = path.partition("/")
    return bucket, key
