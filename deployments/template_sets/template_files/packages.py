"""The files of installed Python packages that are uploaded with functions."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code


def package_files(name: str) -> list[tuple[str, bytes]]:
    """Return the files of an installed pure-Python package.

    Raise UserFixable if the package is not installed or has compiled parts, which may not run on the
    function's processor.
    """
    try:
        listed = files(name) or []
    except PackageNotFoundError:
        raise UserFixable("TemplateSetBroken", Code.PACKAGE_NOT_INSTALLED, package=name) from None
    modules = [f for f in listed if f.suffix == ".py" and not f.parts[0].startswith("..")]
    if any(f.suffix in (".so", ".pyd") for f in listed):
        raise UserFixable("TemplateSetBroken", Code.PACKAGE_NOT_PURE_PYTHON, package=name)
    return [(f.as_posix(), Path(str(f.locate())).read_bytes()) for f in modules]
