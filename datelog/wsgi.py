"""The callable that uWSGI loads. A wrong environment file fails here, at the start, not at a visitor."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "datelog.settings")

application = get_wsgi_application()

# What is loaded now stays: the collector need not look through it again and again.
gc.collect()
gc.freeze()
