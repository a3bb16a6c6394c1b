"""Parse the output of a configuration run: Ansible's recap, the failed task and its message.

The format is the default callback's (https://docs.ansible.com/ansible/latest/collections/ansible/builtin/
default_callback.html) of any version, with JSON or YAML results. The beginning of the output may be missing.
For a shell script, the message is the end of stderr, or the error of the program that it ran.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from deployments.health.rules.script_errors import ending

MAX_LENGTH = 1000
"""Maximum length of a message."""
LAST_LINES = 5
MAX_REASON = 200

_COLOR = re.compile(r"\x1b\[[0-9;]*m")
_TASK = re.compile(r"^(?:TASK|RUNNING HANDLER) \[(?P<name>.*)\] \*+$")
_FAILED = re.compile(r"^(?:fatal|failed): \[[^\]]*\](?P<more>.*?)(?:=> ?(?P<result>.*))?$")
_RECAP = re.compile(r"^\S+\s*: (?P<counts>(?:[a-z_]+=\d+\s*)+)$")
_YAML_MSG = re.compile(r"^\s+(?P<key>msg|stderr|censored): (?P<value>.*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybookResult:
    """The result of a run. `recap` sums the hosts' counts: ok, changed, unreachable, failed, …"""

    recap: Mapping[str, int] = field(default_factory=dict)
    failed_task: str = ""
    message: str = ""


@dataclass(slots=True)
class _Failure:
    task: str
    message: str


def read_output(stdout: str, stderr: str, *, failed: bool) -> PlaybookResult:
    """Return the result in the output of a run. `failed`: State Manager reports that it failed."""
    lines = [_COLOR.sub("", line).rstrip() for line in stdout.splitlines()]
    recap = _recap(lines)
    if not failed:
        return PlaybookResult(recap=recap)
    ended_well = bool(recap) and not recap.get("failed") and not recap.get("unreachable")
    failure = None if ended_well else _last_failure(lines)
    if failure is None:
        errors = [line for line in _COLOR.sub("", stderr).splitlines() if not _is_noise(line)]
        return PlaybookResult(recap=recap, message=_short("\n".join(ending(errors or lines, LAST_LINES))))
    return PlaybookResult(recap=recap, failed_task=failure.task[:255], message=_short(failure.message))


def reason(message: str) -> str:
    """Return the part of a message for a sentence: the end of its last line, which names the cause."""
    last = next((line.strip() for line in reversed(message.splitlines()) if line.strip()), "")
    return last if len(last) <= MAX_REASON else "…" + last[-MAX_REASON:]


def _recap(lines: list[str]) -> dict[str, int]:
    """Sum the counts of all hosts below the last PLAY RECAP."""
    starts = [number for number, line in enumerate(lines) if line.startswith("PLAY RECAP ")]
    counts: dict[str, int] = {}
    for line in lines[starts[-1] + 1 :] if starts else ():
        found = _RECAP.match(line)
        if not found:
            break
        for name, number in re.findall(r"(\w+)=(\d+)", found["counts"]):
            counts[name] = counts.get(name, 0) + int(number)
    return counts


def _last_failure(lines: list[str]) -> _Failure | None:
    """Return the failure that ended the play: the last one that was not ignored.

    The output of a rescued failure is the same, but the play continues after it.
    """
    task = ""
    failures: list[_Failure] = []
    for number, line in enumerate(lines):
        if found := _TASK.match(line):
            task = found["name"]
        elif line == "...ignoring":
            failures = [failure for failure in failures if failure.task != task]
        elif found := _FAILED.match(line):
            failures.append(_Failure(task, _message(found["result"] or "", lines[number + 1 :])))
    return failures[-1] if failures else None


def _message(result: str, following: list[str]) -> str:
    """Return the message of a failed task: `msg`, and the end of the command's stderr."""
    try:
        values = json.loads(result) if result.strip() else _yaml(following)
    except (ValueError, RecursionError):
        return result.strip()
    if not isinstance(values, dict):
        return result.strip()
    message = str(values.get("msg") or values.get("censored") or "").strip()
    errors = str(values.get("stderr") or values.get("module_stderr") or "").strip().splitlines()
    return "\n".join([message, *ending(errors, LAST_LINES)]).strip()


def _yaml(following: list[str]) -> dict[str, str]:
    """Return the relevant values of a result in YAML: its lines are indented below the first one."""
    values: dict[str, str] = {}
    for line in following:
        if not line.startswith(" "):
            break
        if found := _YAML_MSG.match(line):
            values.setdefault(found["key"], found["value"].strip("'\""))
    return values


def _is_noise(line: str) -> bool:
    return not line.strip() or line.startswith(("[WARNING]", "[DEPRECATION WARNING]"))


def _short(message: str) -> str:
    message = message.strip()
    return message if len(message) <= MAX_LENGTH else "…" + message[-MAX_LENGTH:]
