"""The WSGI application. A bad environment file or broken code fails here, at the start, not in a request."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.template.loader import get_template
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "datelog.settings")

application = get_wsgi_application()

# Django would load these with the first request, when a release may have switched to other files.
get_resolver().url_patterns  # noqa: B018 - a property that loads them
get_template("datelog/view.html")

# What is loaded now stays, so the garbage collector skips it from now on.
gc.collect()
gc.freeze()
