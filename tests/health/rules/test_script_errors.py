"""The lines that name the error in the output of a program."""

from __future__ import annotations

import pytest

from deployments.health.rules.ansible import read_output, reason
from deployments.health.rules.script_errors import ending

SYNTAX = """[uWSGI] getting INI configuration from uwsgi.ini
Traceback (most recent call last):
  File "/opt/datelog/current/datelog/wsgi.py", line 9, in <module>
    from datelog.urls import urlpatterns
  File "/opt/datelog/current/datelog/urls.py", line 5, in <module>
    from datelog import views
  File "/opt/datelog/current/datelog/views.py", line 12
    def saved(request:
             ^
SyntaxError: '(' was never closed
unable to load app 0 (mountpoint='') (callable not found or import error)
[pid: 71|app: -1|req: -1/3] 10.0.1.5 () {28 vars} [Tue Dec 1 05:00:00 2026] GET /healthz => generated 21 bytes
"""
LIBRARY = """Traceback (most recent call last):
  File "/opt/datelog/current/datelog/settings.py", line 30, in <module>
    configured()
    ~~~~~~~~~~^^
  File "/opt/datelog/venv/lib/python3.13/site-packages/django/conf/__init__.py", line 190, in configured
    raise ImproperlyConfigured("no name")
django.core.exceptions.ImproperlyConfigured: no name
127.0.0.1 - - [01/Dec/2026:05:00:00 +0000] "GET /status HTTP/1.1" 500 21
"""


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (SYNTAX, "SyntaxError: '(' was never closed (/opt/datelog/current/datelog/views.py, line 12)"),
        (
            LIBRARY,
            "django.core.exceptions.ImproperlyConfigured: no name "
            "(/opt/datelog/current/datelog/settings.py, line 30)",
        ),
        (
            'Dec 01 05:00:00 web uwsgi[71]:   File "views.py", line 3\n'
            "Dec 01 05:00:00 web uwsgi[71]: NameError: x",
            "NameError: x (views.py, line 3)",
        ),
        ('cannot bind\n10.0.1.5 - - [01/Dec] "GET / HTTP/1.1" 200 5\n', "cannot bind"),
        ("cannot parse\n   ^^^\n", "cannot parse"),
    ],
)
def test_the_last_line_is_the_error_with_file_and_line(output: str, expected: str) -> None:
    assert ending(output.splitlines(), 5)[-1] == expected
    assert reason(read_output("installing", output, failed=True).message) == expected[-200:]


def test_the_error_of_a_failed_task_has_its_file_and_line() -> None:
    stderr = "\\n".join(SYNTAX.splitlines()).replace('"', '\\"')
    output = (
        "TASK [datelog : Compile and load the release] ******\n"
        f'fatal: [localhost]: FAILED! => {{"msg": "non-zero return code", "rc": 1, "stderr": "{stderr}"}}\n'
        "PLAY RECAP *****\nlocalhost : ok=3 changed=0 failed=1\n"
    )

    found = read_output(output, "", failed=True)

    assert found.failed_task == "datelog : Compile and load the release"
    assert reason(found.message).endswith("datelog/views.py, line 12)")


def test_an_output_without_an_error_ends_with_its_last_lines() -> None:
    assert ending(["one", "two", "three"], 2) == ["two", "three"]
    assert ending([], 2) == []
    assert ending(['"GET / HTTP/1.1" 200'], 2) == ['"GET / HTTP/1.1" 200']
