"""The portal as an ASGI application: pages and event streams."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application
from django.utils.module_loading import import_string

from deployments.common import heartbeats
from deployments.live.stopping import WatchingSignals
from portal import request_counts
from portal.login.queue import LoginQueue
from portal.preload import preload
from portal.process import protect
from portal.websockets import WithoutWebsockets

protect()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
application = WithoutWebsockets(WatchingSignals(LoginQueue(get_asgi_application())))
preload()
heartbeats.start("web", import_string("deployments.live.broadcaster.measure"), request_counts.write)
