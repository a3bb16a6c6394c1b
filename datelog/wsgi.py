"""The WSGI application. An invalid environment file fails here, at the start, and not in a request."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "datelog.settings")

application = get_wsgi_application()

# What is loaded now stays, so the garbage collector skips it from now on.
gc.collect()
gc.freeze()
