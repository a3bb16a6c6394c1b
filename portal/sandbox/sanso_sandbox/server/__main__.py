"""`python -m sanso_sandbox.server`: the serving process, started by `python -m sanso_sandbox`.

MiniStack is compared with the contract before modules are imported that use its names.
"""

import sys

from sanso_sandbox.engine import contract

try:
    contract.check()
except contract.EngineMismatch as mismatch:
    sys.stderr.write(f"The sandbox cannot start: {mismatch}\n")
    sys.exit(2)

from sanso_sandbox.server import run

if __name__ == "__main__":
    sys.exit(run.main())
