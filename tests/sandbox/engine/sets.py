"""Uploads a template set as the portal does: templates and artifacts under one prefix."""

from __future__ import annotations

import importlib.util
import io
import zipfile
from pathlib import Path
from typing import Any

import yaml

from tests.sandbox.engine.conftest import PREFIX, REGION, Account

TEMPLATES = (".yaml", ".yml", ".json", ".template")


def upload(account: Account, folder: Path) -> str:
    """Put a set with a manifest into the account's bucket; returns the address of its root template."""
    manifest = yaml.safe_load((folder / "template-set.yaml").read_text())
    account.publish()
    s3 = account.client("s3")
    for template in folder.iterdir():
        if template.suffix in TEMPLATES and template.name != "template-set.yaml" and template.is_file():
            s3.put_object(Bucket=account.bucket, Key=f"{PREFIX}/{template.name}", Body=template.read_bytes())
    for artifact in manifest["artifacts"]:
        s3.put_object(Bucket=account.bucket, Key=f"{PREFIX}/{artifact['key']}", Body=packed(folder, artifact))
    return f"https://{account.bucket}.s3.{REGION}.amazonaws.com/{PREFIX}/{manifest['root']}"


def packed(folder: Path, artifact: dict[str, Any]) -> bytes:
    """Make the zip of an artifact."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        if "module" in artifact:
            module = folder / artifact["module"]
            archive.write(module, module.name)
        else:
            add_folder(archive, folder / artifact["folder"], "")
        for place, source in artifact.get("also", {}).items():
            add_folder(archive, folder / source, f"{place}/")
        for package in artifact.get("packages", ()):
            found = importlib.util.find_spec(package)
            assert found is not None
            assert found.origin is not None
            add_folder(archive, Path(found.origin).parent, f"{package}/")
    return content.getvalue()


def add_folder(archive: zipfile.ZipFile, folder: Path, prefix: str) -> None:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            archive.write(file, f"{prefix}{file.relative_to(folder)}")
