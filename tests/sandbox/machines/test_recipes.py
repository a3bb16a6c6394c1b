"""What is read from an association's commands."""

from __future__ import annotations

from portal.sandbox.processes import recipes


def test_a_playbook_with_the_variables_of_datelog_makes_an_app_server() -> None:
    recipe = recipes.read(
        'if [ -e "$1" ]; then true; fi\n'
        "ansible-playbook -i localhost, -c local -e 'SSM=True DB_NAME=times UWSGI_PORT=9191' playbook.yml"
    )
    assert recipe == recipes.AppServer(
        environment={"SSM": "True", "DB_NAME": "times", "UWSGI_PORT": "9191"}, port=9191, health_port=None
    )


def test_a_proxy_to_uwsgi_makes_a_web_server() -> None:
    recipe = recipes.read(
        "<VirtualHost *:8080>\n  ProxyPass /healthz !\n  ProxyPass / uwsgi://nlb.example:9090/ retry=0\n"
    )
    assert recipe == recipes.WebServer(backend=("nlb.example", 9090), port=8080, own_paths=("/healthz",))


def test_anything_else_is_nothing() -> None:
    assert recipes.read("yum -y update\necho 'DB_NAME=times'") is None
