"""Wheels of the lock files in the artifact bucket: built once for each content, Python and processor.

    python3.12 wheels.py fetch SOURCE_URL FOLDER     downloads them into a new folder; 3 if there are none, or
                                                     one is missing or damaged, so that they are built instead
    python3.12 wheels.py store SOURCE_URL FOLDER     uploads a folder's wheels, unless there are some already

SOURCE_URL is the URL of playbook.zip; the wheels are beside the folders of all its versions. An object is
written once and never replaced (If-None-Match): the server that is first determines what the others install,
and the role of the servers allows nothing else. Needs the standard library and datelog.aws only.
"""

import hashlib
import io
import os
import platform
import re
import shutil
import sys
import sysconfig
import zipfile
import zlib
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "app"))

from datelog.aws.credentials import find_credentials, find_region  # noqa: E402 - after its folder is known
from datelog.aws.http import AwsResponse, AwsUnreachable, send  # noqa: E402
from datelog.aws.signature import signed_headers  # noqa: E402

LOCKS = (HERE / "app/datelog/requirements.lock", HERE / "ansible.lock")
NOT_THERE = 3
BUILT = "mysqlclient"  # has no wheel on the index, so the lock file has no hash of the one that was built
_PINNED = re.compile(r"^([\w.-]+)==([\w.]+)(.*(?:\n +.*)*)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_LIMIT = 200_000_000  # bytes
_SECONDS = 60.0


def main() -> int:
    """Fetch or store, as the first argument says. Return the exit code."""
    action, source_url, folder = sys.argv[1:]
    url = _url(source_url)
    try:
        return _fetch(url, Path(folder)) if action == "fetch" else _store(url, Path(folder))
    except AwsUnreachable as error:
        sys.stderr.write(f"The wheels in the artifact bucket cannot be used: {error}\n")
        return NOT_THERE


def name() -> str:
    """Return the name of the object: it differs where other wheels are needed."""
    content = hashlib.sha256(b"\0".join(path.read_bytes() for path in LOCKS))
    python = sysconfig.get_config_var("SOABI") or platform.python_version()
    libc = "-".join(platform.libc_ver())
    return f"{content.hexdigest()[:32]}-{python}-{platform.machine()}-{libc}.zip"


def _url(source_url: str) -> SplitResult:
    """Return the object's URL, in the family of prefixes that the playbook's own key begins with."""
    source = urlsplit(source_url)
    family = source.path.split("/")[1]
    path = f"/{family}/wheels/{name()}"
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        bucket = source.netloc.partition(".s3.")[0]
        return urlsplit(endpoint)._replace(path=f"/{bucket}{path}", query="", fragment="")
    return source._replace(path=path)


def _fetch(url: SplitResult, folder: Path) -> int:
    response = _request("GET", url)
    if response.status != 200:
        sys.stderr.write(f"The artifact bucket has no wheels yet ({response.status}).\n")
        return NOT_THERE
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    if damage := _unpack(response.body, unfinished) or _damage(unfinished):
        shutil.rmtree(unfinished)
        sys.stderr.write(
            f"The wheels in the artifact bucket cannot be used: {damage}. Delete the object {url.path}: "
            "the next server stores them again.\n"
        )
        return NOT_THERE
    unfinished.rename(folder)
    return 0


def _unpack(body: bytes, folder: Path) -> str:
    """Unpack the wheels. Return what is wrong with the archive, "" if nothing is."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for member in archive.infolist():
                (folder / Path(member.filename).name).write_bytes(archive.read(member))
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        return f"the archive is damaged ({error})"
    return ""


def _damage(folder: Path) -> str:
    """Return which package of the lock files has no wheel, or one with another hash; "" if none."""
    wheels = {tuple(path.name.lower().split("-")[:2]): path for path in folder.glob("*.whl")}
    for name, version, rest in _PINNED.findall("".join(path.read_text() for path in LOCKS)):
        wheel = wheels.get((re.sub(r"[-_.]+", "_", name).lower(), version))
        if wheel is None:
            return f"{name} {version} is missing"
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if digest not in _HASH.findall(rest) and name != BUILT:
            return f"the hash of {wheel.name} is not in the lock files"
    return ""


def _store(url: SplitResult, folder: Path) -> int:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:  # wheels are compressed already
        for path in sorted(folder.glob("*.whl")):
            archive.write(path, path.name)
    response = _request("PUT", url, buffer.getvalue(), {"If-None-Match": "*"})
    if response.status not in (200, 412):  # 412: another server was first
        sys.stderr.write(f"The wheels were not stored: S3 returned {response.status}.\n")
        return NOT_THERE
    return 0


def _request(
    method: str, url: SplitResult, body: bytes = b"", more: dict[str, str] | None = None
) -> AwsResponse:
    headers = signed_headers(
        url,
        body,
        {"X-Amz-Content-Sha256": hashlib.sha256(body).hexdigest(), **(more or {})},
        credentials=find_credentials(),
        region=find_region(),
        service="s3",
        now=datetime.now(UTC),
        method=method,
    )
    return send(method, url, headers=headers, body=body, timeout=_SECONDS, limit=_LIMIT)


if __name__ == "__main__":
    sys.exit(main())
