"""datelog is deployed on its own: its folder, its lock file, nothing of the portal, no SDK."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.datelog.conftest import StartAppServer
from tests.datelog.servers import Cluster, run_in_datelog
from tests.services import REPOSITORY

CODE = REPOSITORY / "datelog"
ALLOWED = {"datelog", "django", "MySQLdb", "pymysql"}


def test_only_django_and_a_driver_are_imported() -> None:
    imported = set()
    for path in CODE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: a relative import"
                imported.add((node.module or "").split(".")[0])
    assert imported - set(sys.stdlib_module_names) <= ALLOWED


def test_the_folder_runs_on_its_own(cluster: Cluster, start_app: StartAppServer, tmp_path: Path) -> None:
    shutil.copytree(CODE, tmp_path / "datelog", ignore=shutil.ignore_patterns("__pycache__"))
    app = start_app({}, "--chdir", str(tmp_path), code=tmp_path)
    assert app.get("/write").status == 200
    cluster.wait_for_reader()
    assert app.get("/read").text.startswith('[\n  "')
    loaded = [Path(f"/proc/{pid}/cwd").resolve() for pid in app.workers()]
    assert loaded == [tmp_path.resolve()] * 2


def test_the_lock_file_pins_every_requirement_with_hashes_and_no_address() -> None:
    lock = (CODE / "requirements.lock").read_text()
    required = re.findall(r"^([a-z]+)", (CODE / "requirements.in").read_text(), re.MULTILINE)
    blocks = re.findall(
        r"^([a-z]+)==\S+ \\\n((?: {4}--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", lock, re.MULTILINE
    )
    assert {name for name, _ in blocks} >= set(required) >= {"django", "mysqlclient", "pyuwsgi"}
    assert len(blocks) == lock.count("==")
    assert "://" not in lock


def test_a_running_process_has_loaded_no_portal_and_no_sdk(cluster: Cluster) -> None:
    code = (
        "import sys, datelog.wsgi\n"
        "from django.urls import get_resolver\n"
        "get_resolver().url_patterns\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    loaded = set(run_in_datelog(code, cluster.environment()).split())
    assert "datelog" in loaded
    assert not loaded & {"boto3", "botocore", "celery", "deployments", "portal", "redis", "requests"}


def test_pymysql_is_used_where_mysqlclient_is_missing(
    cluster: Cluster, start_app: StartAppServer, tmp_path: Path
) -> None:
    (tmp_path / "MySQLdb.py").write_text("raise ImportError('as if it were not built')\n")
    shutil.copytree(CODE, tmp_path / "datelog", ignore=shutil.ignore_patterns("__pycache__"))
    for times in ("2024-01-02 00:00:00", "2024-01-01 00:00:00"):
        cluster.fill(times)
    app = start_app({}, code=tmp_path)
    assert app.get("/read").json() == ["2024-01-01 00:00:00", "2024-01-02 00:00:00"]
    assert app.get("/write").status == 200
    assert app.get("/readyz").status == 200
    assert app.get("/view").status == 200
    cluster.run("INSERT INTO datelog (dt) SELECT '2024-01-03' FROM seq_1_to_11000")
    cluster.wait_for_reader()
    assert app.get("/read").text.count('"') == 2 * 11_003
    rejected = start_app({"DB_PASSWORD": "wrong"}, code=tmp_path)
    assert rejected.get("/read").status == 503


def test_an_invalid_environment_file_prevents_the_start_with_a_message() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import datelog.wsgi"],
        cwd=REPOSITORY,
        env={"DB_NAME": "datelog", "DB_PASSWORD": "", "DB_USER": "x"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip().endswith("DB_WRITE_ENDPOINT_ADDRESS is not set.")
