"""The playbook in a booted machine, offline: first run, second run, updates, a restart under load."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from datelog.version import compute_version
from sanso_sandbox.backends.machines.booted.base_tree import WHEELHOUSE
from tests.datelog import uwsgi_packets
from tests.playbook.machine import Machine, System, base_tree, booted_machine, why_not
from tests.services import LIMIT, REPOSITORY, wait_until

pytestmark = [
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
    pytest.mark.timeout(900),  # the first run on a host creates the base tree
]

VARIABLES = (
    "AWS_REGION=ap-northeast-1 DB_NAME=datelog DB_READ_ENDPOINT_ADDRESS=reader.example "
    "DB_SECRET_NAME=trial/datelog DB_TABLENAME=datelog DB_USER=datelog "
    "DB_WRITE_ENDPOINT_ADDRESS=writer.example MYSQL_PORT=3306"
)

HTTP = "APP_PROTOCOL=http"

# Requests /healthz like Apache, with a connection per request, until a file exists; prints the results.
CLIENT = """
import http.client, json, pathlib, time
answered, failed = 0, []
while not pathlib.Path("/root/stop").exists():
    time.sleep(0.01)
    connection = http.client.HTTPConnection("127.0.0.1", 9090, timeout=30)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        status = answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        failed.append(repr(error))
        continue
    finally:
        connection.close()
    if status == (200, b"ok\\n"):
        answered += 1
        pathlib.Path("/root/answered").write_text(str(answered))
    else:
        failed.append(repr(status))
print(json.dumps({"answered": answered, "failed": failed}))
"""
CODE = """
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"loaded"]
"""
# Sends packets that name this code, or handlers other than Python; prints the response bodies.
PACKETS = """
import json, uwsgi_packets
code = "/usr/local/share/loaded.py"
sets = {
    "file": [("UWSGI_FILE", code)],
    "file in a temporary folder": [("UWSGI_FILE", "/var/tmp/loaded.py")],
    "script": [("UWSGI_SCRIPT", "loaded"), ("UWSGI_CHDIR", "/usr/local/share")],
    "module": [("UWSGI_MODULE", "loaded"), ("UWSGI_HOME", "/usr/local"), ("UWSGI_CALLABLE", "application")],
    "home": [("UWSGI_PYHOME", "/usr/local"), ("UWSGI_FILE", code), ("UWSGI_TOUCH_RELOAD", code)],
    "command": [("UWSGI_FILE", "exec://cat " + code)],
    "text": [("UWSGI_FILE", "data://" + open(code).read())],
    "variable": [("UWSGI_SETENV", "LD_PRELOAD=" + code)],
}
answers = {}
body = lambda answer: answer.decode().rpartition(chr(13) + chr(10))[2]
for name, variables in sets.items():
    for number in range(8):  # so that every worker gets some
        variables = [("UWSGI_APPID", f"{name}{number}"), *variables]
        answers[f"{name} {number}"] = uwsgi_packets.request(9090, *variables)
for modifier1 in range(256):
    answers[f"modifier1 {modifier1}"] = uwsgi_packets.request(9090, modifier1=modifier1, modifier2=1)
print(json.dumps({name: body(answer) for name, answer in answers.items()}))
"""


BEFORE = Path(__file__).with_name("before_strictness.yml")
ENVIRONMENT_FILES = ("etc/sysconfig/uwsgi", "etc/default/uwsgi")  # Amazon Linux's, Debian's
ANSIBLE = "/opt/ansible/bin/ansible-playbook"


@pytest.fixture(scope="module", params=list(System))
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """An app server that was set up by the playbook from a zip with a wheelhouse."""
    with booted_machine(request.param) as machine:
        work = machine.root / "root/playbook"
        shutil.copytree(REPOSITORY / "playbook", work)
        leave_out = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / "datelog", work / "app/datelog", ignore=leave_out)
        # A wheelhouse in the zip; without one the playbook uses that of the machine image.
        shutil.copytree(base_tree().wheels / WHEELHOUSE, work / "wheelhouse")
        (machine.root / "root/client.py").write_text(CLIENT)
        install_ansible(machine)
        assert changed(play(machine, HTTP)) > 0
        yield machine


def install_ansible(machine: Machine) -> None:
    """Install Ansible as the association's document does, with a newer Python on Amazon Linux."""
    python = "/usr/bin/python3"
    if machine.run("sh", "-c", "command -v dnf").returncode == 0:
        machine.do("dnf", "-qy", "install", "python3.12")
        python = "/usr/bin/python3.12"
    machine.do(python, "-m", "venv", "/opt/ansible")
    wheels = ("--no-compile", "--require-hashes", "--no-index", "--find-links", "/root/playbook/wheelhouse")
    machine.do("/opt/ansible/bin/pip", "install", "-q", *wheels, "-r", "/root/playbook/ansible.lock")


