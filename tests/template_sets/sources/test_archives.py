"""Uploaded archives and folders of this machine: read without being extracted."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from deployments.common.message_codes import Code
from deployments.template_sets.sources.process import fetch
from deployments.template_sets.sources.spec import FetchLimits, FetchSpec
from tests.template_sets.sources.fetching import refused

FILES = {"root.yaml": b"Resources: {}", "inner/a.txt": b"a"}


def zipped(files: Mapping[str, bytes], mode: int = 0o100644) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, body)
    return buffer.getvalue()


def tarred(files: Mapping[str, bytes], kind: bytes = tarfile.REGTYPE, mode: str = "w:gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]  # one of its modes
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "root.yaml"
            info.size = len(body) if kind == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(body))
    return buffer.getvalue()


def archive(body: bytes, path: str = "", **limits: int) -> FetchSpec:
    return FetchSpec(kind="archive", archive=body, path=path, limits=FetchLimits(**limits))


@pytest.mark.parametrize("body", [zipped(FILES), tarred(FILES), tarred(FILES, mode="w")])
def test_the_files_of_an_archive_are_one_version(body: bytes) -> None:
    [version] = fetch(archive(body)).versions

    assert version.files == FILES
    assert (version.commit, version.authored_at) == ("", None)


def test_the_folder_that_git_servers_put_around_everything_is_not_part_of_the_path() -> None:
    body = zipped({f"set-1.2/{name}": content for name, content in FILES.items()})

    assert set(fetch(archive(body)).versions[0].files) == {"set-1.2/root.yaml", "set-1.2/inner/a.txt"}
    assert set(fetch(archive(body, path="inner")).versions[0].files) == {"set-1.2/inner/a.txt"}


NAMES = ["../a", "/etc/a", "a/../../b", "a\\b", "a/.git/config", "A\u0301.yaml", "a\x01b"]
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_could_lead_elsewhere_is_refused(name: str) -> None:
    for body in (zipped({name: b""}), tarred({name: b""})):
        assert refused(archive(body)) == Code.SOURCE_NAME_NOT_ALLOWED


def test_names_that_are_the_same_on_some_systems_are_refused() -> None:
    assert refused(archive(zipped({"a.yaml": b"", "A.yaml": b""}))) == Code.SOURCE_NAMES_COLLIDE
    assert refused(archive(tarred({"a": b"", "a/b": b""}))) == Code.SOURCE_NAMES_COLLIDE


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (zipped(FILES, mode=0o120777), Code.SOURCE_LINK),
        (zipped(FILES, mode=0o020644), Code.SOURCE_NOT_A_FILE),
        (tarred(FILES, tarfile.SYMTYPE), Code.SOURCE_LINK),
        (tarred(FILES, tarfile.LNKTYPE), Code.SOURCE_LINK),
        (tarred(FILES, tarfile.FIFOTYPE), Code.SOURCE_NOT_A_FILE),
        (b"PK nothing", Code.SOURCE_ARCHIVE_INVALID),
        (b"\x1f\x8b nothing", Code.SOURCE_ARCHIVE_INVALID),
        (b"nothing", Code.SOURCE_ARCHIVE_INVALID),
        (zipped(FILES)[:-30], Code.SOURCE_ARCHIVE_INVALID),
        (tarred(FILES)[:-20], Code.SOURCE_ARCHIVE_INVALID),
        (zipped({"a": LFS}), Code.SOURCE_LFS_POINTER),
    ],
)
def test_an_archive_has_regular_files_only(body: bytes, code: Code) -> None:
    assert refused(archive(body)) == code


def test_too_many_and_too_large_files_are_refused() -> None:
    many = {f"{number}.txt": b"" for number in range(2001)}

    assert refused(archive(zipped(many))) == Code.SOURCE_TOO_MANY_FILES
    assert refused(archive(zipped({"root.yaml": b"a" * 1_000_001}))) == Code.SOURCE_FILE_TOO_LARGE
    assert refused(archive(tarred({"a": b"ab"}), unpacked=1)) == Code.SOURCE_UNPACKED_TOO_LARGE


ZEROS = 10_000_000_000


def huge_tar() -> bytes:
    """Return the start of an archive of 10 GB of zeros."""
    info = tarfile.TarInfo("zeros")
    info.size = ZEROS
    return gzip.compress(info.tobuf() + bytes(1_000_000))


def lying_zip() -> bytes:
    """Return an archive with a file that is larger than its declared size."""
    body = zipped({"zeros": bytes(5_000_000)})
    return body.replace(struct.pack("<I", 5_000_000), struct.pack("<I", 1000))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (huge_tar(), Code.SOURCE_UNPACKED_TOO_LARGE),
        (zipped({"zeros": bytes(60_000_000)}), Code.SOURCE_UNPACKED_TOO_LARGE),
        (zipped({"zeros": bytes(9_000_000)}), Code.SOURCE_PACKED_TOO_TIGHTLY),
        (tarred({"zeros": bytes(9_000_000)}), Code.SOURCE_PACKED_TOO_TIGHTLY),
        (lying_zip(), Code.SOURCE_ARCHIVE_INVALID),
    ],
)
def test_an_archive_that_unpacks_to_much_more_is_refused(body: bytes, code: Code) -> None:
    assert refused(archive(body)) == code


def folder(path: Path, *, below: Path, inner: str = "") -> FetchSpec:
    return FetchSpec(kind="folder", url=str(path), path=inner, local_folders=(str(below),))


def test_a_folder_is_read_where_a_setting_allows_it(tmp_path: Path) -> None:
    (tmp_path / "set" / "inner").mkdir(parents=True)
    (tmp_path / "set" / ".git").mkdir()
    for name, body in (FILES | {".git/config": b""}).items():
        (tmp_path / "set" / name).write_bytes(body)

    assert fetch(folder(tmp_path / "set", below=tmp_path)).versions[0].files == FILES
    assert set(fetch(folder(tmp_path, below=tmp_path, inner="set/inner")).versions[0].files) == {
        "set/inner/a.txt"
    }
    assert refused(folder(tmp_path / "set", below=tmp_path / "other")) == Code.SOURCE_PATH_NOT_ALLOWED
    assert refused(folder(tmp_path / "none", below=tmp_path)) == Code.SOURCE_FOLDER_MISSING


@pytest.mark.parametrize("inner", ["", "link", "link/inner"])
def test_no_link_of_a_folder_is_followed(tmp_path: Path, inner: str) -> None:
    (tmp_path / "outside" / "inner").mkdir(parents=True)
    (tmp_path / "outside" / "inner" / "secret").write_text("secret")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "link").symlink_to(tmp_path / "outside")

    assert refused(folder(tmp_path / "set", below=tmp_path / "set", inner=inner)) == Code.SOURCE_LINK


def test_a_pipe_in_a_folder_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    assert refused(folder(tmp_path, below=tmp_path)) == Code.SOURCE_NOT_A_FILE
