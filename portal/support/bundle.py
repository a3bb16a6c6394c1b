"""A support bundle: an archive of texts, each redacted as the AWS call log is."""

from __future__ import annotations

import json
import platform
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from deployments.call_logs.rules.redact_call import CallRedactor
from deployments.call_logs.shared import keep
from deployments.environments.models.deployments import Deployment
from portal.doctor.examination import examine
from portal.support.known_values import redactor_of

LOG_BYTES = 300_000
"""Bytes of each log of `make run`: its end."""
PACKAGES = ("django", "celery", "redis", "boto3", "botocore", "django-ninja", "cryptography", "uvicorn")
_README = """\
Sanso support bundle

What somebody else needs to find a fault. Read it before you send it: every file is text.

README.txt       this file
versions.json    versions of Sanso, Python, packages, the database and the operating system
doctor.jsonl     the findings of `manage.py doctor`, one a line{without_aws}
{of_deployment}\
logs/            the end of each log of `make run`, if this portal runs so; elsewhere the service
                 manager has the logs: add what fits

What was removed

**** stands for values of parameters, credentials, tokens, queries of addresses, contents of
files, logs and outputs of programs. Names, account ids, ids of resources and IP addresses are
placeholders: the same one stands for the same value in all files. Such are IPv4 addresses of
240.0.0.0/4, IPv6 addresses of 2001:db8::/32, and account ids that begin with 000.

Types, statuses, logical ids of templates, regions, times, error codes and the ids of requests,
which AWS's support asks for, are as they were. A text that somebody wrote may contain what no
rule recognizes: look at reasons and messages.
"""
_OF_A_DEPLOYMENT = """\
deployment.json  the deployment: its kind, state and times
aws-calls.jsonl  the AWS call log. The first line says where it was made ("source": "aws" or
                 "sandbox"; a log of the sandbox proves nothing about AWS). Each further line is
                 a call with parameters, status, headers, body and seconds. Answers to polls that
                 were like the one before are counted in answers_like_the_last of the next one
"""


def name_of(deployment: Deployment | None, now: datetime) -> str:
    """Return the name of the file."""
    about = f"deployment-{deployment.pk}-" if deployment else ""
    return f"sanso-support-{about}{now:%Y%m%d-%H%M%S}.zip"


def write(output: IO[bytes], deployment: Deployment | None, *, with_aws: bool) -> None:
    """Write the archive. `with_aws`: the doctor calls AWS, which a page must not wait for."""
    redact = redactor_of(deployment)
    write_files(output, _files(redact, deployment, with_aws=with_aws))


def write_files(output: IO[bytes], files: Iterable[tuple[str, Iterable[str]]]) -> None:
    """Write an archive of text files, each given by its name and its lines."""
    with zipfile.ZipFile(output, "w") as archive:
        for name, lines in files:
            about = zipfile.ZipInfo(name, timezone.now().timetuple()[:6])
            about.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(about, "w") as file:
                for line in lines:
                    file.write(f"{line}\n".encode("utf-8", "replace"))


def _files(
    redact: CallRedactor, deployment: Deployment | None, *, with_aws: bool
) -> Iterator[tuple[str, Iterable[str]]]:
    without_aws = "" if with_aws else ",\n                 without those that call AWS, which a page does not"
    about = _OF_A_DEPLOYMENT if deployment else ""
    yield "README.txt", [_README.format(without_aws=without_aws, of_deployment=about)]
    yield "versions.json", [json.dumps(versions(), indent=1)]
    yield "doctor.jsonl", _doctor(redact, with_aws=with_aws)
    if deployment is not None:
        yield "deployment.json", [json.dumps(_about(deployment), indent=1)]
        yield "aws-calls.jsonl", keep.lines_of(deployment, sanso=settings.SANSO_VERSION)
    for path in sorted(settings.DATA_DIR.glob("logs/*.log")):
        yield f"logs/{path.name}", (redact.text(line) for line in _end_of(path))


def versions() -> dict[str, str]:
    """Return the versions of Sanso, of what it runs with, and of what it is built on."""
    found = {"sanso": settings.SANSO_VERSION, "python": platform.python_version()}
    found |= {package: version(package) for package in PACKAGES}
    found["system"] = f"{platform.system()} {platform.release()} {platform.machine()}"
    try:
        found["database"] = f"{connection.vendor} {'.'.join(map(str, connection.get_database_version()))}"
    except DatabaseError:
        found["database"] = f"{connection.vendor}, which does not respond"
    return found


def _doctor(redact: CallRedactor, *, with_aws: bool) -> Iterator[str]:
    for finding in examine(with_aws=with_aws):
        values = {name: redact.text(str(value)) for name, value in asdict(finding).items()}
        yield json.dumps(values, ensure_ascii=False)


def _about(deployment: Deployment) -> dict[str, Any]:
    account = deployment.environment.account
    times = {"created": deployment.created_at, "began": deployment.began_at, "ended": deployment.ended_at}
    return {
        "number": deployment.pk,
        "kind": deployment.kind,
        "operation": deployment.operation,
        "state": deployment.state,
        "error_code": deployment.error_code,
        "attention_code": deployment.attention_code,
        **{name: at.isoformat() if at else None for name, at in times.items()},
        "region": account.region,
        "is_sandbox": account.is_sandbox,
    }


def _end_of(path: Path) -> list[str]:
    """Return the last lines of a file, complete ones; none if it cannot be read."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - LOG_BYTES))
            lines = file.read(LOG_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    return lines[1:] if size > LOG_BYTES else lines
