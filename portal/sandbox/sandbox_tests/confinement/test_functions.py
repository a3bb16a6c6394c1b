"""Lambda functions of a sandbox run by root or by an unprivileged user: they work, and reach nothing else."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox_tests import unprivileged
from sandbox_tests.confinement import attack
from sandbox_tests.engine.conftest import Account
from sandbox_tests.processes import PROJECT, wait_until
from sandbox_tests.resources.conftest import made
from sandbox_tests.resources.test_functions import ROLE, function_name, inline, invoke, packed, stored
from sandbox_tests.sandboxes import Sandbox, start_sandbox

pytestmark = pytest.mark.skipif(bool(unprivileged.why_not()), reason=unprivileged.why_not())

SECRET = "a-key-of-the-portal"
TEMPLATE = """
Resources:{role}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Handler: {handler}
      Runtime: {runtime}
      Role: !GetAtt Role.Arn
      Timeout: 60
      Code: {{S3Bucket: {bucket}, S3Key: code.zip}}
"""


@pytest.fixture(scope="module", params=["root", "nobody"])
def own_sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox whose folder is inside of the data folder with the portal's secrets, as in `make run`."""
    if request.param == "root" and os.geteuid() != 0:
        pytest.skip("takes root")
    prefix, user = ([], 0) if request.param == "root" else (unprivileged.as_nobody(), unprivileged.user())
    folder = Path(tempfile.mkdtemp(prefix="sanso-data-"))
    (folder / "data").mkdir()
    for name in ("secret-key", "sanso.sqlite3"):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(SECRET)
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, user, user)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET_KEY", SECRET)
        patch.setenv("DATABASE_URL", f"mysql://sanso:{SECRET}@db.internal/sanso")
        patch.setenv("PIP_INDEX_URL", f"https://someone:{SECRET}@packages.internal/simple")
        sandbox = start_sandbox(folder, database="embedded", machines="records", prefix=prefix)
    yield sandbox
    sandbox.stop()
    shutil.rmtree(folder)


@pytest.fixture
def account(own_sandbox: Sandbox) -> Account:
    return Account(own_sandbox, str(time.time_ns())[-12:])


def deploy(account: Account, code: str, **modules: str) -> str:
    """Create a function, with additional modules, and return its name."""
    bucket = stored(account, "code.zip", packed(index=code, **modules))
    template = TEMPLATE.format(role=ROLE, handler="index.handler", runtime="python3.13", bucket=bucket)
    made(account, "functions", template)
    return function_name(account)


def test_a_hostile_function_achieves_nothing(account: Account) -> None:
    sandbox = account.sandbox
    assert sandbox.process is not None
    goals: dict[str, Any] = {
        "files": [str(path) for path in sandbox.folder.rglob("*") if path.is_file()],
        "folders": [str(sandbox.folder), str(sandbox.folder / "data")],
        "processes": [sandbox.process.pid, os.getpid()],
        "reversed secret": SECRET[::-1],
    }
    assert {"secret-key", "sanso.sqlite3"} <= {Path(path).name for path in goals["files"]}
    code = "import attack\ndef handler(event, context): return attack.attack(event)"
    name = deploy(account, code, attack=Path(attack.__file__).read_text())

    result: dict[str, Any] = invoke(account, name, goals)

    for goal in ("read", "listed", "written", "memory", "seen", "traced", "signalled"):
        assert result[goal] == [], goal
    assert not result["became root"]
    assert not result["secret in environment"]
    assert result["descriptors"] <= 4  # input, output, log, and the address of its response
    assert result["status"]["NoNewPrivs"] == "1"
    assert int(result["status"]["CapEff"], 16) == 0
    assert sandbox.is_running()


