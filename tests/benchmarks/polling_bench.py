"""What it costs AWS to follow a deployment, and how late each tool is: `make bench-polling`.

All tools deploy the same templates at the same time, each in an account of its own, in one sandbox at AWS's
own pace. Tools from a registry are run; the published loop of every tool is replayed as well.
The calls are counted at the sandbox's gateway, from the root stack's first event to its last.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

from tests.benchmarks import polling_loops, polling_tools
from tests.benchmarks.machine import machine, percentile
from tests.benchmarks.polling_loops import Seen
from tests.benchmarks.polling_tools import REGION, Job
from tests.benchmarks.trial_environments import TRIAL
from tests.services import REPOSITORY, Sandbox, start_sandbox

TEMPLATES = REPOSITORY / "infra_templates"
PREFIX = "sets/bench"
TIMEOUT = 40 * 60
OURS = "Sanso"


@dataclass
class Runner:
    """A tool or loop that deploys, in a separate account."""

    name: str
    how: str
    account: str
    act: Callable[[Runner], None]
    lags: list[float] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    trouble: str = ""


@dataclass
class Bench:
    """The sandbox with all runners."""

    sandbox: Sandbox
    folder: Path
    runners: list[Runner] = field(default_factory=list)

    def client(self, account: str, service: str) -> Any:
        make: Callable[..., Any] = boto3.client
        return make(service, region_name=REGION, **self.sandbox.credentials(account))

    def add(self, name: str, how: str, act: Callable[[Runner], None]) -> None:
        """Add a runner with an account."""
        account = str(secrets.randbelow(9 * 10**11) + 10**11)
        self.runners.append(Runner(name, how, account, act))

    def publish(self, account: str) -> dict[str, str]:
        """Upload the templates to a bucket of the account, and return the root's parameters."""
        from deployments.template_sets import template_files

        bucket = f"artifacts-{account}"
        s3 = self.client(account, "s3")
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        for key, body in template_files.build_objects(template_files.load(TEMPLATES)):
            s3.put_object(Bucket=bucket, Key=f"{PREFIX}/{key}", Body=body)
        return {"ArtifactBucket": bucket, "ArtifactPrefix": PREFIX, **TRIAL}

    def replay(self, loop: Callable[[Any, str, Seen], None]) -> Callable[[Runner], None]:
        """Return a function that creates the stack and follows it with a replayed loop."""

        def act(runner: Runner) -> None:
            parameters = self.publish(runner.account)
            client, seen = self.client(runner.account, "cloudformation"), Seen()
            stack = client.create_stack(
                StackName="bench",
                TemplateURL=f"https://{parameters['ArtifactBucket']}.s3.{REGION}.amazonaws.com/{PREFIX}/root.yaml",
                Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
                Capabilities=["CAPABILITY_IAM"],
            )["StackId"]
            loop(client, stack, seen)
            runner.lags = seen.lags

        return act

    def run_tool(self, program: Path) -> Callable[[Runner], None]:
        """Return a function that deploys with a tool."""

        def act(runner: Runner) -> None:
            parameters = self.publish(runner.account)
            folder = self.folder / f"tool-{runner.account}"
            folder.mkdir()
            job = Job(
                folder=folder,
                account=runner.account,
                bucket=parameters["ArtifactBucket"],
                root=TEMPLATES / "root.yaml",
                parameters=parameters,
                keys=self.sandbox.variables(runner.account),
            )
            done = subprocess.run(
                polling_tools.command(runner.name, program, job),
                env=job.environment,
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                check=False,
            )
            if done.returncode:
                runner.trouble = (done.stderr or done.stdout).strip()[-300:]

        return act

    def run(self) -> None:
        """Let all runners deploy at once, and collect their calls."""
        threads = [
            threading.Thread(target=self._guarded, args=(runner,), daemon=True) for runner in self.runners
        ]
        for thread in threads:
            thread.start()
        last, until = 0, time.monotonic() + TIMEOUT
        while any(thread.is_alive() for thread in threads) and time.monotonic() < until:
            time.sleep(10)  # the sandbox stores a limited number of calls
            last = self._collect(last)
        self._collect(last)

    def _guarded(self, runner: Runner) -> None:
        try:
            runner.act(runner)
        except Exception as exc:  # noqa: BLE001  # one who fails does not end the run of the others
            runner.trouble = f"{type(exc).__name__}: {exc}"

    def _collect(self, since: int) -> int:
        answer = self.sandbox.control("GET", f"calls?since={since}")
        assert isinstance(answer, dict)
        by_account = {runner.account: runner for runner in self.runners}
        for call in answer["calls"]:
            since = max(since, call["n"])
            if call["service"] == "cloudformation" and call["account"] in by_account:
                by_account[call["account"]].calls.append(call)
        return since

    def window(self, runner: Runner) -> tuple[float, float]:
        """Return when the root stack's operation began and ended, in epoch seconds."""
        client = self.client(runner.account, "cloudformation")
        roots = [s for s in client.describe_stacks()["Stacks"] if "ParentId" not in s]
        pages = client.get_paginator("describe_stack_events").paginate(StackName=roots[0]["StackId"])
        events = [event for page in pages for event in page["StackEvents"]]
        times = [e["Timestamp"].timestamp() for e in events if e["ResourceStatus"] != "REVIEW_IN_PROGRESS"]
        return min(times), max(times)


