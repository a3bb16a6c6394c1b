"""Login attempts at a real web process with a real Redis: how many hashes they cause in all and at once."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from django.contrib.auth.models import User

from portal.supervisor.plan import web_program
from tests.builders import make_user
from tests.flows.web import environment_of_processes, web_answers
from tests.services import LOOPBACK, REPOSITORY, die_with_parent, free_port, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
AT_ONCE = 60
RIGHT = "a long password"
Start = Callable[..., int]
Browse = Callable[[int], "Browser"]


@pytest.fixture
def user(transactional_db: None) -> User:
    return make_user("ana")


@pytest.fixture
def start(user: User, tmp_path: Path) -> Iterator[Start]:
    """Start web processes as `make run` does; their hashes are recorded in `tmp_path`."""
    with contextlib.ExitStack() as started:

        def start_web(*, at_once: int, trusted: str | None = None) -> int:
            listener = started.enter_context(socket.create_server((LOOPBACK, free_port()), backlog=2048))
            program = web_program(listener)
            command = list(program.command)
            if trusted is not None:
                command[command.index("--forwarded-allow-ips") + 1] = trusted
            environment = environment_of_processes() | {
                "DJANGO_SETTINGS_MODULE": "tests.watched_settings",
                "SANSO_LOGINS_AT_ONCE": str(at_once),
                "WATCHED_HASHES": str(tmp_path),
            }
            port = int(listener.getsockname()[1])
            log = started.enter_context((tmp_path / f"web-{port}.log").open("wb"))
            process = subprocess.Popen(
                [*die_with_parent(), *command],
                cwd=REPOSITORY,
                env=environment,
                pass_fds=program.descriptors,
                stdout=log,
                stderr=log,
            )
            started.enter_context(process)
            started.callback(process.terminate)
            wait_until(lambda: web_answers(port), what="a web process")
            return port

        yield start_web


@pytest.fixture
def browse() -> Iterator[Browse]:
    """Return a function that opens browsers, which are closed after the test."""
    opened: list[Browser] = []

    def open_browser(port: int) -> Browser:
        opened.append(Browser(port))
        return opened[-1]

    yield open_browser
    for browser in opened:
        browser.http.close()


class Browser:
    """A browser with many connections that has loaded the login page once."""

    def __init__(self, port: int) -> None:
        limits = httpx.Limits(max_connections=None)
        self.http = httpx.Client(base_url=f"http://{LOOPBACK}:{port}", timeout=120, limits=limits)
        self.load()

    def load(self) -> None:
        """Load the login page again, as after the end of a session."""
        with contextlib.suppress(KeyError):
            self.http.cookies.delete("sessionid")
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.http.get("/login/").text)
        assert found
        self.token = found[1]

    def log_in(self, username: str, password: str, **headers: str) -> httpx.Response:
        form = {"username": username, "password": password, "csrfmiddlewaretoken": self.token}
        return self.http.post("/login/", data=form, headers=headers)


def at_once(count: int, guess: Callable[[int], httpx.Response]) -> Counter[int]:
    """Make concurrent requests; return the number of responses with each status."""
    with ThreadPoolExecutor(count) as threads:
        return Counter(answer.status_code for answer in threads.map(guess, range(count)))


def log(folder: Path) -> str:
    return (folder / "log").read_text() if (folder / "log").exists() else ""


def max_concurrent(log: str) -> int:
    depth = most = 0
    for sign in log:
        depth += 1 if sign == "+" else -1
        most = max(most, depth)
    return most


def test_concurrent_attempts_cause_no_more_hashes_than_the_limit(
    start: Start, browse: Browse, tmp_path: Path
) -> None:
    guesser = browse(start(at_once=AT_ONCE))  # no queue that would process them one by one

    answers = at_once(AT_ONCE, lambda number: guesser.log_in("ana", f"guess {number}"))

    assert answers == {422: 5, 429: AT_ONCE - 5}
    assert log(tmp_path).count("+") == 5


def test_a_forged_address_is_ignored(start: Start, browse: Browse, tmp_path: Path) -> None:
    guesser = browse(start(at_once=AT_ONCE))
    headers = [{"X-Forwarded-For": f"198.51.100.{number}"} for number in range(AT_ONCE)]

    answers = at_once(AT_ONCE, lambda number: guesser.log_in(f"name{number}", "guess", **headers[number]))

    assert answers[422] < AT_ONCE / 2  # 20, and one more each quarter of a minute on a slow machine
    assert log(tmp_path).count("+") == answers[422]


def test_behind_a_proxy_the_address_is_the_one_from_the_proxy(start: Start, browse: Browse) -> None:
    guesser = browse(start(at_once=AT_ONCE, trusted=LOOPBACK))

    answers = at_once(
        AT_ONCE,
        lambda number: guesser.log_in(
            f"name{number}", "guess", **{"X-Forwarded-For": f"203.0.113.{number}, 192.0.2.1"}
        ),
    )
    elsewhere = guesser.log_in("another", "guess", **{"X-Forwarded-For": "192.0.2.2"})

    assert answers[422] < AT_ONCE / 2
    assert elsewhere.status_code == 422


def test_concurrent_logins_are_few_hashes_and_pages_are_served_meanwhile(
    start: Start, browse: Browse, tmp_path: Path, user: User
) -> None:
    port = start(at_once=2)
    guesser, member = browse(port), browse(port)
    assert member.log_in("ana", RIGHT).status_code == 302
    (tmp_path / "log").unlink()
    (tmp_path / "hold").write_text("guess")

    with ThreadPoolExecutor(AT_ONCE) as threads:
        guesses = [threads.submit(guesser.log_in, f"name{n}", "guess") for n in range(AT_ONCE)]
        wait_until(lambda: log(tmp_path) == "++", what="two hashes")
        assert member.http.get("/environments/").status_code == 200
        member.load()
        assert member.log_in("ana", RIGHT).status_code == 302  # a known browser does not wait
        assert log(tmp_path) == "+++-"
        (tmp_path / "hold").unlink()
        answers = Counter(answer_of(guess) for guess in guesses)

    assert set(answers) <= {422, 429, 503}
    assert max_concurrent(log(tmp_path)) <= 3


def answer_of(guess: Future[httpx.Response]) -> int:
    return guess.result().status_code


def test_canceled_attempts_start_no_more_hashes(start: Start, browse: Browse, tmp_path: Path) -> None:
    port = start(at_once=1)
    guesser = browse(port)
    (tmp_path / "hold").write_text("guess")
    with contextlib.ExitStack() as connections:
        for number in range(10):
            connection = socket.create_connection((LOOPBACK, port), timeout=30)
            connections.enter_context(connection).sendall(guess_as_sent(port, guesser, f"name{number}"))
        wait_until(lambda: "+" in log(tmp_path), what="the first hash")
        assert guesser.http.get("/login/").status_code == 200
    assert guesser.http.get("/login/").status_code == 200
    assert log(tmp_path) == "+"  # the hash continues and therefore counts
    (tmp_path / "hold").unlink()

    assert guesser.log_in("last", "wrong").status_code in (422, 503)
    assert max_concurrent(log(tmp_path)) == 1


def guess_as_sent(port: int, browser: Browser, username: str) -> bytes:
    form = f"csrfmiddlewaretoken={browser.token}&username={username}&password=guess"
    head = [
        "POST /login/ HTTP/1.1",
        f"Host: {LOOPBACK}:{port}",
        f"Cookie: csrftoken={browser.http.cookies['csrftoken']}",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(form)}",
    ]
    return "\r\n".join([*head, "", form]).encode()


def test_without_redis_a_process_counts_locally(
    start: Start,
    browse: Browse,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://{LOOPBACK}:{free_port()}/0")
    guesser = browse(start(at_once=AT_ONCE))

    answers = at_once(AT_ONCE, lambda number: guesser.log_in("ana", f"guess {number}"))

    assert answers == {422: 5, 429: AT_ONCE - 5}
