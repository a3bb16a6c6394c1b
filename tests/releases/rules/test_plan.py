"""The plan of a release with simulated servers: its order, its limits, and that it always ends."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.cloudformation.release_kind import ReleaseKind
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.releases.rules import (
    AT_WORK,
    Act,
    Command,
    ReleaseFacts,
    ServerFacts,
    Stage,
    Step,
    next_step,
)

CODE, DISRUPTIVE = ReleaseKind.CODE, ReleaseKind.DISRUPTIVE
KINDS = [CODE, DISRUPTIVE]
LIMIT = 2000


@dataclass
class World:
    """Simulated servers that execute the steps, one step per second."""

    kind: ReleaseKind
    count: int
    fails: frozenset[int] = frozenset()  # servers on which the command fails
    breaks: frozenset[int] = frozenset()  # servers that the new version makes unhealthy
    leaves: dict[int, int] = field(default_factory=dict)  # second → server that is terminated
    joins: frozenset[int] = frozenset()  # seconds at which a server is launched
    cancel_at: int | None = None
    goes_back: bool = False
    fails_back: frozenset[int] = frozenset()  # servers on which the command fails on the way back
    returning: bool = False
    servers: dict[str, ServerFacts] = field(default_factory=dict)
    new: set[str] = field(default_factory=set)
    suspended: bool = False
    configured: list[str] = field(default_factory=list)
    done: list[tuple[str, int]] = field(default_factory=list)
    acts: list[Step] = field(default_factory=list)
    idle: float = 0
    lowest: int = 99
    taken_out: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.servers = {f"i-{n}": ServerFacts(instance_id=f"i-{n}") for n in range(self.count)}

    def facts(self, second: int) -> ReleaseFacts:
        stopping = self.cancel_at is not None and second >= self.cancel_at
        return ReleaseFacts(
            kind=self.kind,
            servers=tuple(self.servers.values()),
            desired=self.count,
            suspended=self.suspended,
            goes_back=self.goes_back,
            returning=self.returning,
            stopping=stopping,
            watch=20,
            settle=3,
            timeout=200,
            idle=self.idle,
        )

    def change(self, name: str, **values: object) -> None:
        self.servers[name] = replace(self.servers[name], **values)  # type: ignore[arg-type]  # its fields

    def serving(self) -> int:
        return sum(one.exists and one.serves for one in self.servers.values())

    def run(self) -> Act:
        for second in range(LIMIT):
            self._happens(second)
            step = next_step(self.facts(second))
            self.acts.append(step)
            if step.act in (Act.SUCCEED, Act.STOP):
                return step.act
            self._do(step, second)
            for name, one in self.servers.items():
                if one.stage in AT_WORK:
                    self.change(name, seconds=one.seconds + 1)
            at_work = [one for one in self.servers.values() if one.stage in AT_WORK]
            assert len(at_work) <= 1, "one server at a time"
            self.idle = 0 if at_work else self.idle + 1
        raise AssertionError(f"it does not end: {self.acts[-3:]} {self.servers}")

    def _happens(self, second: int) -> None:
        if second in self.leaves:
            name = f"i-{self.leaves[second] % self.count}"
            self.change(name, exists=False, serves=False, registered=False, drained=True)
        if second in self.joins:
            name = f"j-{second}"
            self.servers[name] = ServerFacts(instance_id=name, serves=False, registered=False)
        for name, one in self.servers.items():
            if name.startswith("j-") and second == int(name[2:]) + 30:
                self.change(name, serves=True, registered=True)
            if one.stage is Stage.DRAINING and not one.registered and one.seconds > 5:
                self.change(name, drained=True)
            if one.command is Command.RUNNING and one.seconds > 10:
                self._ends(name)

    def _ends(self, name: str) -> None:
        number = int(name[2:])
        if name[0] == "i" and number in (self.fails_back if self.returning else self.fails):
            self.change(name, command=Command.FAILED)
            return
        (self.new.discard if self.returning else self.new.add)(name)
        is_broken = name[0] == "i" and number in self.breaks and name in self.new
        out = not self.servers[name].registered
        self.change(name, command=Command.SUCCEEDED, serves=not is_broken and not out)

    def _do(self, step: Step, second: int) -> None:
        name = step.instance_id
        if step.act is Act.MOVE:
            assert step.stage is not None
            self.change(name, stage=step.stage, seconds=0.0)
            if step.stage is Stage.DONE:
                self.done.append((name, second))
        elif step.act is Act.CONFIGURE:
            self.configured.append(name)
            self.change(name, command=Command.RUNNING)
        elif step.act is Act.DEREGISTER:
            self.change(name, registered=False, serves=False, drained=False)
            self.taken_out.append(self.serving())
        elif step.act is Act.REGISTER:
            broken = name[0] == "i" and int(name[2:]) in self.breaks and name in self.new
            self.change(name, registered=True, drained=False, serves=not broken)
        elif step.act is Act.GO_BACK:
            self._goes_back()
        elif step.act is Act.SUSPEND:
            self.suspended = True
        elif step.act is Act.RESUME:
            self.suspended = False

    def _goes_back(self) -> None:
        """Do as the runner does: servers that were sent a command wait, and the others are not touched."""
        self.returning = True
        for name, one in self.servers.items():
            if one.stage is not Stage.GONE:
                stage = Stage.WAITING if name in self.configured else Stage.NOT_REACHED
                self.change(name, stage=stage, command=Command.NOT_SENT, seconds=0.0)
        self.configured = []


@pytest.mark.parametrize("kind", KINDS)
def test_one_server_first_watched_and_then_the_others_one_at_a_time(kind: ReleaseKind) -> None:
    world = World(kind=kind, count=3)

    assert world.run() is Act.SUCCEED
    assert world.configured == ["i-0", "i-1", "i-2"]
    first, second = (
        world.done[0][1],
        next(
            at for at, step in enumerate(world.acts) if (step.act, step.instance_id) == (Act.CONFIGURE, "i-1")
        ),
    )
    assert second > first
    watched = [step for step in world.acts if step.stage is Stage.WATCHING]
    assert [step.instance_id for step in watched] == ["i-0"]
    assert not world.suspended


def test_a_code_release_takes_no_server_out_of_its_target_groups() -> None:
    world = World(kind=CODE, count=2)
    world.run()

    assert {step.act for step in world.acts} == {Act.MOVE, Act.CONFIGURE, Act.WAIT, Act.SUCCEED}


def test_a_disruptive_release_suspends_first_and_resumes_last() -> None:
    world = World(kind=DISRUPTIVE, count=2)
    world.run()
    acts = [step.act for step in world.acts if step.act not in (Act.WAIT, Act.MOVE)]

    a_server = [Act.DEREGISTER, Act.CONFIGURE, Act.REGISTER]
    assert acts == [Act.SUSPEND, *a_server, *a_server, Act.RESUME, Act.SUCCEED]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("failing", [0, 1, 2])
def test_it_stops_at_the_first_failure_with_every_server_back(kind: ReleaseKind, failing: int) -> None:
    world = World(kind=kind, count=3, fails=frozenset({failing}))

    assert world.run() is Act.STOP
    assert world.configured == [f"i-{n}" for n in range(failing + 1)]
    assert all(one.registered for one in world.servers.values())
    assert not world.suspended


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("failing", [0, 1, 2])
def test_it_goes_back_by_itself_and_leaves_alone_what_it_has_not_reached(
    kind: ReleaseKind, failing: int
) -> None:
    world = World(kind=kind, count=3, fails=frozenset({failing}), goes_back=True)

    assert world.run() is Act.STOP
    assert sorted(world.configured) == [f"i-{n}" for n in range(failing + 1)]
    stages = [one.stage for one in world.servers.values()]
    assert stages == [Stage.RETURNED] * (failing + 1) + [Stage.NOT_REACHED] * (2 - failing)
    assert not world.new
    assert all(one.registered and one.serves for one in world.servers.values())
    assert min(world.taken_out, default=2) >= 2, "never below desired - 1"
    assert not world.suspended


@pytest.mark.parametrize("kind", KINDS)
def test_a_version_that_is_not_healthy_is_taken_back_from_its_server(kind: ReleaseKind) -> None:
    world = World(kind=kind, count=3, breaks=frozenset({0, 1, 2}), goes_back=True)

    assert world.run() is Act.STOP
    assert not world.new
    assert all(one.serves for one in world.servers.values())


@pytest.mark.parametrize("kind", KINDS)
def test_it_stops_where_the_way_back_fails(kind: ReleaseKind) -> None:
    world = World(kind=kind, count=3, fails=frozenset({1}), goes_back=True, fails_back=frozenset({1}))

    assert world.run() is Act.STOP
    assert world.servers["i-1"].stage is Stage.FAILED
    assert all(one.registered for one in world.servers.values())
    assert not world.suspended


def test_who_stops_a_release_that_fails_decides_what_follows() -> None:
    servers = (ServerFacts(instance_id="i-0", stage=Stage.FAILED), ServerFacts(instance_id="i-1"))
    release = ReleaseFacts(kind=CODE, servers=servers, desired=2, goes_back=True)

    assert next_step(release).act is Act.GO_BACK
    assert next_step(replace(release, stopping=True)).act is Act.STOP


@pytest.mark.parametrize("kind", KINDS)
def test_a_version_that_is_not_healthy_reaches_one_server_only(kind: ReleaseKind) -> None:
    world = World(kind=kind, count=3, breaks=frozenset({0, 1, 2}))

    assert world.run() is Act.STOP
    assert world.new == {"i-0"}


def test_what_the_watch_finds_stops_the_release() -> None:
    found = Message(Code.RELEASE_WATCH_ERRORS, {"failed": "5", "total": "9"})
    servers = (
        ServerFacts(instance_id="i-0", stage=Stage.WATCHING, problem=found),
        ServerFacts(instance_id="i-1"),
    )

    step = next_step(ReleaseFacts(kind=CODE, servers=servers, desired=2))
    assert (step.act, step.stage, step.message) == (Act.MOVE, Stage.FAILED, found)


def test_a_server_that_is_gone_is_left_out_and_one_that_joins_gets_the_version() -> None:
    world = World(kind=CODE, count=3, leaves={3: 1}, joins=frozenset({10}))

    assert world.run() is Act.SUCCEED
    assert world.new == {"i-0", "i-2", "j-10"}
    assert world.servers["i-1"].stage is Stage.GONE


def test_no_server_is_taken_out_while_another_does_not_serve() -> None:
    servers = (
        ServerFacts(instance_id="i-0"),
        ServerFacts(instance_id="i-1", serves=False, registered=False),
    )
    release = ReleaseFacts(kind=DISRUPTIVE, servers=servers, desired=2, suspended=True)

    assert next_step(release).act is Act.WAIT
    waited = replace(release, idle=release.timeout + 1)
    assert next_step(waited).stage is Stage.FAILED


def test_a_server_that_does_not_serve_is_repaired_first() -> None:
    servers = (ServerFacts(instance_id="i-0"), ServerFacts(instance_id="i-1", serves=False))
    release = ReleaseFacts(kind=CODE, servers=servers, desired=2, idle=60)

    assert next_step(release) == Step(act=Act.MOVE, instance_id="i-1", stage=Stage.CONFIGURING)


def test_one_server_alone_is_changed_although_nothing_serves_meanwhile() -> None:
    world = World(kind=DISRUPTIVE, count=1)

    assert world.run() is Act.SUCCEED
    assert world.taken_out == [0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("second", range(0, 120, 3))
def test_canceling_ends_the_server_at_work_and_touches_no_other(kind: ReleaseKind, second: int) -> None:
    world = World(kind=kind, count=3, cancel_at=second)
    ended = world.run()

    assert ended in (Act.STOP, Act.SUCCEED)
    assert not world.suspended
    assert all(one.registered for one in world.servers.values())
    assert set(world.configured) == world.new
    begun = [at for at, step in enumerate(world.acts) if step.act is Act.CONFIGURE and at > second + 1]
    assert not begun or ended is Act.SUCCEED


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.integers(1, 5),
    st.frozensets(st.integers(0, 4), max_size=2),
    st.frozensets(st.integers(0, 4), max_size=2),
    st.dictionaries(st.integers(0, 150), st.integers(0, 4), max_size=2),
    st.frozensets(st.integers(0, 150), max_size=2),
    st.none() | st.integers(0, 200),
)
def test_whatever_happens_it_ends_within_its_limits(
    kind: ReleaseKind,
    count: int,
    fails: frozenset[int],
    breaks: frozenset[int],
    leaves: dict[int, int],
    joins: frozenset[int],
    cancel_at: int | None,
) -> None:
    world = World(kind, count, fails, breaks, leaves, joins, cancel_at)
    ended = world.run()

    failed = [one for one in world.servers.values() if one.stage is Stage.FAILED]
    assert len(failed) <= 1, "it stops at the first failure"
    assert not world.suspended
    assert all(serving >= count - 2 for serving in world.taken_out if not leaves)
    assert all(serving >= count - 1 for serving in world.taken_out if not leaves and not breaks)
    present = {name for name, one in world.servers.items() if one.exists}
    if ended is Act.SUCCEED:
        assert not failed
        assert present <= world.new | {n for n, one in world.servers.items() if one.stage is Stage.GONE}
    assert len(world.configured) == len(set(world.configured)), "no command is sent twice"


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.integers(1, 4),
    st.frozensets(st.integers(0, 3), min_size=1, max_size=2),
    st.dictionaries(st.integers(0, 200), st.integers(0, 3), max_size=2),
    st.frozensets(st.integers(0, 200), max_size=2),
    st.none() | st.integers(0, 200),
)
def test_whatever_happens_the_way_back_ends_as_well(
    kind: ReleaseKind,
    count: int,
    fails: frozenset[int],
    leaves: dict[int, int],
    joins: frozenset[int],
    cancel_at: int | None,
) -> None:
    world = World(kind, count, fails, frozenset(), leaves, joins, cancel_at, goes_back=True)
    world.run()

    assert not world.suspended
    assert all(serving >= count - 1 for serving in world.taken_out if not leaves)
    if world.returning and cancel_at is None and not leaves:
        assert not world.new


def test_stopping_the_way_back_returns_the_failed_server_to_its_target_groups() -> None:
    failed = ServerFacts(instance_id="i-0", registered=False, serves=False)
    booting = ServerFacts(instance_id="i-1", stage=Stage.NOT_REACHED, registered=False, serves=False)
    release = ReleaseFacts(
        kind=DISRUPTIVE, servers=(booting, failed), desired=2, returning=True, stopping=True
    )

    assert next_step(release) == Step(act=Act.REGISTER, instance_id="i-0")
    back = replace(failed, registered=True)
    assert next_step(replace(release, servers=(booting, back))).act is Act.STOP