def play(machine: Machine, more: str = HTTP) -> str:
    """Run the playbook like the association's document and return its output."""
    command = f"cd /root/playbook && {ANSIBLE} -i localhost, -c local -e '{VARIABLES} {more}' playbook.yml"
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


def health(machine: Machine, port: int) -> str:
    script = (
        f"import urllib.request as u; print(u.urlopen('http://127.0.0.1:{port}/healthz').read().decode())"
    )
    return machine.do("python3", "-c", script).strip()


def version(machine: Machine) -> str:
    script = (
        "import urllib.request as u;"
        "print(u.urlopen('http://127.0.0.1:9090/healthz').headers['X-Datelog-Version'])"
    )
    return machine.do("python3", "-c", script).strip()


def listening(machine: Machine) -> set[int]:
    """Return the TCP ports on which uWSGI listens, or systemd for it."""
    lines = machine.do("ss", "--listening", "--tcp", "--numeric", "--no-header").splitlines()
    ports = {int(line.split()[3].rpartition(":")[2]) for line in lines}
    return {port for port in ports if 9000 <= port < 10_000}


def show(machine: Machine, name: str) -> str:
    return machine.do("systemctl", "show", "--value", "-p", name, "uwsgi.service").strip()


def test_the_playbook_sets_up_an_app_server_and_a_second_run_changes_nothing(machine: Machine) -> None:
    assert health(machine, 9090) == "ok"
    assert listening(machine) == {9090}
    assert show(machine, "ActiveState") == "active"
    assert show(machine, "StatusText") == "uWSGI is ready"
    release = Path(machine.do("readlink", "/opt/datelog/current").strip()).name
    assert machine.do("cat", "/opt/datelog/current/version").strip() == release
    assert version(machine) == release == compute_version(REPOSITORY / "datelog")
    assert changed(play(machine)) == 0


def test_the_playbook_from_before_strictness_fails_on_a_bare_python(machine: Machine) -> None:
    """AL1; https://docs.ansible.com/ansible/latest/collections/ansible/builtin/pip_module.html#requirements"""
    if machine.run("sh", "-c", "command -v dnf").returncode:
        pytest.skip("stands for Debian")
    before = machine.root / "root/before"
    before.mkdir()
    (before / "requirements.txt").write_text(machine.do("cat", "/opt/datelog/requirements.txt"))
    shutil.copy(BEFORE, before / "playbook.yml")
    with pytest.raises(
        RuntimeError, match=r"Failed to import the required Python library \((packaging|setuptools)"
    ):
        machine.do(ANSIBLE, "-i", "localhost,", "-c", "local", "/root/before/playbook.yml")


def starts(machine: Machine) -> int:
    """Return how many times systemd has started uWSGI."""
    log = machine.do("journalctl", "--unit=uwsgi.service", "--output=cat", "--no-pager")
    return sum(line.startswith("Starting uwsgi.service") for line in log.splitlines())


def test_uwsgi_starts_once_although_health_checks_arrive_as_soon_as_its_socket_is_open(
    machine: Machine,
) -> None:
    for unit in ("uwsgi.socket", "uwsgi.service"):  # as in the first run
        (machine.root / "etc/systemd/system" / unit).unlink()
    before, stop = starts(machine), machine.root / "root/stop"
    load = machine.start("python3", "/root/client.py")
    try:
        assert changed(play(machine)) > 0
    finally:
        stop.touch()
        load.communicate(timeout=LIMIT)
        stop.unlink()

    assert starts(machine) == before + 1


