"""Custom resources: the function is invoked like an asynchronous Lambda event, and its response awaited."""

import contextlib
import json
import threading
import time
import uuid
from typing import Any

from ministack.core.concurrency import spawn_background
from ministack.services import lambda_svc
from ministack.services.cloudformation import custom_resource, provisioners

from sanso_sandbox.engine import time_scale
from sanso_sandbox.engine.registry import Created, Properties
from sanso_sandbox.engine.time_scale import shortened
from sanso_sandbox.services.lambda_ import limits, routes

LONGEST = 3600  # seconds of ServiceTimeout by default
RETRIES = (60.0, 120.0)  # seconds until Lambda retries a failed function
SILENCE = 600.0  # AWS's maximum seconds of waiting for a response after the function's last attempt
LOOK = 0.1


class Failed(RuntimeError):
    """The function responded with FAILED; the physical id of its response is for partly created resources."""

    def __init__(self, reason: str, physical_id: str) -> None:
        super().__init__(reason)
        self.physical_id = physical_id


def install() -> None:
    """Replace MiniStack's invocation."""
    custom_resource.invoke_custom_resource = invoke


def invoke(
    request_type: str,
    logical_id: str,
    properties: Properties,
    stack: str,
    stack_id: str,
    resource_type: str,
    physical_id: str | None = None,
    old_props: Properties | None = None,
) -> Created:
    """Invoke the function of a ServiceToken and wait for its response.

    Returns the physical id and the response's Data.

    Raises ValueError if the function does not exist, Failed with the function's reason if it responded with
    FAILED, and TimeoutError without a response within ServiceTimeout.
    """
    token = str(uuid.uuid4())
    event: dict[str, Any] = {
        "RequestType": request_type,
        "ServiceToken": properties.get("ServiceToken", ""),
        "ResponseURL": custom_resource._response_url(token),
        "StackId": stack_id,
        "RequestId": str(uuid.uuid4()),
        "LogicalResourceId": logical_id,
        "ResourceType": resource_type,
        "ResourceProperties": custom_resource._normalise_resource_properties(properties),
    }
    if physical_id is not None:
        event["PhysicalResourceId"] = physical_id
    if old_props is not None:
        event["OldResourceProperties"] = custom_resource._normalise_resource_properties(old_props)
    answer = _answer(event, token, _timeout(properties))
    if answer.get("Status") == "FAILED":
        raise Failed(str(answer.get("Reason") or ""), str(answer.get("PhysicalResourceId") or ""))
    answered_id = str(answer.get("PhysicalResourceId") or physical_id or event["RequestId"])
    if request_type == "Update" and answered_id != physical_id:
        provisioners._delete_predecessor(
            provisioners._delete_resource, resource_type, physical_id, old_props, stack, logical_id
        )
    return answered_id, answer.get("Data") or {}


def _timeout(properties: Properties) -> float:
    try:
        return min(float(properties.get("ServiceTimeout") or LONGEST), LONGEST)
    except ValueError:
        return LONGEST


def _function(service_token: str) -> dict[str, Any]:
    record, config, _name = lambda_svc._get_func_record_for_ref(service_token)
    if record is None or config is None:
        raise ValueError(f"Function not found: {service_token}")
    found: dict[str, Any] = lambda_svc._execution_record_for_config(record, config)
    return found


def _answer(event: dict[str, Any], token: str, timeout: float) -> dict[str, Any]:
    function = _function(event["ServiceToken"])
    config = function.get("config") or function
    event = {**event, "ResponseURL": routes.response_url(config, event["ResponseURL"])}
    answered: threading.Event = custom_resource.register_token(token)
    ended: list[float] = []
    try:
        spawn_background(
            _call, function, event, answered, ended, thread_name=f"custom-{event['LogicalResourceId']}"
        )
        deadline = time.monotonic() + timeout
        while not answered.wait(LOOK):
            now = time.monotonic()
            if now > deadline or (ended and now - ended[0] > shortened(min(timeout, SILENCE), at_least=0.3)):
                raise TimeoutError(f"No answer came to request {event['RequestId']}.")
        with custom_resource._lock:
            answer: dict[str, Any] = custom_resource._pending[token]["result"] or {}
        if len(json.dumps(answer).encode()) > limits.LARGEST_ANSWER:
            raise ValueError("Response object is too long.")
        return answer
    finally:
        with custom_resource._lock:
            custom_resource._pending.pop(token, None)


def _call(
    function: dict[str, Any], event: dict[str, Any], answered: threading.Event, ended: list[float]
) -> None:
    """Invoke the function, and retry if it fails without a response, as Lambda does for events."""
    with contextlib.suppress(
        Exception
    ):  # the invocation logs errors; a missing response is handled by the caller
        for pause in (*RETRIES, None):
            outcome = lambda_svc._execute_function_with_config_scope(function, event)
            failed = isinstance(outcome, dict) and outcome.get("error")
            if not failed or pause is None or answered.is_set():
                break
            time_scale.sleep(pause, answered.is_set)
    ended.append(time.monotonic())
