"""`python -m portal.sandbox.server`: the process that serves. `python -m portal.sandbox` starts it.

MiniStack is compared with the contract before any module is imported that takes names of it.
"""

import sys

from portal.sandbox.engine import contract

try:
    contract.check()
except contract.EngineMismatch as mismatch:
    sys.stderr.write(f"The sandbox cannot start: {mismatch}\n")
    sys.exit(2)

from portal.sandbox.server import run

if __name__ == "__main__":
    sys.exit(run.main())
