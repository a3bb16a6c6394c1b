"""The Celery application of the portal."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, signals
from structlog.contextvars import bind_contextvars, unbind_contextvars

from deployments.common import heartbeats, kept_connections, stopping
from portal.process import protect

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
# The checks would import every page and operation, which a worker does not serve, at each start.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

app = Celery("sanso")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

_ONLY_FOR_PUBLISHERS = ("socket_timeout", "max_retries", "interval_start", "interval_step", "interval_max")


@signals.celeryd_init.connect
def _protect_the_worker(**_: object) -> None:
    protect()


@signals.worker_init.connect
def _keep_connections(**_: object) -> None:
    kept_connections.keep_connections()


@signals.worker_ready.connect
def _report_the_worker(**_: object) -> None:
    heartbeats.start("worker")


@signals.worker_shutting_down.connect
def _stop_what_takes_long(**_: object) -> None:
    stopping.stop()


@signals.task_prerun.connect
def _begin_the_task(task_id: str = "", **_: object) -> None:
    """Add the id of the task to its log lines; steps/step.py adds those of its row."""
    bind_contextvars(task_id=task_id)
    kept_connections.check_connections()


@signals.task_postrun.connect
def _unbind_the_task(**_: object) -> None:
    unbind_contextvars("task_id")


@signals.celeryd_init.connect
def _remove_timeouts(conf: Any, **_: object) -> None:
    """Remove the timeouts of publishers: the worker's blocking reads take longer."""
    options = dict(conf.broker_transport_options)
    for name in _ONLY_FOR_PUBLISHERS:
        options.pop(name, None)
    conf.broker_transport_options = options
