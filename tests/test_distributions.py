"""The sandbox and the command line, each installed alone from the repository and used without the portal.

The sandbox is installed, started, asked for a key and tested as portal/sandbox/README.md describes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

import boto3
import pytest
from packaging.requirements import Requirement
from pytest_django.live_server_helper import LiveServer

from deployments.environments.models.accounts import Account
from tests.api.clients import Program
from tests.builders import make_account, make_operator
from tests.health_builders import make_whole
from tests.services import LIMIT, LOOPBACK, REPOSITORY, Sandbox, free_port, sandbox_answers
from tests.test_project import tracked

pytestmark = pytest.mark.timeout(900)
UV = Path(sys.prefix) / ".uv/bin/uv"
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
LOCK = REPOSITORY / "requirements-test.lock"
REGION = "ap-northeast-1"
EXTERNAL_ID = "0123456789abcdef0123456789abcdef"
OF_THE_SANDBOX = (
    "sandbox_tests/machines",  # in the process of the tests
    "sandbox_tests/engine/test_tokens.py",  # with the sandbox
    "sandbox_tests/fixes/test_stack_tags.py",  # with MiniStack beside it
    "sandbox_tests/strict/test_buckets.py",  # failures that the portal explains, where it is
)
TEMPLATE = """
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Subnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24}}
Outputs:
  Subnet: {Value: !Ref Subnet}
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the repository contains, since building leaves files beside the sources."""
    folder = tmp_path_factory.mktemp("checkout")
    for file in tracked(folders=True):
        copy = folder / file.relative_to(REPOSITORY)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy, follow_symlinks=False)
    return folder


def requirements(project: Path, *extras: str) -> list[Requirement]:
    """Return what a pyproject.toml depends on, for this machine and with extras."""
    whole = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    more = [line for extra in extras for line in whole["optional-dependencies"][extra]]
    lines = [*whole["dependencies"], *more]
    return [one for one in map(Requirement, lines) if not one.marker or one.marker.evaluate()]


def normal(name: str) -> str:
    """Return a package's name as in lock files."""
    return re.sub(r"[-_.]+", "-", name).lower()


def with_dependencies(wanted: list[Requirement]) -> set[str]:
    """Return the names of packages and of all that these need on this machine, by what is installed here."""
    found: set[str] = set()
    left = [(one.name, one.extras) for one in wanted]
    while left:
        name, extras = left.pop()
        found.add(normal(name))
        for line in metadata.requires(name) or ():
            one = Requirement(line)
            markers = [{"extra": extra} for extra in (extras or {""})]
            is_needed = one.marker is None or any(one.marker.evaluate(values) for values in markers)
            if is_needed and normal(one.name) not in found:
                left.append((one.name, one.extras))
    return found


def installed_alone(checkout: Path, project: str, folder: Path, *extras: str) -> Path:
    """Install a distribution with the locked versions of its dependencies; return the new environment.

    The wheel is built as pip does it. uv's check fails if a dependency is missing.
    """
    wheels, environment, lines = folder / "wheels", folder / "environment", folder / "requirements.txt"
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([sys.executable, "-c", BUILD, wheels], cwd=checkout / project, env=clean, check=True)
    (wheel,) = wheels.glob("*.whl")
    names = with_dependencies(requirements(checkout / project, *extras))
    locked = re.split(r"^(?=[a-z0-9])", LOCK.read_text(), flags=re.MULTILINE)[1:]
    lines.write_text("".join(block for block in locked if block.partition("==")[0] in names))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    install = [str(UV), "pip", "install", "--quiet", "--system-certs", "--no-deps", "--python", str(python)]
    subprocess.run([*install, "--require-hashes", "--requirement", str(lines)], env=clean, check=True)
    subprocess.run([*install, str(wheel)], env=clean, check=True)
    subprocess.run([UV, "pip", "check", "--python", python], env=clean, check=True)
    return environment


