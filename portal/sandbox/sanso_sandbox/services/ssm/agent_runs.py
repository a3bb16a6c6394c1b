"""Runs of documents by an instance's agent: steps in order, their output in S3, and signals."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ministack.core.responses import AccountRegionScopedDict
from ministack.services import s3

from sanso_sandbox.engine import faults
from sanso_sandbox.engine.authorization import Denied
from sanso_sandbox.engine.faults import AssociationFault
from sanso_sandbox.engine.registry import here
from sanso_sandbox.protocols import in_use
from sanso_sandbox.protocols.machines import Outcome, Step
from sanso_sandbox.services.autoscaling import signals
from sanso_sandbox.services.ec2 import egress
from sanso_sandbox.services.ssm import agent_role, documents, downloads

# Documents with downloads share the agent's folder here, so an instance runs one of them at a time.
_downloading = AccountRegionScopedDict()
_locks = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The location of steps' output in S3: below a folder, without slashes at its ends."""

    bucket: str
    folder: str
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The work of an agent."""

    document: str
    version: str
    parameters: Mapping[str, Any]
    name: str  # its name in faults and messages: the association's, or the document's
    association: str = ""  # the association whose result the run is
    output: Output | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRun:
    """A step that has run."""

    step: Step
    outcome: Outcome
    output_url: str  # "" without a bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRun:
    """The result of a run: the reason for its failure, or None, and the steps that have run."""

    failure: str | None
    total: int
    steps: tuple[StepRun, ...] = ()


def run(instance_id: str, work: Work) -> AgentRun:
    """Run a document's steps on an instance, and wait for their end.

    After a failure, only a step marked as finallyStep runs, on machines that run commands; on others, its
    only effect would be the signal of the failure.
    """
    document = documents.get(work.document)
    try:
        agent_role.require_document(instance_id, document.name, document.name in documents.OWNED_BY_AWS)
    except Denied as denied:
        sentence = f"Encountered error while loading association {work.name} contents. AccessDenied: {denied}"
        return AgentRun(failure=sentence, total=1)
    steps = documents.steps(document.text(work.version), dict(work.parameters))
    if not any(step.plugin == downloads.PLUGIN for step in steps):
        return _run(instance_id, work, steps)
    with _locks:
        lock = _downloading.setdefault(instance_id, threading.Lock())
    with lock:
        return _run(instance_id, work, steps)


def _run(instance_id: str, work: Work, steps: list[Step]) -> AgentRun:
    injected = faults.association_failure(here().account, work.name)
    if injected is not None and not injected.hits(instance_id):
        injected = None
    failure, done = None, []
    for number, step in enumerate(steps, start=1):
        if failure and not (step.is_final and in_use.machines().signals_itself):
            continue
        is_last = number == len(steps)
        outcome = _run_step(instance_id, step, injected if is_last else None)
        if not failure and (outcome.exit_code or is_last):
            sends_signal = not in_use.machines().signals_itself or injected is not None
            outcome = _signaled(instance_id, work, outcome) if sends_signal else outcome
        url = _write_output(instance_id, work.output, step, outcome)
        done.append(StepRun(step=step, outcome=outcome, output_url=url))
        if outcome.exit_code and not failure:
            cause = f"failed to run commands: exit status {outcome.exit_code}"
            failure = f"The operation {step.plugin} failed because {cause}."
    return AgentRun(failure=failure, total=len(steps), steps=tuple(done))


def _run_step(instance_id: str, step: Step, injected: AssociationFault | None) -> Outcome:
    """Run a step, or inject its failure. A download without content fails on instances of every kind."""
    if injected is not None:
        return Outcome(exit_code=1, stdout=injected.stdout, stderr=f"{injected.stderr}\n")
    if step.plugin == downloads.PLUGIN and downloads.lower_case(step.inputs).get("sourcetype") == "S3":
        try:
            step = replace(step, content=downloads.content(instance_id, step.inputs))
        except downloads.DownloadFailed as problem:
            sentence = f"Content could not be downloaded: {problem}\n"
            return Outcome(exit_code=1, stdout="", stderr=sentence)
    return in_use.machines().run_step(instance_id, step)


def _signaled(instance_id: str, work: Work, outcome: Outcome) -> Outcome:
    """Send the signal to CloudFormation for the document's commands, if the machine does not run them.

    A denial is added to their output, but does not fail them.
    """
    waiting = agent_role.signaled_stack(work.parameters)
    if not waiting:
        return outcome
    if not egress.reaches(instance_id, "cloudformation"):
        problem = 'Connect timeout on endpoint URL: "https://cloudformation.amazonaws.com/"'
        return replace(outcome, stderr=f"{outcome.stderr}\n{problem}\n".lstrip("\n"))
    configured = not outcome.exit_code
    if work.association:
        in_use.machines().association_ended(instance_id, work.association, configured)
    try:
        signals.send(
            instance_id,
            configured=configured,
            allowed=lambda stack: agent_role.require_signal(instance_id, waiting, stack),
        )
    except Denied as denied:
        operation = denied.action.partition(":")[2]
        problem = f"An error occurred (AccessDenied) when calling the {operation} operation: {denied}\n"
        return replace(outcome, stderr=f"{outcome.stderr}\n{problem}".lstrip("\n"))
    return outcome


def _write_output(instance_id: str, output: Output | None, step: Step, outcome: Outcome) -> str:
    """Write stdout and stderr to the agent's paths; a missing permission or bucket is ignored."""
    if output is None:
        return ""
    base = f"{output.folder}/{step.folder}"
    for name, text in (("stdout", outcome.stdout), ("stderr", outcome.stderr)):
        if text and agent_role.may_write(instance_id, output.bucket, f"{base}/{name}"):
            s3._put_object(output.bucket, f"{base}/{name}", text.encode(), {"content-type": "text/plain"})
    return f"https://s3.{output.region}.amazonaws.com/{output.bucket}/{base}/stdout"


def folder(*parts: str) -> str:
    """Join the non-empty parts of a key."""
    return "/".join(part.strip("/") for part in parts if part)
