"""Stored template sets are unpacked on first use, also when many threads use them at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from deployments.template_sets import template_files
from deployments.template_sets.template_files import archive


@pytest.fixture(autouse=True)
def _nothing_unpacked() -> Iterator[None]:
    archive.unpacked.cache_clear()
    yield
    archive.unpacked.cache_clear()


def stored(folder: Path, name: str) -> bytes:
    at = folder / name
    at.mkdir()
    (at / "root.yaml").write_text(f"Description: {name}\nResources:\n  Topic: {{Type: AWS::SNS::Topic}}\n")
    return template_files.packed(template_files.load(at))


def test_threads_that_unpack_one_set_at_the_same_time_can_all_read_it(tmp_path: Path) -> None:
    packed = stored(tmp_path, "small")
    threads = 8
    start = Barrier(threads)

    def read(_number: int) -> str:
        start.wait()
        template_set = template_files.unpacked(packed)
        return template_set.root.read_text()

    for _ in range(20):
        archive.unpacked.cache_clear()
        with ThreadPoolExecutor(threads) as pool:
            assert len(set(pool.map(read, range(threads)))) == 1


def test_a_set_in_use_can_be_read_after_many_others_and_its_folder_is_deleted_with_it(
    tmp_path: Path,
) -> None:
    first = template_files.unpacked(stored(tmp_path, "first"))
    folder = first.folder
    for number in range(archive.UNPACKED + 1):
        template_files.unpacked(stored(tmp_path, f"set-{number}"))

    assert "Description: first" in first.root.read_text()
    del first
    assert not folder.exists()
