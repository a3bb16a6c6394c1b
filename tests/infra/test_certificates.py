"""The certificates of RDS's authorities in the playbook and in a function."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from deployments.template_sets import template_files
from tests.infra.resolved_templates import TEMPLATES

FOLDER = TEMPLATES.parent / "playbook" / "files" / "certificates"
FILES = sorted(FOLDER.glob("*.pem"))


def in_zip(archive: bytes, folder: str) -> dict[str, bytes]:
    """Return the files of a folder in a zip."""
    with zipfile.ZipFile(io.BytesIO(archive)) as read:
        names = [name for name in read.namelist() if name.startswith(folder)]
        return {name.removeprefix(folder): read.read(name) for name in names}


def test_there_are_regions() -> None:
    assert len(FILES) >= 27


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_is_an_authority_of_rds_in_its_region_that_stays_valid(path: Path) -> None:
    found = x509.load_pem_x509_certificates(path.read_bytes())
    names = {str(one.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value) for one in found}

    kinds = ("RSA2048", "RSA4096", "ECC384")
    assert names == {f"Amazon RDS {path.stem} Root CA {kind} G1" for kind in kinds}
    for one in found:
        assert one.subject == one.issuer
        one.verify_directly_issued_by(one)
        organization = one.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0]
        assert organization.value == "Amazon Web Services, Inc."
        assert one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        assert one.not_valid_after_utc > datetime.now(UTC) + timedelta(days=3650)


def test_playbook_and_function_carry_the_same() -> None:
    objects = dict(template_files.build_objects(template_files.load(TEMPLATES)))
    in_playbook = in_zip(objects["playbook.zip"], "files/certificates/")
    in_function = in_zip(objects["functions/initialize_database.zip"], "certificates/")

    assert set(in_function) == {path.name for path in FILES}
    assert in_playbook == in_function