def variables(folder: Path, more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a user who has nothing of Sanso but what is installed."""
    home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config"), "TMPDIR": str(folder)}
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **home, **more}


def importable(environment: Path, folder: Path, *names: str) -> dict[str, str]:
    """Return the files of the modules that can be imported there, by name."""
    code = (
        "import importlib.util, json, sys; found = map(importlib.util.find_spec, sys.argv[1:]); "
        "print(json.dumps({one.name: one.origin for one in found if one}))"
    )
    command = [str(environment / "bin" / "python"), "-c", code, *names]
    done = subprocess.run(command, cwd=folder, env=variables(folder, {}), capture_output=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


class InstalledSandbox(Sandbox):
    """A sandbox that does not run in the checkout, with a user's variables instead of the tests'."""

    def start(self) -> None:
        """Start it in its own folder."""
        self.directory = self.folder
        super().start()


@pytest.fixture
def sandbox_alone(checkout: Path, tmp_path: Path) -> Iterator[Sandbox]:
    """The sandbox of an environment of its own, started by its command."""
    environment = installed_alone(checkout, "portal/sandbox", tmp_path)
    found = importable(environment, tmp_path, "sanso_sandbox", "portal", "deployments", "django", "celery")
    assert found.keys() == {"sanso_sandbox"}
    assert Path(found["sanso_sandbox"]).is_relative_to(environment)
    port, folder = free_port(), tmp_path / "sandbox"
    settings = {"SANSO_SANDBOX_PORT": str(port), "SANSO_SANDBOX_PACE": "0"}
    settings |= {"SANSO_SANDBOX_DATA": str(folder / "data"), "SANSO_SANDBOX_MACHINES": "processes"}
    folder.mkdir()
    given = [f"{name}={value}" for name, value in variables(folder, settings).items()]
    server = InstalledSandbox(
        command=["env", "-i", *given, str(environment / "bin" / "sanso-sandbox")],
        folder=folder,
        port=port,
        answers=lambda: sandbox_answers(port, folder / "data" / "token"),
    )
    server.start()
    yield server
    server.stop()


def test_the_sandbox_is_installed_and_used_without_the_portal(sandbox_alone: Sandbox) -> None:
    account = "123456789012"
    keys = sandbox_alone.credentials(account)
    session = boto3.Session(keys["aws_access_key_id"], keys["aws_secret_access_key"], region_name=REGION)
    identity = session.client("sts", endpoint_url=sandbox_alone.url).get_caller_identity()
    cloudformation = session.client("cloudformation", endpoint_url=sandbox_alone.url)
    cloudformation.create_stack(StackName="shop", TemplateBody=TEMPLATE)
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="shop", WaiterConfig={"Delay": 1, "MaxAttempts": int(LIMIT)}
    )
    (stack,) = cloudformation.describe_stacks(StackName="shop")["Stacks"]
    subnet = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}["Subnet"]
    ec2 = session.client("ec2", endpoint_url=sandbox_alone.url)
    (found,) = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]

    assert identity["Account"] == account
    assert found["CidrBlock"] == "10.0.1.0/24"


def test_an_installed_sandbox_has_the_roles_of_an_account(sandbox_alone: Sandbox) -> None:
    body = {"name": "portal", "external_id": EXTERNAL_ID}
    issued = sandbox_alone.control("POST", "keys", body, account="123456789012")
    assert isinstance(issued, dict)
    session = boto3.Session(issued["access_key_id"], issued["secret_access_key"], region_name=REGION)
    sts = session.client("sts", endpoint_url=sandbox_alone.url)
    role = "arn:aws:iam::123456789012:role/sanso-portal"
    assumed = sts.assume_role(RoleArn=role, RoleSessionName="test", ExternalId=EXTERNAL_ID)

    assert assumed["AssumedRoleUser"]["Arn"].endswith("assumed-role/sanso-portal/test")


def test_the_sandboxs_own_tests_run_without_the_portal(checkout: Path, tmp_path: Path) -> None:
    """A part of them: `make test` runs all, in the portal's environment."""
    environment = installed_alone(checkout, "portal/sandbox", tmp_path, "test")
    project = tmp_path / "project"
    shutil.copytree(checkout / "portal/sandbox/sandbox_tests", project / "sandbox_tests")
    shutil.copy(checkout / "portal/sandbox/pyproject.toml", project)
    absent = ("portal", "deployments", "tests", "django", "celery", "redis")
    assert importable(environment, project, *absent) == {}

    done = subprocess.run(
        [str(environment / "bin" / "pytest"), "-p", "no:cacheprovider", *OF_THE_SANDBOX],
        cwd=project,
        env=variables(tmp_path, {}),
        text=True,
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    assert re.search(r"\d+ passed", done.stdout)


@pytest.fixture
def production(transactional_db: None) -> Account:
    return make_account("production")


def test_the_command_line_is_installed_and_used_without_the_portal(
    checkout: Path, tmp_path: Path, production: Account, live_server: LiveServer
) -> None:
    operator = make_operator("ana")
    make_whole("shop", owner=operator, account=production)
    environment = installed_alone(checkout, "portal/command_line", tmp_path)
    names = ("sanso_cli", "portal", "deployments", "sanso_sandbox", "django", "boto3")
    found = importable(environment, tmp_path, *names)
    assert {name: Path(file).is_relative_to(environment) for name, file in found.items()} == {
        "sanso_cli": True
    }

    def sanso(*arguments: str, language: str = "en_US.UTF-8") -> str:
        given = {"SANSO_URL": live_server.url, "SANSO_TOKEN": Program(operator).value, "LANG": language}
        return subprocess.run(
            [str(environment / "bin" / "sanso"), *arguments],
            cwd=tmp_path,
            env=variables(tmp_path, given | {"NO_PROXY": LOOPBACK}),
            text=True,
            capture_output=True,
            check=True,
            timeout=LIMIT,
        ).stdout

    assert "env" in sanso("--help")
    (shop,) = json.loads(sanso("env", "list", "-o", "json"))
    assert shop["name"] == "shop"
    assert sanso("--help", language="ja_JP.UTF-8") != sanso("--help")


@pytest.mark.parametrize("project", ["portal/sandbox", "portal/command_line"])
def test_the_checkout_locks_what_a_distribution_depends_on(project: str) -> None:
    whole = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    lines = [*whole["project"]["dependencies"], *whole["dependency-groups"]["dev"]]
    locked = {one.name.lower(): one for one in map(Requirement, lines)}
    own = requirements(REPOSITORY / project, *(["test"] if project == "portal/sandbox" else []))

    assert [one.name for one in own if one.name not in locked] == []
    if project == "portal/sandbox":  # it runs in the portal's environment, too
        assert [str(one) for one in own if one.specifier != locked[one.name].specifier] == []
