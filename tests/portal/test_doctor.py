"""manage.py doctor: each part is broken on purpose, and each finding says how to fix it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from deployments.accounts.rules.connection import MAX_SKEW
from deployments.common import heartbeats
from deployments.common.models import encrypted_columns
from deployments.common.models.encryption import decrypt, decrypt_values, encrypt
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.account_template import REVISION, STACK
from deployments.template_sets.models.sources import TemplateSource
from portal.doctor import (
    accounts,
    database,
    encryption,
    machine,
    processes,
    redis_server,
    rows,
    secrets,
    unsafe_settings,
)
from portal.doctor.examination import examine
from portal.doctor.finding import Finding, FindingStatus, must_be_fixed
from portal.doctor.machine import GIGABYTE
from tests.builders import make_account, make_deployment
from tests.running import client, new_account
from tests.services import Redis, Sandbox, start_redis, wait_until
from tests.template_versions import make_source

pytestmark = pytest.mark.django_db


def problems(findings: list[Finding]) -> dict[str, str]:
    """Return the fix of each check that found a problem."""
    return {finding.check: finding.fix for finding in findings if finding.status is FindingStatus.PROBLEM}


def warnings(findings: list[Finding]) -> dict[str, str]:
    return {finding.check: finding.fix for finding in findings if finding.status is FindingStatus.WARNING}


@pytest.fixture
def all_processes(redis_server: Redis) -> Iterator[None]:
    """A process of each kind that sends heartbeats."""
    stops = [heartbeats.start(kind) for kind in processes.WITHOUT]
    wait_until(lambda: len(heartbeats.running(heartbeats.client())) == 3, what="three processes")
    yield
    for stop in stops:
        stop.set()


def test_a_good_installation_has_nothing_to_fix(
    all_processes: None, sandbox: Sandbox, settings: Settings, tmp_path: Path
) -> None:
    settings.DATA_DIR, settings.ALLOWED_HOSTS = tmp_path, ["localhost"]
    new_account()
    assert problems(examine()) == {}
    out = StringIO()

    call_command("doctor", "--json", stdout=out)

    found = json.loads(out.getvalue())
    assert {one["check"] for one in found if one["status"] == "problem"} == set()
    assert {"database", "migrations", "redis", "processes", "disk", "secrets", "settings", "due rows"} <= {
        one["check"] for one in found
    }


def test_the_exit_code_is_1_and_the_fix_is_printed(
    redis_server: Redis, settings: Settings, tmp_path: Path
) -> None:
    settings.DATA_DIR, settings.DEBUG = tmp_path, True
    out = StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("doctor", stdout=out)

    assert ended.value.code == 1
    assert "PROBLEM DEBUG:" in out.getvalue()
    assert "→ Start one (systemctl start sanso-worker)." in out.getvalue()


def test_every_finding_that_is_not_ok_says_how_to_fix_it(
    settings: Settings, closed_port: int, tmp_path: Path
) -> None:
    settings.DATA_DIR, settings.DEBUG = tmp_path, True
    settings.REDIS_URL = f"redis://127.0.0.1:{closed_port}/0"
    settings.SECRET_KEY_FALLBACKS = ["x" * 50]

    findings = examine()

    assert must_be_fixed(findings)
    assert all(bool(one.fix) == (one.status is not FindingStatus.OK) for one in findings)


def test_the_database_of_the_tests_is_as_it_must_be() -> None:
    facts = database.read()

    assert (facts.engine, facts.isolation, facts.charset) == ("mariadb", "READ-COMMITTED", "utf8mb4/utf8mb4")
    assert facts.waiting == ()
    assert problems(database.judge(facts)) == {}


@pytest.mark.parametrize(
    ("broken", "check", "fix"),
    [
        ({"version": (10, 4, 1)}, "database", "Upgrade"),
        ({"isolation": "REPEATABLE-READ"}, "isolation", "isolation_level"),
        ({"charset": "utf8mb4/latin1"}, "charset", "utf8mb4"),
        ({"waiting": ("deployments.0099_next",)}, "migrations", "manage.py migrate"),
        ({"skew": -30.0}, "clock", "chrony"),
        ({"error": "OperationalError"}, "database", "DATABASE_URL"),
    ],
)
def test_database_problems_are_found(broken: dict[str, Any], check: str, fix: str) -> None:
    found = problems(database.judge(replace(database.read(), **broken)))

    assert list(found) == [check]
    assert fix in found[check]


def test_a_redis_that_drops_messages_is_found(tmp_path: Path, settings: Settings) -> None:
    server = start_redis(tmp_path / "redis")
    settings.REDIS_URL = server.url
    try:
        assert problems(redis_server.judge(redis_server.read())) == {}
        with heartbeats.client() as client:
            client.config_set("maxmemory", "100mb")
            client.config_set("maxmemory-policy", "allkeys-lru")
        assert problems(redis_server.judge(redis_server.read())) == {
            "redis memory": "Set maxmemory-policy noeviction."
        }
    finally:
        server.stop()
    assert "REDIS_URL" in problems(redis_server.judge(redis_server.read()))["redis"]


def test_a_slow_or_old_redis_is_warned_of() -> None:
    found = warnings(redis_server.judge(redis_server.RedisFacts(version="5.0.7", latency=0.2)))

    assert set(found) == {"redis", "redis latency"}


def test_connections_to_other_machines_without_tls_are_found(settings: Settings) -> None:
    def found(**facts: Any) -> set[str]:
        here: dict[str, Any] = {"database": "", "is_database_encrypted": False}
        here |= {"redis": "", "is_redis_encrypted": False}
        return set(problems(encryption.judge(encryption.ConnectionFacts(**here | facts))))

    assert found() == set()
    for host in ("localhost", "127.0.0.1", "127.1.2.3", "::1", "/run/mysqld/mysqld.sock"):
        assert found(database=host, redis=host) == set()
    for host in ("db.internal", "10.0.0.5", "fd00::5", "localhost.example.com"):
        assert found(database=host, redis=host) == {"database encryption", "redis encryption"}
    remote: dict[str, Any] = {"database": "db.internal", "redis": "redis.internal"}
    encrypted: dict[str, Any] = {"is_database_encrypted": True, "is_redis_encrypted": True}
    assert found(**remote, **encrypted) == set()
    assert found(**remote, **encrypted, is_redis_checked=False) == {"redis encryption"}

    for url, facts in {
        "redis://redis.internal:6379/0": ("redis.internal", False, True),
        "rediss://redis.internal:6380/0": ("redis.internal", True, True),
        "rediss://redis.internal/0?ssl_cert_reqs=none": ("redis.internal", True, False),
        "unix:///run/redis/redis.sock?db=0": ("", False, True),
    }.items():
        settings.REDIS_URL = url
        read = encryption.read()
        assert (read.redis, read.is_redis_encrypted, read.is_redis_checked) == facts
    assert encryption.read().is_database_encrypted == (connection.vendor != "mysql")


def test_the_url_of_the_database_names_its_certificate_authority(tmp_path: Path) -> None:
    url = "mysql://u:p@db.internal/sanso?ssl_mode=VERIFY_IDENTITY&ssl_ca=/etc/ca.pem"
    code = "from portal.settings import DATABASES; print(DATABASES['default']['OPTIONS'])"
    environment = {**os.environ, "SANSO_DATA_DIR": str(tmp_path), "DATABASE_URL": url}

    output = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout

    assert "'ssl_mode': 'VERIFY_IDENTITY'" in output
    assert "'ssl': {'ca': '/etc/ca.pem'}" in output
    assert "ssl_ca" not in output


def test_missing_processes_and_other_versions_are_found(all_processes: None) -> None:
    running = processes.read()
    assert running is not None
    assert problems(processes.judge(running)) == {}

    without_worker = [process for process in running if process.kind != "worker"]
    assert "sanso-worker" in problems(processes.judge(without_worker))["processes"]
    assert "Restart" in problems(processes.judge(running, version="0.2.0+abc"))["versions"]


@pytest.mark.parametrize(
    ("kind", "shift", "text"),
    [
        ("worker", 600, "600 s ahead of Redis's: it takes no steps"),
        ("worker", -600, "600 s behind Redis's."),
        ("dispatcher", -600, "600 s behind Redis's: workers take no steps"),
    ],
)
def test_a_process_whose_clock_is_wrong_is_named(
    redis_server: Redis, monkeypatch: pytest.MonkeyPatch, kind: str, shift: int, text: str
) -> None:
    right = time.time
    monkeypatch.setattr("deployments.common.heartbeats.time.time", lambda: right() + shift)
    stop = heartbeats.start(kind)
    try:
        wait_until(lambda: bool(processes.read()), what="a heartbeat")
    finally:
        stop.set()
        monkeypatch.undo()

    found = [one for one in processes.judge(processes.read()) if one.check == "process clocks"]

    assert [text in one.text for one in found] == [True], found
    assert f"the {kind} process" in found[0].text
    assert "chrony" in found[0].fix


def test_rows_that_are_due_for_long_are_found() -> None:
    make_deployment(due_at=timezone.now() - timedelta(minutes=5))

    found = rows.judge(rows.read())

    assert "dispatcher" in problems(found)["due rows"]
    assert "1 deployments are due" in found[0].text


def test_a_deployment_whose_lease_expires_again_and_again_is_found() -> None:
    earlier = timezone.now() - timedelta(minutes=11)
    soon = timezone.now() + timedelta(seconds=20)
    stuck = make_deployment(state="stacks", due_at=soon, ticked_at=earlier, phase_at=earlier)
    make_deployment(state="scheduled", due_at=soon, ticked_at=earlier, phase_at=earlier)
    make_deployment(state="stacks", due_at=soon, ticked_at=timezone.now(), phase_at=earlier)

    assert rows.read().without_steps == [stuck.pk]
    assert "worker" in problems(rows.judge(rows.read()))["steps"]


def test_a_full_disk_and_an_open_key_are_found(tmp_path: Path) -> None:
    (tmp_path / "secret-key").write_text("x")
    (tmp_path / "secret-key").chmod(0o644)

    facts = machine.read(tmp_path)

    assert "chmod 600" in problems(machine.judge(facts))["data folder"]
    full = replace(facts, free=GIGABYTE // 10, is_readable_by_others=False)
    assert set(problems(machine.judge(full))) == {"disk"}
    assert set(warnings(machine.judge(replace(full, free=GIGABYTE)))) == {"disk"}


def test_an_account_without_credentials_is_found(sandbox: Sandbox) -> None:
    good, other = new_account(), new_account()
    Account.objects.filter(pk=other.pk).update(external_id="none")  # the sandbox issues no keys for it

    found = {facts.name: facts for facts in accounts.read()}

    assert found[good.name].account_id == good.sandbox_account_id
    assert abs(found[good.name].skew) < MAX_SKEW
    judged = {finding.check: finding for finding in accounts.judge(list(found.values()))}
    assert judged[f"account {good.name}"].status is FindingStatus.OK
    assert "SANSO_SANDBOX_TOKEN_FILE" in judged[f"account {other.name}"].fix


def test_a_refusal_of_aws_leads_to_its_fix() -> None:
    facts = accounts.AccountFacts(name="prod", operation="sts:AssumeRole", code="AccessDenied")

    assert "external ID" in accounts.judge([facts])[0].fix
    denied = replace(facts, operation="cloudformation:DescribeStacks")
    assert "cloudformation:DescribeStacks" in accounts.judge([denied])[0].fix
    assert "sandbox" in accounts.judge([replace(facts, is_sandbox=True)])[0].fix
    for code in ("SignatureDoesNotMatch", "RequestTimeTooSkewed"):
        skewed = accounts.AccountFacts(name="prod", operation="sts:GetCallerIdentity", code=code)
        assert "chrony" in accounts.judge([skewed])[0].fix
    late = accounts.AccountFacts(name="prod", account_id="1" * 12, skew=200.0)
    assert "chrony" in accounts.judge([late])[0].fix
    assert accounts.judge([])[0].status is FindingStatus.WARNING


def test_roles_of_an_earlier_account_template_are_found(sandbox: Sandbox) -> None:
    account = new_account()
    (facts,) = accounts.read()
    assert facts.revision is None  # the sandbox creates the roles without a stack
    old = "Resources: {Group: {Type: AWS::Logs::LogGroup}}"
    now = f"{old}\nOutputs: {{Revision: {{Value: '{REVISION}'}}}}"
    cloudformation = client(account, "cloudformation", sandbox)
    cloudformation.create_stack(StackName=STACK, TemplateBody=old)

    def judged() -> list[Finding]:
        return accounts.judge(accounts.read())

    wait_until(lambda: bool(warnings(judged())), what="the stack")
    (finding,) = judged()
    assert "revision 1 of account.yaml" in finding.text
    assert "Deploy infra_templates/account.yaml again" in finding.fix

    def status() -> str:
        return str(cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"])

    wait_until(lambda: status() == "CREATE_COMPLETE", what="the creation")
    cloudformation.update_stack(StackName=STACK, TemplateBody=now)
    wait_until(lambda: not warnings(judged()), what="the new revision")
    assert [one.status for one in judged()] == [FindingStatus.OK]


def test_weak_secrets_are_found(settings: Settings) -> None:
    settings.SECRET_KEY, settings.SANSO_METRICS_TOKEN = "short", "short"

    assert set(problems(secrets.judge(secrets.read()))) == {"secret key", "metrics token"}


def test_values_of_an_earlier_key_are_found_and_sealed_anew(settings: Settings) -> None:
    deployment = make_deployment(sealed_parameters=encrypt('{"Password": "x"}'))
    source = make_source()
    TemplateSource.objects.filter(pk=source.pk).update(sealed_webhook_secret=encrypt("a webhook's secret"))
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "n" * 50
    new = make_deployment(sealed_parameters=encrypt("{}"))
    assert "reseal" in warnings(secrets.judge(secrets.read()))["earlier keys"]

    out = StringIO()
    call_command("reseal", stdout=out)

    assert out.getvalue().startswith("2 encrypted again, 1 had")
    assert "no secret in the database needs it" in secrets.judge(secrets.read())[0].text
    settings.SECRET_KEY_FALLBACKS = []
    assert secrets.judge(secrets.read())[0].status is FindingStatus.OK
    assert decrypt_values(Deployment.objects.get(pk=deployment.pk).sealed_parameters) == {"Password": "x"}
    assert Deployment.objects.get(pk=new.pk).sealed_parameters == new.sealed_parameters
    assert decrypt(TemplateSource.objects.get(pk=source.pk).sealed_webhook_secret) == "a webhook's secret"


def test_values_that_no_key_opens_are_kept_and_reported() -> None:
    lost = Fernet(Fernet.generate_key()).encrypt(b"x").decode()
    deployment = make_deployment(sealed_parameters=lost)

    assert "SECRET_KEY_FALLBACKS" in problems(secrets.judge(secrets.read()))["stored secrets"]
    with pytest.raises(CommandError, match="No key opens 1"):
        call_command("reseal", stdout=StringIO())
    assert Deployment.objects.get(pk=deployment.pk).sealed_parameters == lost


def test_every_column_with_encrypted_values_is_known() -> None:
    assert {str(column) for column in encrypted_columns.columns()} >= {
        "deployments_deployment.sealed_parameters",
        "deployments_environment.secret_fingerprints",
        "deployments_templatesource.sealed_credentials",
        "deployments_templatesource.sealed_webhook_secret",
    }


@pytest.mark.parametrize(
    ("debug", "hosts", "https", "found"),
    [
        (False, ["localhost"], False, set()),
        (False, ["sanso.example.com"], True, set()),
        (True, ["localhost"], False, {"DEBUG"}),
        (False, ["*"], True, {"ALLOWED_HOSTS"}),
        (False, ["sanso.example.com"], False, {"SANSO_HTTPS"}),
    ],
)
def test_settings_that_are_unsafe_for_others_are_found(
    debug: bool, hosts: list[str], https: bool, found: set[str]
) -> None:
    facts = unsafe_settings.SettingFacts(debug=debug, hosts=hosts, https=https)

    assert set(problems(unsafe_settings.judge(facts))) == found


def test_accounts_of_recordings_are_left_out(db: None) -> None:
    make_account(is_recording=True)

    assert accounts.read() == []
