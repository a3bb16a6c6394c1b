"""Runs inside a function's process: loads the handler, then answers one invocation a line.

Started as `python -I -S bootstrap.py`, it exchanges JSON lines with the worker that started it: first
the code to load, then {"event": ..., "ctx": ...} for every invocation. Only the standard library, the
function's own code and layers, and the packages of AWS's runtime (boto3, pip) can be imported; the sandbox's
other packages cannot. It imports no module of the project, which is not on the path of a function's process.
"""

from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import site
import sys
import time
import traceback
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import IO, Any

RUNTIME = frozenset({"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3", "pip"})
TEMPORARY = "/tmp"  # noqa: S108  (the folder that Lambda gives a function)


def main() -> None:
    """Load the handler and serve until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # output of a function and its children goes to the log
    sys.stdout = sys.stderr
    start = json.loads(sys.stdin.readline())
    if start["temporary"] != TEMPORARY:
        sys.meta_path.insert(0, OwnFolder(start["code"], start["temporary"]))
    sys.meta_path.append(RuntimePackages(start["packages"]))
    _add_layers(start["layer"])
    sys.path.insert(0, start["code"])
    try:
        module = importlib.import_module(start["module"])
        handler = getattr(module, start["handler"])
    except BaseException as error:  # noqa: BLE001  (the function's own code may raise anything)
        traceback.print_exc()
        _send(answers, {"status": "error", "error": _import_error(start, error)})
        return
    _send(answers, {"status": "ready", "cold": True})
    for line in sys.stdin:
        answer = _invoke(handler, start, json.loads(line))
        sys.stderr.flush()
        os.write(2, f"{start['log_end']}\n".encode())
        _send(answers, answer)


def _import_error(start: dict[str, Any], error: BaseException) -> str:
    if isinstance(error, AttributeError) and start["handler"] in str(error):
        return f"Handler '{start['handler']}' missing on module '{start['module']}'"
    return f"Unable to import module '{start['module']}': {error}"


def _send(answers: IO[str], answer: dict[str, Any]) -> None:
    sys.stderr.flush()
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def _invoke(handler: Any, start: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    context = Context(start, message.get("ctx") or {})
    try:
        result = handler(message["event"], context)
        json.dumps(result)
    except BaseException as error:  # noqa: BLE001  (the function's own code may raise anything)
        return {"status": "error", "error": str(error), "trace": traceback.format_exc()}
    return {"status": "ok", "result": result}


class Context:
    """The object that Lambda passes to a handler.

    https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    identity = None
    client_context = None

    def __init__(self, start: dict[str, Any], invocation: dict[str, Any]) -> None:
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.invoked_function_arn = invocation.get("invoked_function_arn", "")
        self.aws_request_id = invocation.get("request_id", "")
        self._deadline = time.monotonic() + float(start["timeout"])

    def get_remaining_time_in_millis(self) -> int:
        """Return the remaining time of the invocation in milliseconds."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


class RuntimePackages(importlib.abc.MetaPathFinder):
    """Finds the packages of AWS's Python runtime in the sandbox's own environment."""

    def __init__(self, places: list[str]) -> None:
        self._places = places

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of one of the runtime's packages, None for other modules."""
        if name.partition(".")[0] not in RUNTIME:
            return None
        return PathFinder.find_spec(name, path or self._places, target)


class OwnFolder(importlib.abc.MetaPathFinder):
    """Loads the function's own modules with a folder of this process in place of /tmp.

    On Lambda every environment has its own /tmp. If the sandbox cannot provide one, two deployments would
    share it.
    """

    def __init__(self, code: str, temporary: str) -> None:
        self._code = code
        self._temporary = temporary

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module among the function's files, None for others."""
        spec = PathFinder.find_spec(name, path or [self._code], target)
        if spec is None or spec.origin is None or not spec.origin.startswith(self._code):
            return None
        if isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path, self._temporary)
        return spec


class _Loader(SourceFileLoader):
    def __init__(self, name: str, path: str, temporary: str) -> None:
        super().__init__(name, path)
        self._temporary = temporary

    def get_code(self, fullname: str) -> Any:
        """Always compile from source, because cached code would contain another folder."""
        return self.source_to_code(self.get_data(self.path), self.path)

    def source_to_code(  # type: ignore[override]  # as importlib's own loaders have it
        self, data: Any, path: Any, *, _optimize: int = -1
    ) -> Any:
        """Compile with every literal below /tmp replaced by a path below the process's own folder."""
        tree = ast.parse(data, path)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
                continue
            if node.value == TEMPORARY or node.value.startswith(f"{TEMPORARY}/"):
                node.value = self._temporary + node.value[len(TEMPORARY) :]
        return compile(tree, path, "exec", dont_inherit=True, optimize=_optimize)


def _add_layers(layer: str) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html"""
    python = Path(layer, "python")
    for version in sorted(python.glob("lib/*/site-packages")):
        site.addsitedir(str(version))
    if python.is_dir():
        sys.path.insert(0, str(python))


if __name__ == "__main__":
    main()