def row(bench: Bench, runner: Runner) -> str:
    """Return a row of the table."""
    try:
        began, ended = bench.window(runner)
    except Exception as exc:  # noqa: BLE001  # it never got that far
        return f"| {runner.name} | {runner.how} | – | – | – | {runner.trouble or exc} |"
    calls = [call for call in runner.calls if began <= call["at"] <= ended]
    minutes = (ended - began) / 60
    kinds = ", ".join(
        f"{name} {number}" for name, number in Counter(c["action"] for c in calls).most_common(4)
    )
    lag = ""
    if runner.lags:
        lag = f"{statistics.mean(runner.lags):.1f} / {percentile(runner.lags, 0.95):.1f} s"
    trouble = f" ({runner.trouble})" if runner.trouble else ""
    return (
        f"| {runner.name} | {runner.how} | {minutes:.1f} | {len(calls)} | **{len(calls) / minutes:.1f}** "
        f"| {lag} | {kinds}{trouble} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pace", type=float, default=12, help="seconds for twelve of AWS's: 12 is real time")
    parser.add_argument("--tools", type=Path, help="a folder that keeps the installed tools for the next run")
    parser.add_argument("--only", action="append", help="leave out everybody else")
    parser.add_argument("--output", type=Path, help="a file for the report, which is printed anyway")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="polling-bench-"))
    os.environ["SANSO_SANDBOX_MACHINES"] = "records"
    load = os.getloadavg()[0]
    began = datetime.now(UTC)
    tools = list(polling_tools.install(options.tools or folder / "tools"))
    sandbox = start_sandbox(folder / "sandbox", pace=options.pace, database="embedded")
    bench = Bench(sandbox, folder)
    stop: Callable[[], None] = lambda: None  # noqa: E731
    try:
        from tests.benchmarks import polling_portal

        portal = polling_portal.start(sandbox, folder / "portal")
        stop = portal.stop
        bench.add(OURS, "as it runs, page open", portal.follow)
        for name, loop in polling_loops.LOOPS.items():
            bench.add(name, "its published loop", bench.replay(loop))
        for name, program, version in tools:
            bench.add(name, f"itself, {version}", bench.run_tool(program))
        bench.runners = [r for r in bench.runners if not options.only or r.name in options.only]
        bench.run()
        rows = [row(bench, runner) for runner in bench.runners]
    finally:
        stop()
        sandbox.stop()
        shutil.rmtree(folder, ignore_errors=True)
    report = "\n".join(
        [
            "## What following a deployment costs",
            "",
            f"Measured {began:%Y-%m-%d %H:%M} UTC on {machine()}; load {load:.1f} at the start, "
            f"{os.getloadavg()[0]:.1f} at the end. Root and 8 nested stacks; "
            f"sandbox at time scale {options.pace:g} (12 is AWS's own).",
            "",
            "| who | how | minutes | CloudFormation calls | a minute | event seen, mean / p95 | which |",
            "|---|---|--:|--:|--:|--:|---|",
            *rows,
            "",
        ]
    )
    sys.stdout.write(report)
    if options.output:
        options.output.write_text(report)


if __name__ == "__main__":
    main()
