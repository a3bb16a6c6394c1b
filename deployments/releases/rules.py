"""The next step of a release to running servers: first one, which is watched, then the others one at a time.

Modeled on AWS CodeDeploy's in-place deployments with load balancing
(https://docs.aws.amazon.com/codedeploy/latest/userguide/integrations-aws-elastic-load-balancing.html). It
stops at the first failure, and takes no server out of service unless all others are in service.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from deployments.cloudformation.release_kind import ReleaseKind
from deployments.common.errors import Message
from deployments.common.message_codes import Code


class Stage(StrEnum):
    """How far a server is."""

    WAITING = "waiting"
    DRAINING = "draining"  # it leaves its target groups while requests in progress end
    CONFIGURING = "configuring"
    CHECKING = "checking"  # back in its target groups, waiting to be healthy
    WATCHING = "watching"  # the first one: its errors and latency are watched
    DONE = "done"
    FAILED = "failed"
    GONE = "gone"  # it left the group
    RETURNED = "returned"  # it has the earlier version again
    NOT_REACHED = "not_reached"  # the release rolled back before this server's turn


AT_WORK = frozenset({Stage.DRAINING, Stage.CONFIGURING, Stage.CHECKING, Stage.WATCHING})


class Command(StrEnum):
    """What is known of the command that configures a server."""

    NOT_SENT = "not_sent"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Act(StrEnum):
    """What a step does."""

    WAIT = "wait"
    SUSPEND = "suspend"  # the group replaces no server during the release
    DEREGISTER = "deregister"
    CONFIGURE = "configure"
    REGISTER = "register"
    MOVE = "move"  # move the server to another stage
    RESUME = "resume"
    GO_BACK = "go_back"  # the changed servers wait for the earlier version
    SUCCEED = "succeed"
    STOP = "stop"  # stop after a failure or on request


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """One server. `seconds` is its time in the current stage.

    `exists`: the group has it; `serves`: it is in service and healthy in every target group; `registered`: it
    is in one of them; `drained`: in none, and no request is in progress. `problem` is the finding of its
    watch.
    """

    instance_id: str
    stage: Stage = Stage.WAITING
    exists: bool = True
    serves: bool = True
    registered: bool = True
    drained: bool = False
    command: Command = Command.NOT_SENT
    seconds: float = 0.0
    problem: Message | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFacts:
    """A release. The servers are in the order in which they are changed.

    `goes_back`: after a failure, the changed servers get the earlier version; `returning`: this is in
    progress. `stopping`: its cancellation was requested. `watch` is how long the first server is watched,
    `settle` how long a server must be healthy before the next one, `timeout` the maximum time of a stage; all
    in seconds. `idle` is how long no server has been in progress.
    """

    kind: ReleaseKind
    servers: tuple[ServerFacts, ...]
    desired: int
    suspended: bool = False
    goes_back: bool = False
    returning: bool = False
    stopping: bool = False
    watch: float = 120.0
    settle: float = 10.0
    timeout: float = 3600.0
    idle: float = 0.0

    @property
    def is_disruptive(self) -> bool:
        """Return whether servers leave their target groups."""
        return self.kind is ReleaseKind.DISRUPTIVE

    @property
    def has_failed(self) -> bool:
        """Return whether a server has failed."""
        return any(one.stage is Stage.FAILED for one in self.servers)

    @property
    def must_return(self) -> bool:
        """Return whether it must roll back now; a person who stops it decides what follows."""
        return self.has_failed and self.goes_back and not self.returning and not self.stopping


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The next action and its server; `stage` is the server's next stage, `message` why it failed."""

    act: Act
    instance_id: str = ""
    stage: Stage | None = None
    message: Message | None = None


def next_step(release: ReleaseFacts) -> Step:
    """Return the next step of a release."""
    if current := _first(release, AT_WORK):
        return _of_server(release, current)
    if release.must_return:
        return Step(act=Act.GO_BACK)
    if release.has_failed or release.stopping:
        return _end(release, Act.STOP)
    waiting = [one for one in release.servers if one.stage is Stage.WAITING]
    if gone := next((one for one in waiting if not one.exists), None):
        return _move(gone, Stage.GONE)
    if not waiting:
        return _end(release, Act.STOP if release.returning else Act.SUCCEED)
    return _next_server(release, waiting)


def _next_server(release: ReleaseFacts, waiting: Sequence[ServerFacts]) -> Step:
    """Return the step that begins the next waiting server."""
    if release.is_disruptive and not release.suspended:
        return Step(act=Act.SUSPEND)
    if out := next((one for one in waiting if _is_out(release, one)), None):
        return _move(out, Stage.DRAINING)
    ready = next((one for one in waiting if one.serves and _others_serve(release, one)), None)
    if ready is None:
        # A starting server gets the version as soon as it serves. One that does not serve cannot be taken
        # out of service: the version may repair it.
        ready = _broken(waiting)
        if ready is None or release.idle < release.settle:
            return _wait_or_fail(release, waiting[0], release.idle, Code.RELEASE_SERVER_NOT_SERVING)
    return _move(ready, Stage.DRAINING if release.is_disruptive else Stage.CONFIGURING)


def _broken(waiting: Sequence[ServerFacts]) -> ServerFacts | None:
    return next((one for one in waiting if one.registered and not one.serves), None)


def _is_out(release: ReleaseFacts, one: ServerFacts) -> bool:
    """Return whether a failed server is still out of its target groups: it rolls back first."""
    return release.is_disruptive and release.returning and not one.registered


