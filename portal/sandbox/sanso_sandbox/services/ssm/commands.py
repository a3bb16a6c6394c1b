"""Run Command: commands as records, and their runs on instances, at most MaxConcurrency at a time.

https://docs.aws.amazon.com/systems-manager/latest/userguide/run-command.html. A command with the document of
an association does the same on an instance as the association, whose status does not change.
"""

import logging
import threading
import time
import uuid
from dataclasses import dataclass, field

from ministack.core.concurrency import spawn_background
from ministack.core.responses import AccountRegionScopedDict

from sanso_sandbox.engine import time_scale
from sanso_sandbox.engine.registry import Record, here
from sanso_sandbox.protocols import in_use
from sanso_sandbox.services.ssm import (
    agent_runs,
    association_rules,
    associations,
    aws_documents,
    documents,
    executions,
)
from sanso_sandbox.services.ssm.associations import Association

logger = logging.getLogger(__name__)

UNFINISHED = ("Pending", "InProgress")
KEPT = 30 * 86_400.0  # seconds for which the history of commands is kept
MAX_ERRORS = "0"  # SendCommand's defaults
MAX_CONCURRENCY = "50"

store = AccountRegionScopedDict()
_deciding = threading.Lock()


@dataclass(slots=True)
class StepResult:
    """The result of a step on an instance, also before it has run."""

    name: str
    plugin: str
    status: str = "Pending"
    code: int = -1  # "the command hasn't started running on the managed node" (API_GetCommandInvocation)
    stdout: str = ""
    stderr: str = ""
    output_url: str = ""


@dataclass(slots=True)
class Invocation:
    """A command on one instance."""

    instance_id: str
    steps: list[StepResult]
    status: str = "Pending"
    detail: str = "Pending"
    failure: str = ""
    requested_at: float = field(default_factory=time.time)
    started_at: float | None = None
    ended_at: float | None = None


@dataclass(slots=True)
class Command:
    """A command: its request, and its runs on instances."""

    request: Record
    document: str
    invocations: dict[str, Invocation]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    requested_at: float = field(default_factory=time.time)

    @property
    def name(self) -> str:
        """The document's name, which may be an ARN for one of AWS's or of another account."""
        return self.document.rpartition("document/")[2]

    def status(self) -> str:
        """Return the command's status, computed from those of its invocations."""
        statuses = {one.status for one in self.invocations.values()}
        if statuses & set(UNFINISHED):
            return "Pending" if statuses == {"Pending"} else "InProgress"
        for status in ("Failed", "TimedOut", "Cancelled"):
            if status in statuses:
                return status
        return "Success"


def send(request: Record, instance_ids: list[str]) -> Command:
    """Store a command and start it on its instances.

    Raises Refused if the document, its version or a parameter does not exist.
    """
    document = documents.get(request["DocumentName"])
    text = document.text(str(request.get("DocumentVersion") or "$DEFAULT"))
    steps = documents.steps(text, request.get("Parameters") or {})
    command = Command(
        request=request,
        document=request["DocumentName"],
        invocations={
            instance_id: Invocation(instance_id, [StepResult(step.name, step.plugin) for step in steps])
            for instance_id in instance_ids
        },
    )
    for old in [one for one in store.values() if one.requested_at < time.time() - KEPT]:
        store.pop(old.id, None)
    store[command.id] = command
    if command.name == aws_documents.REFRESH:  # the agent applies it at once
        _carry_out(command)
    else:
        spawn_background(_carry_out, command, thread_name=f"command-{command.id[:8]}")
    return command


def _carry_out(command: Command) -> None:
    """Run the command on the instances, the next ones as others end, until more than MaxErrors fail."""
    waiting = list(command.invocations.values())
    request = command.request
    at_once = association_rules.share(request.get("MaxConcurrency") or MAX_CONCURRENCY, len(waiting))
    tolerated = association_rules.share(request.get("MaxErrors") or MAX_ERRORS, len(waiting), least=0)

    def work() -> None:
        while (invocation := _next(command, waiting, tolerated)) is not None:
            _run(command, invocation)

    threads = [
        spawn_background(work, thread_name=f"command-{command.id[:8]}-{number}")
        for number in range(min(at_once, len(waiting)))
    ]
    for thread in threads:
        thread.join()


