"""The process that fetches template sets, and evaluates what they bring. `deployments.sources` starts it."""

from __future__ import annotations

import sys

from deployments import catalog
from deployments.sources import worker

if __name__ == "__main__":
    worker.main(sys.stdin.buffer, sys.stdout.buffer, catalog.check)
