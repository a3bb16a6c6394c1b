"""`python -m sanso_sandbox.backends.machines.booted`: builds the base tree, or reports why it cannot.

With --if-possible, that does not count as a failure.
"""

import os
import sys

from sanso_sandbox.backends.machines.booted import base_tree, requirements


def main() -> int:
    """Return 0 if machines can be booted afterwards, or do not have to be."""
    os.umask(0o022)  # other users than root have to read the tree too
    failure = 0 if "--if-possible" in sys.argv[1:] else 1
    problem = requirements.why_not()
    if problem:
        sys.stderr.write(f"Machines can't be booted here: {problem}.\n")
        return failure
    try:
        base_tree.build(_print)
    except base_tree.CommandFailed as failed:
        sys.stderr.write(f"The machines' base tree could not be built: {failed}\n")
        return failure
    return 0


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
