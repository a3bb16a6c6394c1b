"""What the SSM agent does on a machine: runs the steps of documents; and cloud-init: runs user data.

https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-command-ssm-plugin-reference.html
"""

import base64
import binascii
import json
import secrets
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

from ministack.services import s3

from portal.sandbox.backends.machines.booted.machine import Machine
from portal.sandbox.protocols.machines import Outcome
from portal.sandbox.services.ssm.documents import Step

ORCHESTRATION = "/var/lib/amazon/ssm/document/orchestration/downloads"
TIMEOUT = 3600.0  # seconds, the plugin's own default
TIMED_OUT = 124


class NotFetched(Exception):
    """aws:downloadContent could not bring what it was asked for; the message says why."""


def run_step(machine: Machine, step: Step) -> Outcome:
    """Run one step of a document on the machine and wait for its end."""
    machine.run("mkdir", "-p", ORCHESTRATION)
    if step.plugin == "aws:downloadContent":
        return _download(machine, step.inputs)
    if step.plugin == "aws:runShellScript":
        commands = step.inputs.get("runCommand") or []
        folder = str(step.inputs.get("workingDirectory") or ORCHESTRATION)
        limit = float(step.inputs.get("timeoutSeconds") or TIMEOUT)
        return run_commands(
            machine, [commands] if isinstance(commands, str) else commands, folder=folder, limit=limit
        )
    return Outcome(exit_code=1, stdout="", stderr=f"This sandbox's agent does not know {step.plugin}.\n")


def run_commands(
    machine: Machine, commands: list[str], *, folder: str = "/root", limit: float = TIMEOUT
) -> Outcome:
    """Run commands as one script, as root, and wait for its end; one that takes too long is ended."""
    script = "\n".join(commands) + "\n"
    command = ("timeout", "--kill-after=10", f"{limit:g}", "sh", "-c", 'cat >"$0" && exec sh "$0"')
    place = f"{ORCHESTRATION}/../_script-{secrets.token_hex(4)}.sh"
    machine.run("mkdir", "-p", ORCHESTRATION)
    try:
        done = machine.run(*command, place, text=script, timeout=limit + 60, folder=folder)
    except subprocess.TimeoutExpired:
        return Outcome(exit_code=TIMED_OUT, stdout="", stderr="The machine did not end the script in time.\n")
    finally:
        machine.run("rm", "-f", place)
    said = "" if done.returncode != TIMED_OUT else f"The script was ended after {limit:g} seconds.\n"
    return Outcome(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr + said)


def run_user_data(machine: Machine, encoded: str) -> None:
    """Run user data that is a script, as cloud-init does; its other forms are not understood."""
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        text = encoded
    if text.startswith("#!"):
        run_commands(machine, ["exec >/var/log/cloud-init-output.log 2>&1", text])


def _download(machine: Machine, inputs: dict[str, Any]) -> Outcome:
    """Fetch from the sandbox's S3 into the working folder, or where destinationPath says."""
    told = {str(name).lower(): value for name, value in inputs.items()}
    try:
        if told.get("sourcetype") != "S3":
            raise NotFetched(f"sourceType {told.get('sourcetype')} is not known to this sandbox's agent")
        info = told.get("sourceinfo") or {}
        address = (json.loads(info) if isinstance(info, str) else info)["path"]
        fetched = list(_objects(str(address)))
    except (NotFetched, ValueError, KeyError, TypeError) as problem:
        return Outcome(exit_code=1, stdout="", stderr=f"Content could not be downloaded: {problem}\n")
    folder = str(told.get("destinationpath") or ORCHESTRATION)
    if not folder.startswith("/"):
        folder = f"{ORCHESTRATION}/{folder}"
    for name, body in fetched:
        target = f"{folder}/{name}"
        write = ('mkdir -p "$(dirname "$0")" && base64 -d >"$0"', target)
        done = machine.run("sh", "-c", *write, text=base64.b64encode(body).decode())
        if done.returncode:
            return Outcome(exit_code=1, stdout="", stderr=done.stderr)
    return Outcome(exit_code=0, stdout=f"Content downloaded to {folder}\n")


def _objects(address: str) -> Iterator[tuple[str, bytes]]:
    """Find the object that an address means, or those below it, with their names below the working folder."""
    bucket, key = _place(address)
    if bucket not in s3._buckets:
        raise NotFetched(f"NoSuchBucket: {bucket}")
    body = s3._get_object_data(bucket, key)
    if body is not None and not key.endswith("/"):
        yield key.rpartition("/")[2], body
        return
    below = key if key.endswith("/") or not key else f"{key}/"
    names = [name for name in s3._buckets[bucket]["objects"] if name.startswith(below) and name != below]
    if not names:
        raise NotFetched(f"NoSuchKey: {address}")
    for name in names:
        yield name.removeprefix(below), s3._get_object_data(bucket, name) or b""


def _place(address: str) -> tuple[str, str]:
    """Read bucket and key from either style of address: BUCKET.s3.REGION… or s3.REGION…/BUCKET."""
    parts = urlsplit(address)
    path = unquote(parts.path.lstrip("/"))
    host = parts.hostname or ""
    bucket, dot, rest = host.partition(".s3")
    if dot and rest[:1] in (".", "-"):
        return bucket, path
    bucket, _slash, key = path.partition("/")
    return bucket, key
