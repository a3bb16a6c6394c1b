#!/usr/bin/env python3
"""Django's command line for Sanso."""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line

from deployments.common.request_context import COMMAND, request_context
from portal.process import protect

# These write in the data folder; others, such as compile_translations, write for other users, too.
PROTECTED = {"dispatch", "migrate", "prepare", "run"}

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    if PROTECTED.intersection(sys.argv[1:2]):
        protect()
    with request_context(by=COMMAND, id=" ".join(sys.argv[1:2])[:64]):  # for audit records
        execute_from_command_line(sys.argv)
