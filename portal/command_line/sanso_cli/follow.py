"""Follow a deployment: a live tree in a terminal, plain lines elsewhere, and the exit code of its result."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any, TextIO, TypeVar

from rich.live import Live
from rich.text import Text

from sanso_cli.client import REFUSED, ApiError, PortalClient, StreamMessage
from sanso_cli.output import Exit, err, out
from sanso_cli.texts import _, name_of
from sanso_cli.tree import Tree

T = TypeVar("T")
SUCCEEDED = "succeeded"
ENDED = frozenset({"succeeded", "failed", "rolled_back", "canceled"})
WAITING = frozenset({"preview", "approval", "scheduled"})
"""States in which a person acts next: the deployment is not over, but nothing goes on by itself."""
LOOK_EVERY = 1.0
"""Seconds between two looks at the portal: events come in bursts, and calls are limited."""
LOOK_AT_LEAST = 10.0
"""Seconds after which it looks without an event: the forecast changes with the time, too."""
REFRESHES = 2
"""Times per second that the tree is drawn, with the time left."""


def follow(
    api: PortalClient,
    pk: int,
    *,
    plain: bool = False,
    after: int = 0,
    stop_when_waiting: bool = True,
    progress: TextIO | None = None,
    as_json: bool = False,
) -> int:
    """Print a deployment to its end. Return the exit code: 0 succeeded, 1 failed, 4 waits for a person.

    Lines begin behind the event with the number `after`, and are printed to `progress`, else to the output;
    `as_json`, each is the event as JSON.
    """
    to = progress or sys.stdout
    is_plain = plain or as_json or to is not sys.stdout or not to.isatty() or out.is_dumb_terminal
    try:
        if not is_plain:
            return _tree(api, pk, stop_when_waiting=stop_when_waiting)
        text = json.dumps if as_json else line
        return _lines(api, pk, after, stop_when_waiting=stop_when_waiting, text=text, to=to)
    except KeyboardInterrupt:
        err.print(_("The deployment goes on. To follow it again: sanso follow %(pk)d") % {"pk": pk})
        return Exit.INTERRUPTED


def code_of(deployment: dict[str, Any]) -> int:
    """Return the exit code of a deployment as it is now."""
    state = deployment["state"]
    if state == SUCCEEDED:
        return 0
    return Exit.WAITS if state in WAITING else Exit.FAILED


def _lines(
    api: PortalClient,
    pk: int,
    after: int,
    *,
    stop_when_waiting: bool,
    text: Callable[[dict[str, Any]], str],
    to: TextIO,
) -> int:
    for message in api.stream(f"/deployments/{pk}/stream", after):
        if message.event == "event":
            print(text(message.data), file=to, flush=True)
        elif message.event == "access":
            err.print(_("The token was revoked or has expired."))
            return Exit.USAGE
        elif stop_when_waiting and message.data.get("state") in WAITING:
            break
    return _result(api, pk)


def _tree(api: PortalClient, pk: int, *, stop_when_waiting: bool) -> int:
    """Show the tree on the terminal's other screen, which is drawn whole, at any size; then print it once."""
    shown = Tree(api.get(f"/deployments/{pk}"), api.get(f"/deployments/{pk}/rows"))
    has_access, print_notice = True, api.notify
    api.notify = shown.note
    try:
        with Live(get_renderable=lambda: shown, console=out, screen=True, refresh_per_second=REFRESHES):
            for messages in _batches(api, pk, shown.deployment["last_seq"]):
                if any(one.event == "access" for one in messages):
                    has_access = False
                    break
                _look(api, pk, shown)
                state = shown.deployment["state"]
                if state in ENDED or (stop_when_waiting and state in WAITING):
                    break
    finally:
        api.notify = print_notice
    if not has_access:
        err.print(_("The token was revoked or has expired."))
        return Exit.USAGE
    shown.is_final = True
    out.print(shown)
    return _result(api, pk)


def _look(api: PortalClient, pk: int, shown: Tree) -> None:
    """Show the deployment as it is now. While the portal is away, its stream says how long to wait."""
    try:
        shown.update(api.get(f"/deployments/{pk}"), api.get(f"/deployments/{pk}/rows"))
    except ApiError as exc:
        if exc.status in REFUSED:
            raise
        shown.note(exc.detail)


def _batches(api: PortalClient, pk: int, after: int) -> Iterator[list[StreamMessage]]:
    """Yield the messages of a stream that have come since the last time, to its end; none in quiet times.

    Raises ApiError.
    """
    come: SimpleQueue[StreamMessage | ApiError | None] = SimpleQueue()

    def read() -> None:
        try:
            for message in api.stream(f"/deployments/{pk}/stream", after):
                come.put(message)
        except ApiError as exc:
            come.put(exc)
        finally:
            come.put(None)

    threading.Thread(target=read, daemon=True).start()
    goes_on = True
    while goes_on:
        batch: list[StreamMessage] = []
        for one in _waiting(come):
            if isinstance(one, ApiError):
                raise one
            if one is None:
                goes_on = False
            else:
                batch.append(one)
        if batch or goes_on:
            yield batch
        if batch and goes_on:
            time.sleep(LOOK_EVERY)


def _waiting(queue: SimpleQueue[T]) -> Iterator[T]:
    """Wait for an item, and yield it and those behind it; nothing if none comes for a while."""
    try:
        yield queue.get(timeout=LOOK_AT_LEAST)
        while True:
            yield queue.get_nowait()
    except Empty:
        return


def _result(api: PortalClient, pk: int) -> int:
    found = api.get(f"/deployments/{pk}")
    code = code_of(found)
    values = {"pk": pk, "name": found["environment"]["name"], "state": name_of(found["state"])}
    text = _("Deployment %(pk)d of %(name)s: %(state)s") % values
    if found.get("error"):
        text += f". {found['error']['text']}"
    err.print(Text(("✓ " if code == 0 else "• " if code == Exit.WAITS else "✕ ") + text))
    return code


def line(event: dict[str, Any]) -> str:
    """Return an event as one line: number, time, what, its status, why."""
    at = datetime.fromisoformat(event["at"]).astimezone(UTC).strftime("%H:%M:%SZ")
    if event["source"] == "portal":
        return f"{event['seq']:>5} {at} {event['text'] or event['code']}"
    path = "/".join(filter(None, (event["stack"], event["logical_id"])))
    reason = event.get("plain_reason", event["reason"])  # older portals have AWS's only
    return " ".join(filter(None, (f"{event['seq']:>5}", at, event["status"], path, event["type"], reason)))
