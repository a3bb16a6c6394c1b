"""What is read from an association's commands."""

from __future__ import annotations

import pytest

from portal.sandbox.backends.machines import stand_ins


def test_a_playbook_with_the_variables_of_datelog_makes_an_app_server() -> None:
    recipe = stand_ins.read(
        'if [ -e "$1" ]; then true; fi\n'
        "ansible-playbook -i localhost, -c local -e 'SSM=True DB_NAME=times UWSGI_PORT=9191' playbook.yml"
    )
    assert recipe == stand_ins.AppServer(
        environment={"SSM": "True", "DB_NAME": "times", "UWSGI_PORT": "9191"},
        protocol="uwsgi",
        port=9191,
        health_port=None,
    )


def test_an_app_server_that_speaks_http_needs_no_port_for_health_checks() -> None:
    recipe = stand_ins.read(
        "ansible-playbook -e 'APP_PROTOCOL=http DB_NAME=times UWSGI_HEALTH_PORT=9091' playbook.yml"
    )

    assert isinstance(recipe, stand_ins.AppServer)
    assert (recipe.protocol, recipe.port, recipe.health_port) == ("http", 9090, None)


@pytest.mark.parametrize("protocol", ["http", "uwsgi"])
def test_a_proxy_makes_a_web_server(protocol: str) -> None:
    recipe = stand_ins.read(
        "curl http://127.0.0.1:80/healthz\n<VirtualHost *:8080>\n  ProxyPass /healthz !\n"
        f"  ProxyPass / {protocol}://nlb.example:9090/ retry=0\n"
    )
    assert recipe == stand_ins.WebServer(
        protocol=protocol, backend=("nlb.example", 9090), port=8080, own_paths=("/healthz",)
    )


def test_anything_else_is_nothing() -> None:
    assert stand_ins.read("yum -y update\necho 'DB_NAME=times'") is None
