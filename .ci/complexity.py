"""Fail if a function is more complex than 15 by radon, which also counts conditions within expressions."""

import sys
from pathlib import Path

from radon.complexity import cc_visit

LIMIT = 15
CHECKED = (".ci", "datelog", "deployments", "infra_templates", "playbook", "portal")


def main() -> int:
    """Print the functions that are too complex, and return the exit code."""
    found = [
        f"{path}:{block.lineno} {block.fullname} has {block.complexity}, more than {LIMIT}"
        for folder in CHECKED
        for path in sorted(Path(folder).rglob("*.py"))
        if "sandbox_tests" not in path.parts
        for block in cc_visit(path.read_text())
        if block.letter != "C" and block.complexity > LIMIT
    ]
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