def test_the_service_is_unprivileged_and_its_environment_file_private(machine: Machine) -> None:
    file = next(path for path in ENVIRONMENT_FILES if (machine.root / path).parent.is_dir())
    assert machine.do("stat", "-c", "%a %U", f"/{file}").strip() == "600 root"
    main = show(machine, "MainPID")
    assert machine.do("ps", "-o", "uid=", "-p", main).strip() not in ("", "0")
    environment = (machine.root / file).read_text()
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
    wait_until(lambda: not workers(machine) & before, what="workers with the new code")
    assert show(machine, "MainPID") == main  # reloaded, not restarted
    wait_for_answers()

    assert changed(play(machine, f"{HTTP} DATELOG_TIME_ZONE=Asia/Tokyo")) > 0
    wait_until(lambda: show(machine, "MainPID") not in ("0", main), what="a restart")
    wait_for_answers()

    (machine.root / "root/stop").touch()
    output, _ = load.communicate(timeout=LIMIT)
    results = json.loads(output)
    assert results["failed"] == []
    assert results["answered"] > 400


def test_code_that_cannot_be_loaded_is_not_released(machine: Machine) -> None:
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


def test_missing_variables_are_named(machine: Machine) -> None:
    command = f"cd /root/playbook && {ANSIBLE} -i localhost, -c local -e DB_NAME=datelog playbook.yml"
    with pytest.raises(RuntimeError, match="Set the extra variables DB_NAME"):
        machine.do("sh", "-c", command)


def test_a_password_with_special_characters_reaches_the_service_and_no_output(machine: Machine) -> None:
    password = 'a"b\\c$d%e f'
    variables = machine.root / "root/password.json"
    variables.write_text(json.dumps({"DB_PASSWORD": password, "DB_SECRET_NAME": ""}))
    output = machine.do(
        "sh",
        "-c",
        f"cd /root/playbook && {ANSIBLE} -vv --diff -i localhost, -c local -e '{VARIABLES} {HTTP}' "
        "-e @/root/password.json playbook.yml",
    )
    assert password not in output
    assert 'a"b' not in output
    main = show(machine, "MainPID")
    environment = machine.do("cat", f"/proc/{main}/environ").split("\0")
    assert f"DB_PASSWORD={password}" in environment


def test_protocols_other_than_http_and_uwsgi_are_rejected(machine: Machine) -> None:
    with pytest.raises(RuntimeError, match="APP_PROTOCOL must be http or uwsgi, not fastcgi"):
        play(machine, "APP_PROTOCOL=fastcgi")


def test_without_a_protocol_the_playbook_sets_up_uwsgi_with_a_health_check_port(
    machine: Machine,
) -> None:
    """Environments created before AppProtocol existed do not pass a protocol."""
    assert changed(play(machine, "")) > 0

    assert listening(machine) == {9090, 9091}
    assert health(machine, 9091) == "ok"
    with pytest.raises(RuntimeError, match=r"Connection reset|RemoteDisconnected|timed out"):
        health(machine, 9090)
    assert changed(play(machine, "")) == 0


def test_in_the_unit_no_packet_of_uwsgis_protocol_loads_code_or_reaches_another_handler(
    machine: Machine,
) -> None:
    assert changed(play(machine, "APP_PROTOCOL=uwsgi")) == 0  # the test before has set it up already
    shutil.copy(Path(uwsgi_packets.__file__), machine.root / "root")
    for place in ("usr/local/share/loaded.py", "var/tmp/loaded.py"):
        (machine.root / place).write_text(CODE)
    (machine.root / "root/packets.py").write_text(PACKETS)
    main, before = show(machine, "MainPID"), workers(machine)

    answers = json.loads(machine.do("python3", "/root/packets.py"))

    assert {name: answer for name, answer in answers.items() if answer != "ok\n"} == {}
    assert (show(machine, "MainPID"), workers(machine)) == (main, before)
    assert health(machine, 9091) == "ok"