def test_its_environment_is_what_lambda_gives(account: Account) -> None:
    code = "import os\ndef handler(event, context): return dict(os.environ)"
    found: dict[str, str] = invoke(account, deploy(account, code))

    others = [name for name in found if not name.startswith(("AWS_", "LAMBDA_", "PIP_", "SSL_"))]
    assert set(others) <= {
        *("PATH", "LANG", "LC_CTYPE", "HOME", "TMPDIR", "TZ", "PYTHONDONTWRITEBYTECODE"),
        *("REQUESTS_CA_BUNDLE", "http_proxy", "https_proxy", "no_proxy"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    }
    assert found["HOME"] == found["TMPDIR"] == "/tmp"
    assert found["LAMBDA_TASK_ROOT"] == "/var/task"
    assert str(account.sandbox.folder) not in json.dumps(found)


def test_its_code_cannot_be_changed_and_its_tmp_is_gone_with_it(account: Account) -> None:
    code = """
import os
def handler(event, context):
    open('/tmp/own', 'w').write('x')
    try:
        open('/var/task/index.py', 'a')
    except OSError as error:
        return [type(error).__name__, sorted(os.listdir('/tmp'))]
"""
    before = set(Path("/tmp").iterdir())
    answer = invoke(account, deploy(account, code))

    assert answer[0] in ("PermissionError", "OSError")
    # A checkout below /tmp contains the interpreter of the functions, so the checkout's folder is visible.
    way = {path.parts[2] for path in (PROJECT, Path(sys.prefix)) if path.parts[:2] == ("/", "tmp")}
    assert set(answer[1]) - way == {"own"}
    assert not any(path.name == "own" for path in set(Path("/tmp").iterdir()) - before)


def test_a_variable_of_a_function_means_nothing_to_what_confines_it(account: Account, tmp_path: Path) -> None:
    """LD_PRELOAD runs code in every program that is started with it."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("takes a C compiler")
    library, mark = tmp_path / "preloaded.so", Path("/tmp/preloaded")
    source = f"""
#include <stdio.h>
__attribute__((constructor)) static void run(void) {{ FILE *f = fopen("{mark}", "w"); if (f) fclose(f); }}
"""
    compile_it = [compiler, "-shared", "-fPIC", "-x", "c", "-", "-o", str(library)]
    subprocess.run(compile_it, input=source, text=True, check=True)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("index.py", "import os\ndef handler(e, c): return os.path.exists('/tmp/preloaded')")
        archive.writestr("preloaded.so", library.read_bytes())
    bucket = stored(account, "code.zip", content.getvalue())
    template = TEMPLATE.format(role=ROLE, handler="index.handler", runtime="python3.13", bucket=bucket)
    variables = "      Environment: {Variables: {LD_PRELOAD: /var/task/preloaded.so}}\n"
    made(account, "preloaded", template.rstrip("\n") + "\n" + variables)

    assert invoke(account, function_name(account)) is True  # the library was loaded, but with a separate /tmp
    assert not mark.exists()


def test_processes_that_a_function_leaves_running_end_with_the_sandboxs_interest(account: Account) -> None:
    mark = f"left-behind-{account.id}"
    code = f"""
import subprocess, sys
def handler(event, context):
    subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', '{mark}'], start_new_session=True)
    return 'started'
"""
    name = deploy(account, code)
    assert invoke(account, name) == "started"
    assert running(mark)

    account.client("lambda").delete_function(FunctionName=name)

    wait_until(lambda: not running(mark), what="the end of what the function started")


def running(mark: str) -> bool:
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in entry.read_bytes().split(b"\0"):
                return True
        except OSError:
            continue
    return False


@pytest.mark.parametrize(
    ("runtime", "file", "code"),
    [
        ("nodejs22.x", "index.js", "exports.handler = async () => process.env"),
        ("provided.al2023", "bootstrap", "#!/bin/sh\nenv"),
    ],
)
def test_a_function_in_another_language_is_refused_in_a_sentence(
    account: Account, runtime: str, file: str, code: str
) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        entry = zipfile.ZipInfo(file)
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, code)
    bucket = stored(account, "code.zip", content.getvalue())
    template = TEMPLATE.format(role=ROLE, handler="index.handler", runtime=runtime, bucket=bucket)
    made(account, "other", template)

    answer = json.dumps(invoke(account, function_name(account)))

    assert "The sandbox runs functions in Python" in answer
    assert SECRET not in answer


@pytest.mark.parametrize("how", ["subprocess.run(['true'])", "os.system('true')", "asyncio.run(start())"])
def test_the_engine_itself_starts_no_program(how: str) -> None:
    script = f"""
from sanso_sandbox.services.lambda_ import no_programs
no_programs.install()
code = '''
import asyncio, os, subprocess
async def start(): await asyncio.create_subprocess_exec("true")
{how}
'''
exec(compile(code, "ours", "exec"), {{"__name__": "sanso_sandbox.elsewhere"}})
try:
    exec(compile(code, "theirs", "exec"), {{"__name__": "ministack.services.glue"}})
except no_programs.ProgramRefused:
    print("refused")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "refused\n", done.stderr


def test_the_sandbox_says_that_functions_are_confined(own_sandbox: Sandbox) -> None:
    about: Any = own_sandbox.control("GET", "about")

    assert about["functions"] == "confined"


def test_a_custom_resource_answers_from_its_confinement(account: Account) -> None:
    code = """
    import cfnresponse
    def handler(event, context):
        cfnresponse.send(event, context, cfnresponse.SUCCESS, {'Said': 'hello'}, 'id')
    """
    custom = """
  Made:
    Type: Custom::Made
    Properties: {ServiceToken: !GetAtt Function.Arn, ServiceTimeout: "60"}
Outputs:
  Data: {Value: !GetAtt Made.Said}
"""
    stack = made(account, "custom", inline(code, Timeout=60) + custom)

    assert account.outputs(stack) == {"Data": "hello"}
