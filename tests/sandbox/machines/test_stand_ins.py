"""The choice of the server that a process substitutes, and of its configuration."""

from __future__ import annotations

import pytest

from sanso_sandbox.backends.machines import stand_ins
from sanso_sandbox.protocols.machines import Step

APP, WEB = {"Server": "App"}, {"Server": "ApacheWeb"}


def playbook(variables: str) -> Step:
    return Step(
        plugin="aws:runShellScript",
        name="runPlaybook",
        inputs={"runCommand": ["ansible-playbook playbook.yml"]},
        folder="",
        parameters={"ExtraVariables": variables},
    )


def script(*commands: str) -> Step:
    return Step(plugin="aws:runShellScript", name="run", inputs={"runCommand": list(commands)}, folder="")


def test_an_app_server_is_configured_by_its_associations_variables() -> None:
    found = stand_ins.of(APP, playbook("SSM=True DB_NAME=times UWSGI_PORT=9191"))
    assert found == stand_ins.AppServer(
        environment={"SSM": "True", "DB_NAME": "times", "UWSGI_PORT": "9191"},
        protocol="uwsgi",
        port=9191,
        health_port=None,
    )


def test_an_app_server_that_speaks_http_needs_no_port_for_health_checks() -> None:
    found = stand_ins.of(APP, playbook("APP_PROTOCOL=http DB_NAME=times UWSGI_HEALTH_PORT=9091"))

    assert isinstance(found, stand_ins.AppServer)
    assert (found.protocol, found.port, found.health_port) == ("http", 9090, None)


@pytest.mark.parametrize("protocol", ["http", "uwsgi"])
def test_a_web_server_is_configured_by_its_proxy_directives(protocol: str) -> None:
    found = stand_ins.of(
        WEB,
        script(
            "curl http://127.0.0.1:80/healthz",
            "<VirtualHost *:8080>\n  ProxyPass /healthz !\n"
            f"  ProxyPass / {protocol}://nlb.example:9090/ retry=0",
        ),
    )
    assert found == stand_ins.WebServer(
        protocol=protocol, backend=("nlb.example", 9090), port=8080, own_paths=("/healthz",)
    )


def test_a_web_server_waits_for_its_backend_as_long_as_the_directive_says() -> None:
    directive = "ProxyPass / http://nlb.example:9090/"
    for options, seconds in (("connectiontimeout=3 timeout=6 retry=0", 6), ("connectiontimeout=3", 60)):
        found = stand_ins.of(WEB, script(f"ProxyPass /healthz !\n{directive} {options}\nTimeout 9"))
        assert isinstance(found, stand_ins.WebServer)
        assert found.timeout == seconds


def test_only_tagged_instances_have_a_stand_in_whatever_is_run_on_them() -> None:
    assert stand_ins.of({"Server": "Other"}, playbook("DB_NAME=times")) is None
    assert stand_ins.of({}, script("ProxyPass / http://nlb.example:9090/")) is None
    assert stand_ins.of(WEB, playbook("DB_NAME=times")) is None
    assert stand_ins.of(APP, script("yum -y update")) is None
