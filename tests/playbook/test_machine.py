"""The playbook in a booted machine, offline: first run, second run, changes, a restart under load."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.sandbox.booted import base
from tests.playbook.machine import Machine, base_tree, booted_machine, why_not
from tests.services import REPOSITORY, wait_until

pytestmark = [
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
    pytest.mark.timeout(900),  # the first run on a host makes the base tree
]

VARIABLES = (
    "AWS_REGION=ap-northeast-1 DB_NAME=datelog DB_READ_ENDPOINT_ADDRESS=reader.example "
    "DB_SECRET_NAME=trial/datelog DB_TABLENAME=datelog DB_USER=datelog "
    "DB_WRITE_ENDPOINT_ADDRESS=writer.example MYSQL_PORT=3306"
)

# Asks over uWSGI's own protocol, as Apache does, until a file says stop; tells how it went.
CLIENT = """
import json, pathlib, socket, struct, time
text = {"REQUEST_METHOD": "GET", "PATH_INFO": "/healthz", "QUERY_STRING": "", "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "x", "SERVER_PORT": "80", "REQUEST_URI": "/healthz", "REMOTE_ADDR": "127.0.0.1"}
body = b"".join(struct.pack("<H", len(w)) + w.encode() for pair in text.items() for w in pair)
answered, failed = 0, []
while not pathlib.Path("/root/stop").exists():
    time.sleep(0.01)
    try:
        with socket.create_connection(("127.0.0.1", 9090), 30) as connection:
            connection.sendall(struct.pack("<BHB", 0, len(body), 0) + body)
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
    except OSError as error:
        failed.append(repr(error))
        continue
    if answer.startswith(b"HTTP/1.1 200"):
        answered += 1
        pathlib.Path("/root/answered").write_text(str(answered))
    else:
        failed.append(repr(answer[:60]))
print(json.dumps({"answered": answered, "failed": failed}))
"""


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """An app server that the playbook has made, as the zip brings it, with a wheelhouse."""
    with booted_machine() as machine:
        work = machine.root / "root/playbook"
        shutil.copytree(REPOSITORY / "playbook", work)
        leave_out = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / "datelog", work / "app/datelog", ignore=leave_out)
        # In the zip, where a team brings them; without, the playbook takes those of the image.
        shutil.copytree(base_tree().wheels / base.WHEELHOUSE, work / "wheelhouse")
        (machine.root / "root/client.py").write_text(CLIENT)
        assert changed(play(machine)) > 0
        yield machine


def play(machine: Machine, more: str = "") -> str:
    """Run the playbook as the association's document does; return what it printed."""
    command = (
        f"cd /root/playbook && ansible-playbook -i localhost, -c local -e '{VARIABLES} {more}' playbook.yml"
    )
    return machine.do("sh", "-c", command)


def changed(output: str) -> int:
    found = re.search(r"ok=\d+ +changed=(\d+) +unreachable=0 +failed=0", output)
    assert found, output
    return int(found[1])


def workers(machine: Machine) -> set[str]:
    script = (
        "import json, socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/uwsgi/stats.sock');"
        "text = b''.join(iter(lambda: s.recv(65536), b''));"
        "print(*[worker['pid'] for worker in json.loads(text)['workers'] if worker['pid']])"
    )
    return set(machine.do("python3", "-c", script).split())


def show(machine: Machine, name: str) -> str:
    return machine.do("systemctl", "show", "--value", "-p", name, "uwsgi.service").strip()


def test_the_playbook_makes_an_app_server_and_changes_nothing_the_second_time(machine: Machine) -> None:
    health = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9091/healthz').read().decode())"
    assert machine.do("python3", "-c", health).strip() == "ok"
    assert show(machine, "ActiveState") == "active"
    assert show(machine, "StatusText") == "uWSGI is ready"
    assert changed(play(machine)) == 0


def test_the_service_runs_as_nobody_and_keeps_its_variables_to_itself(machine: Machine) -> None:
    assert machine.do("stat", "-c", "%a %U", "/etc/default/uwsgi").strip() == "600 root"
    main = show(machine, "MainPID")
    assert machine.do("ps", "-o", "uid=", "-p", main).strip() not in ("", "0")
    environment = (machine.root / "etc/default/uwsgi").read_text()
    assert 'DB_SECRET_NAME="trial/datelog"\n' in environment
    assert "PASSWORD" not in environment


def test_new_code_is_loaded_and_new_settings_are_taken_without_a_dropped_request(machine: Machine) -> None:
    load = machine.start("python3", "/root/client.py")
    answered = machine.root / "root/answered"

    def wait_for_answers(more: int = 200) -> None:
        seen = int(answered.read_text() or 0)
        wait_until(lambda: int(answered.read_text() or 0) > seen + more, what="answers")

    wait_until(answered.exists, what="the first answer")
    main, before = show(machine, "MainPID"), workers(machine)

    views = machine.root / "root/playbook/app/datelog/views.py"
    views.write_text(views.read_text() + "\n# changed\n")
    assert changed(play(machine)) > 0
    wait_until(lambda: not workers(machine) & before, seconds=60, what="workers with the new code")
    assert show(machine, "MainPID") == main  # reloaded, not restarted
    wait_for_answers()

    assert changed(play(machine, "DATELOG_TIME_ZONE=Asia/Tokyo")) > 0
    wait_until(lambda: show(machine, "MainPID") not in ("0", main), seconds=60, what="a restart")
    wait_for_answers()

    (machine.root / "root/stop").touch()
    output, _ = load.communicate(timeout=60)
    told = json.loads(output)
    assert told["failed"] == []
    assert told["answered"] > 400


def test_code_that_cannot_be_loaded_never_reaches_the_service(machine: Machine) -> None:
    settings = machine.root / "root/playbook/app/datelog/settings.py"
    good = settings.read_text()
    current = Path(machine.do("readlink", "/opt/datelog/current").strip())
    settings.write_text("raise RuntimeError('broken')\n")
    try:
        with pytest.raises(RuntimeError, match="broken"):
            play(machine)
    finally:
        settings.write_text(good)
    assert Path(machine.do("readlink", "/opt/datelog/current").strip()) == current
    assert show(machine, "ActiveState") == "active"


def test_what_was_not_handed_over_is_named(machine: Machine) -> None:
    command = "cd /root/playbook && ansible-playbook -i localhost, -c local -e DB_NAME=datelog playbook.yml"
    with pytest.raises(RuntimeError, match="must be handed over as extra variables"):
        machine.do("sh", "-c", command)


def test_a_password_with_odd_signs_reaches_the_service_and_no_output(machine: Machine) -> None:
    password = 'a"b\\c$d%e f'
    variables = machine.root / "root/password.json"
    variables.write_text(json.dumps({"DB_PASSWORD": password, "DB_SECRET_NAME": ""}))
    output = machine.do(
        "sh",
        "-c",
        f"cd /root/playbook && ansible-playbook -vv --diff -i localhost, -c local -e '{VARIABLES}' "
        "-e @/root/password.json playbook.yml",
    )
    assert password not in output
    assert 'a"b' not in output
    main = show(machine, "MainPID")
    told = machine.do("cat", f"/proc/{main}/environ").split("\0")
    assert f"DB_PASSWORD={password}" in told
