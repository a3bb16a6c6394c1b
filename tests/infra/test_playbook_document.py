"""The SSM document installs a known version of Ansible and runs the playbook of the zip."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.infra.template_files import properties

CONTENT: dict[str, Any] = properties("configuration", "PlaybookDocument")["Content"]
FETCH, RUN = CONTENT["mainSteps"]
URL = "https://artifacts.s3.ap-northeast-1.amazonaws.com/sets/0123abcd/playbook.zip"
LOCK = "ansible.lock"
WHEEL = "wheelhouse/ansible_core-2.19.99-py3-none-any.whl"
VARIABLES = "DB_NAME=datelog DB_SECRET_NAME=times-database-user-5f0c7a52 MYSQL_PORT=3306"
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - name: Write down what was handed over
      ansible.builtin.copy:
        content: "{{ [DB_NAME, DB_SECRET_NAME, MYSQL_PORT] | to_json }}"
        dest: "RESULT"
        mode: "0600"
"""
# A fake ansible-core: prints a version, records its arguments.
FAKE_ANSIBLE = """
import json, sys
def main():
    if "--version" in sys.argv:
        print("ansible-playbook [core 2.19.99]")
    else:
        open("RESULT", "w").write(json.dumps(sys.argv[1:]))
"""
# Creates no environment with a pip of its own.
BROKEN_PYTHON = f"""
case "$*" in
  "-m venv --clear --without-pip "*) ;;
  "-m venv "*) exit 1 ;;
esac
exec {sys.executable} "$@"
"""


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """The file system of a host with few programs on the PATH."""
    for name in ("bin", "run", "downloads", "opt", "tmp"):
        (tmp_path / name).mkdir()
    for tool in ("sh", "basename", "flock", "grep", "head", "mktemp", "rm", "sed", "tr"):
        (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
    python = tmp_path / "bin/python3"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return tmp_path


def run(host: Path, *path: str) -> subprocess.CompletedProcess[str]:
    """Run the second step, like the SSM agent, in the folder with the zip from the first step."""
    (script,) = RUN["inputs"]["runCommand"]
    script = script.replace("{{ SourceUrl }}", URL).replace("{{ ExtraVariables }}", VARIABLES)
    script = script.replace("/run/", f"{host}/run/").replace("/opt/", f"{host}/opt/")
    return subprocess.run(
        [shutil.which("dash") or "sh"],
        input=script,
        cwd=host / "downloads",
        env={
            "PATH": ":".join([str(host / "bin"), *path]),
            "TMPDIR": str(host / "tmp"),
            "ANSIBLE_HOME": str(host / "ansible"),
            "ANSIBLE_REMOTE_TMP": str(host / "ansible/remote"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def zip_up(host: Path, files: Mapping[str, str | bytes]) -> None:
    with zipfile.ZipFile(host / "downloads/playbook.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def wheel(host: Path) -> bytes:
    """Return a wheel of the fake, which pip can install without an index."""
    path = host / WHEEL.rpartition("/")[2]
    info = "ansible_core-2.19.99.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("stand_in.py", FAKE_ANSIBLE.replace("RESULT", str(host / "result")))
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: ansible-core\nVersion: 2.19.99\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/entry_points.txt", "[console_scripts]\nansible-playbook = stand_in:main\n")
        archive.writestr(f"{info}/RECORD", "")
    return path.read_bytes()


def lock(wheel: bytes) -> str:
    """Return the lock file that names a wheel of the fake."""
    return f"ansible-core==2.19.99 --hash=sha256:{hashlib.sha256(wheel).hexdigest()}\n"


def test_a_suitable_ansible_runs_the_playbook_with_its_variables(host: Path) -> None:
    (host / "bin/ansible-playbook").symlink_to(Path(sys.executable).with_name("ansible-playbook"))
    zip_up(host, {"playbook.yml": PLAYBOOK.replace("RESULT", str(host / "result"))})

    done = run(host, "/usr/bin", "/bin")

    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((host / "result").read_text()) == [
        "datelog",
        "times-database-user-5f0c7a52",
        "3306",
    ]
    assert list((host / "tmp").iterdir()) == []  # nothing remains


def test_a_playbook_that_fails_fails_the_step(host: Path) -> None:
    (host / "bin/ansible-playbook").symlink_to(Path(sys.executable).with_name("ansible-playbook"))
    zip_up(host, {"playbook.yml": "- hosts: all\n  tasks: [{ansible.builtin.fail: }]\n"})

    assert run(host, "/usr/bin", "/bin").returncode == 2  # Ansible's exit code for a failed task


def test_without_ansible_on_the_host_the_wheels_of_the_zip_are_installed_without_an_index(host: Path) -> None:
    ansible = wheel(host)
    zip_up(host, {"playbook.yml": PLAYBOOK, WHEEL: ansible, LOCK: lock(ansible)})

    done = run(host)

    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((host / "result").read_text()) == [
        *("-i", "localhost,", "-c", "local", "-e", VARIABLES),
        *("-e", f"datelog_source_url={URL}", "playbook.yml"),
    ]


def test_the_wheelhouse_of_this_python_and_processor_comes_first(host: Path) -> None:
    ansible = wheel(host)
    own = f"wheelhouse-cp3{sys.version_info[1]}-{os.uname().machine}/{WHEEL.rpartition('/')[2]}"
    other = WHEEL.replace("wheelhouse/", "wheelhouse-cp312-other/")
    zip_up(host, {"playbook.yml": PLAYBOOK, own: ansible, other: b"", LOCK: lock(ansible)})

    done = run(host)

    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((host / "result").read_text())[-1] == "playbook.yml"


def test_a_broken_ensurepip_is_replaced_by_the_pip_of_the_distribution(host: Path) -> None:
    (host / "bin/chmod").symlink_to(str(shutil.which("chmod")))
    for name, script in (("python3.12", BROKEN_PYTHON), ("dnf", f'echo "$@" >{host}/installed')):
        program = host / "bin" / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    ansible = wheel(host)
    zip_up(host, {"playbook.yml": PLAYBOOK, WHEEL: ansible, LOCK: lock(ansible)})

    done = run(host)

    assert done.returncode == 0, done.stdout + done.stderr
    assert (host / "installed").read_text() == "-y install python3.12-pip\n"
    assert json.loads((host / "result").read_text())[-1] == "playbook.yml"


def test_an_ansible_that_is_not_the_one_of_the_lock_file_is_not_installed(host: Path) -> None:
    zip_up(host, {"playbook.yml": PLAYBOOK, WHEEL: wheel(host), LOCK: lock(b"another one")})

    done = run(host)

    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stdout + done.stderr


def test_an_older_ansible_on_the_host_stays_and_ours_is_installed_once(host: Path) -> None:
    older = host / "bin/ansible-playbook"
    older.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "ansible-playbook [core 2.15.3]" || exit 99\n')
    older.chmod(0o755)
    ansible = wheel(host)
    zip_up(host, {"playbook.yml": PLAYBOOK, WHEEL: ansible, LOCK: lock(ansible)})
    assert run(host).returncode == 0
    made = (host / "opt/ansible/pyvenv.cfg").stat().st_mtime_ns

    assert run(host).returncode == 0

    assert (host / "opt/ansible/pyvenv.cfg").stat().st_mtime_ns == made


def test_the_first_step_fetches_what_the_second_unpacks() -> None:
    assert FETCH["action"] == "aws:downloadContent"
    assert json.loads(FETCH["inputs"]["sourceInfo"]) == {"path": "{{ SourceUrl }}"}
    source = properties("configuration", "AppServerAssociation")["Parameters"]["SourceUrl"]
    assert source == [
        {
            "Fn::Sub": "https://${ArtifactBucket}.s3.${AWS::Region}.${AWS::URLSuffix}/"
            "${ArtifactPrefix}/playbook.zip"
        }
    ]


@pytest.mark.parametrize("name", ["AppServerAssociation", "AwsDocumentAppServerAssociation"])
def test_both_documents_accept_the_variables_of_the_associations(name: str) -> None:
    given = properties("configuration", name)["Parameters"]["ExtraVariables"][0]["Fn::Sub"]
    filled = re.sub(r"\$\{[\w:]+\}", "times-aurora-1x.cluster-abc.ap-northeast-1.rds.amazonaws.com", given)

    assert re.fullmatch(CONTENT["parameters"]["ExtraVariables"]["allowedPattern"], filled)
    # AWS-ApplyAnsiblePlaybooks rejects these characters in a value, quoted or not
    assert not set(":|();&") & set(filled)


@pytest.mark.parametrize(
    "text", ['A="$(reboot)"', "A=1; reboot", "A=`reboot`", "A=1\nreboot", "-e @/etc/shadow"]
)
def test_shell_code_is_no_valid_variable(text: str) -> None:
    assert not re.fullmatch(CONTENT["parameters"]["ExtraVariables"]["allowedPattern"], text)
