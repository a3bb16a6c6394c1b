"""`python -m portal.sandbox.booted`: makes the machines' base tree, or says why there can be none."""

import sys

from portal.sandbox.booted import base, host


def main() -> int:
    """Return 0 when machines can be booted afterwards."""
    problem = host.why_not()
    if problem:
        sys.stderr.write(f"Machines can't be booted here: {problem}.\n")
        return 1
    try:
        base.make(_say)
    except base.CommandFailed as failed:
        sys.stderr.write(f"The machines' base tree could not be made: {failed}\n")
        return 1
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
