"""The agents of a machine: the SSM agent runs the steps of documents, cloud-init runs user data.

https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-command-ssm-plugin-reference.html
"""

import base64
import binascii
import secrets
import subprocess

from sanso_sandbox.backends.machines.booted.machine import Machine
from sanso_sandbox.protocols.machines import Outcome, Step

ORCHESTRATION = "/var/lib/amazon/ssm/document/orchestration/downloads"
TIMEOUT = 3600.0  # seconds, the plugin's default
TIMED_OUT = 124


def run_step(machine: Machine, step: Step) -> Outcome:
    """Run one step of a document on the machine and wait for its end."""
    machine.run("mkdir", "-p", ORCHESTRATION)
    if step.plugin == "aws:downloadContent":
        return _download(machine, step)
    if step.plugin == "aws:runShellScript":
        commands = step.inputs.get("runCommand") or []
        folder = str(step.inputs.get("workingDirectory") or ORCHESTRATION)
        limit = float(step.inputs.get("timeoutSeconds") or TIMEOUT)
        return run_commands(
            machine, [commands] if isinstance(commands, str) else commands, folder=folder, limit=limit
        )
    return Outcome(exit_code=1, stdout="", stderr=f"This sandbox's agent does not know {step.plugin}.\n")


def run_commands(
    machine: Machine, commands: list[str], *, folder: str = "/root", limit: float = TIMEOUT
) -> Outcome:
    """Run commands as a script, as root, and wait for its end or the timeout, which ends it."""
    script = "\n".join(commands) + "\n"
    command = ("timeout", "--kill-after=10", f"{limit:g}", "sh", "-c", 'cat >"$0" && exec sh "$0"')
    script_path = f"{ORCHESTRATION}/../_script-{secrets.token_hex(4)}.sh"
    machine.run("mkdir", "-p", ORCHESTRATION)
    try:
        done = machine.run(*command, script_path, text=script, timeout=limit + 60, folder=folder)
    except subprocess.TimeoutExpired:
        return Outcome(exit_code=TIMED_OUT, stdout="", stderr="The machine did not end the script in time.\n")
    finally:
        machine.run("rm", "-f", script_path)
    ending = "" if done.returncode != TIMED_OUT else f"The script was ended after {limit:g} seconds.\n"
    return Outcome(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr + ending)


def run_user_data(machine: Machine, encoded: str) -> None:
    """Run user data that is a script, as cloud-init does; other formats are ignored."""
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        text = encoded
    if text.startswith("#!"):
        run_commands(machine, ["exec >/var/log/cloud-init-output.log 2>&1", text])


def _download(machine: Machine, step: Step) -> Outcome:
    """Write the files that the service has fetched into the working folder, or into destinationPath."""
    given = {str(name).lower(): value for name, value in step.inputs.items()}
    if step.content is None:
        problem = f"sourceType {given.get('sourcetype')} is not supported by the sandbox's agent"
        return Outcome(exit_code=1, stdout="", stderr=f"Content could not be downloaded: {problem}\n")
    folder = str(given.get("destinationpath") or ORCHESTRATION)
    if not folder.startswith("/"):
        folder = f"{ORCHESTRATION}/{folder}"
    for name, body in step.content:
        target = f"{folder}/{name}"
        write = ('mkdir -p "$(dirname "$0")" && base64 -d >"$0"', target)
        done = machine.run("sh", "-c", *write, text=base64.b64encode(body).decode())
        if done.returncode:
            return Outcome(exit_code=1, stdout="", stderr=done.stderr)
    return Outcome(exit_code=0, stdout=f"Content downloaded to {folder}\n")
