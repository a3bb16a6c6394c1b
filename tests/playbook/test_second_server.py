"""The association's document on a booted machine: the second server of a lock file and a processor.

Its wheels come from the artifact bucket of a sandbox. It reaches no package index, and has no compiler.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.template_sets import template_files
from sandbox_tests.engine.conftest import REGION, Account
from sanso_sandbox.backends.machines.booted import network
from sanso_sandbox.backends.machines.booted.machine import BootPlan
from tests.infra.test_playbook_document import RUN
from tests.playbook.machine import Machine, System, base_tree, why_not
from tests.playbook.test_machine import HTTP, VARIABLES, changed, health
from tests.services import REPOSITORY, start_sandbox

pytestmark = [
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
    pytest.mark.timeout(900),  # the first run on a host creates the base tree
]
ACCOUNT = "210987654321"
KEY = "sets/0123abcd/playbook.zip"
IMAGE = "/usr/local/share/datelog/wheelhouse"


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    """An account with an artifact bucket that booted machines reach, in which the playbook is."""
    sandbox = start_sandbox(tmp_path / "sandbox", machines="booted", database="embedded")
    try:
        found = Account(sandbox, ACCOUNT)
        found.publish()
        objects = dict(template_files.build_objects(template_files.load(REPOSITORY / "infra_templates")))
        found.client("s3").put_object(Bucket=found.bucket, Key=KEY, Body=objects["playbook.zip"])
        yield found
    finally:
        sandbox.stop()


@pytest.fixture
def server(account: Account) -> Iterator[Machine]:
    """A booted server that stands for Amazon Linux, with the document's download in /root."""
    base = base_tree(System.AMAZON)
    variables = account.sandbox.variables(account.id)
    variables |= {"AWS_ENDPOINT_URL": f"http://{network.HOST}:{account.sandbox.port}", "AWS_REGION": REGION}
    with tempfile.TemporaryDirectory(prefix="sanso-machine-") as folder:
        plan = BootPlan(name="i-second", folder=Path(folder) / "machine", environment=variables)
        machine = Machine(plan, base)
        try:
            body = account.client("s3").get_object(Bucket=account.bucket, Key=KEY)["Body"].read()
            (machine.root / "root/playbook.zip").write_bytes(body)
            yield machine
        finally:
            machine.switch_off()


def has_compiler(server: Machine) -> bool:
    return server.run("sh", "-c", "command -v gcc cc").returncode == 0


def store_as_the_first_server_does(server: Machine, url: str) -> None:
    """Store the wheels of the machine image, and take the image's away."""
    server.do("dnf", "-qy", "install", "python3.12")
    server.do("python3.12", "-m", "zipfile", "-e", "playbook.zip", "first")
    server.do("python3.12", "first/wheels.py", "store", url, IMAGE)
    server.do("rm", "-rf", IMAGE, "first")


def test_the_second_server_needs_neither_an_index_nor_a_compiler(server: Machine, account: Account) -> None:
    url = f"https://{account.bucket}.s3.{REGION}.amazonaws.com/{KEY}"
    store_as_the_first_server_does(server, url)
    assert not has_compiler(server)
    assert server.run("curl", "-sS", "--max-time", "5", "https://pypi.org/simple/").returncode != 0

    (script,) = RUN["inputs"]["runCommand"]
    script = script.replace("{{ SourceUrl }}", url).replace("{{ ExtraVariables }}", f"{VARIABLES} {HTTP}")
    output = server.do("sh", "-c", script)

    assert changed(output) > 0
    assert health(server, 9090) == "ok"
    server.do("/opt/datelog/venv/bin/python", "-c", "import MySQLdb")  # the one that is compiled
    assert not has_compiler(server)