def _first(release: ReleaseFacts, stages: Collection[Stage]) -> ServerFacts | None:
    return next((one for one in release.servers if one.stage in stages), None)


def _of_server(release: ReleaseFacts, one: ServerFacts) -> Step:
    """Return the next step of the one server in progress."""
    if not one.exists:
        return _move(one, Stage.GONE)
    return {
        Stage.DRAINING: _draining,
        Stage.CONFIGURING: _configuring,
        Stage.CHECKING: _checking,
        Stage.WATCHING: _watching,
    }[one.stage](release, one)


def _draining(release: ReleaseFacts, one: ServerFacts) -> Step:
    if one.drained and not release.stopping:
        return _move(one, Stage.CONFIGURING)
    if release.stopping or (one.registered and one.serves and not _others_serve(release, one)):
        return _move(one, Stage.WAITING) if one.registered else _act(Act.REGISTER, one)
    if one.registered:
        return _act(Act.DEREGISTER, one)
    return _wait_or_fail(release, one, one.seconds, Code.RELEASE_NOT_DRAINED)


def _configuring(release: ReleaseFacts, one: ServerFacts) -> Step:
    if one.command is Command.FAILED:
        return _move(one, Stage.FAILED, one.problem or Message(Code.RELEASE_COMMAND_FAILED))
    if one.command is Command.SUCCEEDED:
        return _move(one, Stage.CHECKING)
    if one.command is Command.NOT_SENT and one.seconds <= release.timeout:
        return _act(Act.CONFIGURE, one)
    return _wait_or_fail(release, one, one.seconds, Code.RELEASE_COMMAND_TIMED_OUT)


def _checking(release: ReleaseFacts, one: ServerFacts) -> Step:
    if release.is_disruptive and not one.registered:
        return _act(Act.REGISTER, one)
    if not one.serves or one.seconds < release.settle:
        return _wait_or_fail(release, one, one.seconds, Code.RELEASE_SERVER_NOT_SERVING)
    if release.returning:
        return _move(one, Stage.RETURNED)
    is_first = not any(other.stage is Stage.DONE for other in release.servers)
    others = any(other.stage is Stage.WAITING for other in release.servers)
    return _move(one, Stage.WATCHING if is_first and others and release.watch > 0 else Stage.DONE)


def _watching(release: ReleaseFacts, one: ServerFacts) -> Step:
    if one.problem is not None:
        return _move(one, Stage.FAILED, one.problem)
    if not one.serves:
        message = Message(Code.RELEASE_SERVER_NOT_SERVING, {"server": one.instance_id})
        return _move(one, Stage.FAILED, message)
    if release.stopping or one.seconds >= release.watch:
        return _move(one, Stage.DONE)
    return Step(act=Act.WAIT, instance_id=one.instance_id)


def _end(release: ReleaseFacts, act: Act) -> Step:
    """Return the steps before the end: every server back in its target groups, the group restored."""
    if release.is_disruptive:
        # On the way back a server that waits may be the one that failed, which is out.
        untouched = {Stage.NOT_REACHED} if release.returning else {Stage.WAITING}
        for one in release.servers:
            if one.exists and not one.registered and one.stage not in untouched:
                return _act(Act.REGISTER, one)
    return Step(act=Act.RESUME) if release.suspended else Step(act=act)


def _others_serve(release: ReleaseFacts, one: ServerFacts) -> bool:
    """Return whether at least desired − 1 servers are in service without this one."""
    return sum(_others(release, one)) >= release.desired - 1


def _others(release: ReleaseFacts, one: ServerFacts) -> Iterator[bool]:
    for other in release.servers:
        if other.instance_id != one.instance_id:
            yield other.exists and other.serves


def _wait_or_fail(release: ReleaseFacts, one: ServerFacts, seconds: float, code: Code) -> Step:
    if seconds > release.timeout:
        return _move(one, Stage.FAILED, Message(code, {"server": one.instance_id}))
    return Step(act=Act.WAIT, instance_id=one.instance_id)


def _act(act: Act, one: ServerFacts) -> Step:
    return Step(act=act, instance_id=one.instance_id)


def _move(one: ServerFacts, stage: Stage, message: Message | None = None) -> Step:
    return Step(act=Act.MOVE, instance_id=one.instance_id, stage=stage, message=message)


FEWEST = 3
"""Minimum number of failed reads: a single one may fail for another reason."""
SLOWER, SLOWER_BY = 3.0, 500.0
"""The factor and the milliseconds by which the mean may grow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """Numbers of reads and failed reads of the site, and the mean milliseconds of successful ones."""

    total: int = 0
    failed: int = 0
    mean: float | None = None

    @property
    def share(self) -> float:
        """Return the share of failed reads."""
        return self.failed / self.total if self.total else 0.0


def watch_problem(before: Reads, during: Reads) -> Message | None:
    """Return the problem; None if there is none or there are too few reads."""
    if during.failed >= FEWEST and during.share > 2 * before.share:
        values = {"failed": str(during.failed), "total": str(during.total)}
        return Message(Code.RELEASE_WATCH_ERRORS, values)
    if before.mean is None or during.mean is None or during.total < FEWEST:
        return None
    if during.mean > max(SLOWER * before.mean, before.mean + SLOWER_BY):
        values = {"before": f"{before.mean:.0f}", "after": f"{during.mean:.0f}"}
        return Message(Code.RELEASE_WATCH_SLOW, values)
    return None
