"""The process that fetches template sets, and evaluates what they bring.

`deployments.template_sets.sources` starts it.
"""

from __future__ import annotations

import sys

from deployments.template_sets import template_files
from deployments.template_sets.sources import worker

if __name__ == "__main__":
    worker.main(sys.stdin.buffer, sys.stdout.buffer, template_files.check)