def _next(command: Command, waiting: list[Invocation], tolerated: int) -> Invocation | None:
    """Take the next waiting invocation; end all waiting ones after too many failures."""
    with _deciding:
        if sum(one.status == "Failed" for one in command.invocations.values()) > tolerated:
            for one in waiting:
                one.status, one.detail, one.ended_at = "Cancelled", "Terminated", time.time()
            waiting.clear()
        return waiting.pop(0) if waiting else None


def _run(command: Command, invocation: Invocation) -> None:
    invocation.status, invocation.detail = "InProgress", "InProgress"
    invocation.started_at = time.time()
    if not in_use.machines().setup_timeout:  # otherwise running it takes real time
        time_scale.sleep(executions.DURATIONS.get(command.name, executions.DURATION))
    try:
        if command.name == aws_documents.REFRESH:
            _refresh(command, invocation)
        else:
            _run_document(command, invocation)
    except Exception as error:
        logger.exception("The command %s could not be run on %s.", command.id, invocation.instance_id)
        invocation.failure = str(error)
    invocation.ended_at = time.time()
    status = "Failed" if invocation.failure else "Success"
    invocation.detail = status
    invocation.status = status  # last, so that other values are complete for readers


def _refresh(command: Command, invocation: Invocation) -> None:
    """Run the named associations, or all, on the instance, for AWS-RefreshAssociation."""
    named = [key for key in (command.request.get("Parameters") or {}).get("associationIds") or () if key]
    for association in list(associations.store.values()):
        if not named or association.id in named:
            executions.refresh(association, [invocation.instance_id])
    for step in invocation.steps:
        step.status, step.code = "Success", 0


def _run_document(command: Command, invocation: Invocation) -> None:
    association = _association(command.name, invocation.instance_id)
    done = agent_runs.run(invocation.instance_id, _work(command, invocation, association))
    for known, ran in zip(invocation.steps, done.steps, strict=False):
        known.status = "Failed" if ran.outcome.exit_code else "Success"
        known.code, known.output_url = ran.outcome.exit_code, ran.output_url
        known.stdout, known.stderr = ran.outcome.stdout, ran.outcome.stderr
    for known in invocation.steps[len(done.steps) :]:
        known.status = "Failed"
    invocation.failure = done.failure or ""
    if association is not None and done.failure is None:  # a failure leaves the server unchanged
        in_use.machines().association_ended(invocation.instance_id, association.id, True)


def _association(document: str, instance_id: str) -> Association | None:
    """Return the association that configures an instance with a document of the account."""
    for association in list(associations.store.values()):
        if (
            document not in documents.OWNED_BY_AWS
            and association.settings["Name"].rpartition("document/")[2] == document
            and instance_id in association.targets()
        ):
            found: Association = association
            return found
    return None


def _work(command: Command, invocation: Invocation, association: Association | None) -> agent_runs.Work:
    """Return the agent's work. The layout of keys is the agent's: PREFIX/COMMAND/INSTANCE/…."""
    request, output = command.request, None
    if bucket := request.get("OutputS3BucketName"):
        output = agent_runs.Output(
            bucket=bucket,
            folder=agent_runs.folder(
                str(request.get("OutputS3KeyPrefix") or ""), command.id, invocation.instance_id
            ),
            region=request.get("OutputS3Region") or here().region,
        )
    return agent_runs.Work(
        document=command.document,
        version=str(request.get("DocumentVersion") or "$DEFAULT"),
        parameters=request.get("Parameters") or {},
        name=association.name() if association else command.name,
        output=output,
    )
