"""The check of `make check-waits` finds waits that depend on chance, and nothing else."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tests.services import LIMIT, REPOSITORY


@pytest.fixture(scope="module")
def waits() -> ModuleType:
    spec = importlib.util.spec_from_file_location("waits", REPOSITORY / ".ci/waits.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_limit_is_that_of_the_tests(waits: ModuleType) -> None:
    assert waits.LIMIT == LIMIT


@pytest.mark.parametrize(
    "code",
    [
        "time.sleep(1)",
        "for _ in range(9):\n    sleep(0.1)",
        "while True:\n    def f():\n        time.sleep(1)",
        "page.wait_for_timeout(1000)",
        "wait_until(is_up, seconds=5)",
        "process.communicate(timeout=30)",
        "expect(row).to_be_visible(timeout=5000)",
        "async def f():\n    async with asyncio.timeout(3):\n        pass",
        "async def test_x():\n    gc.collect()\n    assert not streams",
    ],
)
def test_waits_that_depend_on_chance_are_found(waits: ModuleType, tmp_path: Path, code: str) -> None:
    file = tmp_path / "test_x.py"
    file.write_text(code)

    assert len(list(waits.findings(file))) == 1


@pytest.mark.parametrize(
    "code",
    [
        "while not is_up():\n    time.sleep(0.1)",
        "async def f():\n    await asyncio.sleep(0)",
        "clock.sleep(5)",
        "wait_until(is_up, seconds=300)",
        "wait_until(is_up, seconds=2 * LIMIT)",
        "expect(row).to_be_visible(timeout=3 * SOON)",
        "connect(timeout=1)",
        "def test_x():\n    gc.collect()",
        "async def f():\n    while streams:\n        gc.collect()\n        await asyncio.sleep(0.01)",
    ],
)
def test_waits_for_conditions_are_not(waits: ModuleType, tmp_path: Path, code: str) -> None:
    file = tmp_path / "test_x.py"
    file.write_text(code)

    assert list(waits.findings(file)) == []
