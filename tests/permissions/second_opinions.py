"""Second opinions about the roles: parliament's findings (BSD, development only), by policy.

`make second-opinions` installs it into an environment of its own, since it needs an old setuptools, and
prints what it finds beyond the kinds below. These are expected:

RESOURCE_MISMATCH looks at one statement, while the resource types of an action are spread over several
here; `check_roles` covers them together. RESOURCE_STAR: actions whose resources have no names, most with a
condition. UNKNOWN_ACTION and UNKNOWN_PREFIX: parliament's copy of AWS's reference is older than the schemas.

No simulator decides a second time. Of those that were looked at, `@cloud-copilot/iam-simulate` is under
AGPL-3.0 and iam-ape under GPL-3.0; pbac (MIT) reads one key of a condition and knows no boundaries; aws-why
(MIT) asks AWS; moto's own policies (Apache-2.0) do not evaluate conditions.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from deployments.template_sets.rules.role_policies import PolicyRole
from tests.permissions.check_roles import ACCOUNT_TEMPLATE, STRICT
from tests.permissions.handler_needs import set_templates
from tests.permissions.role_policies import Template

EXPECTED = frozenset(
    {
        "MISMATCHED_TYPE_BUT_USABLE",
        "RESOURCE_MISMATCH",
        "RESOURCE_STAR",
        "UNKNOWN_ACTION",
        "UNKNOWN_PREFIX",
    }
)


def main(arguments: list[str]) -> int:
    """Run parliament, whose program is the argument, on every policy; return the exit code."""
    (program,) = arguments
    roles = [*Template(ACCOUNT_TEMPLATE).roles(), *Template(ACCOUNT_TEMPLATE, **STRICT).roles()]
    roles += [role for path in set_templates() for role in Template(path).roles()]
    with tempfile.TemporaryDirectory() as folder:
        count = write(roles, Path(folder))
        done = subprocess.run(
            [program, "--directory", folder, "--json"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    findings = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    others = [one for one in findings if one["issue"] not in EXPECTED]
    for one in others:
        sys.stdout.write(f"{one['severity']} {one['issue']}: {one.get('detail')} ({one['location']})\n")
    sys.stdout.write(
        f"{count} policies, {len(findings)} findings, {len(others)} of other kinds than expected\n"
    )
    return 1 if others or not findings else 0


def write(roles: list[PolicyRole], folder: Path) -> int:
    """Write every policy of the roles into a file of a folder; return their number."""
    texts = [text for role in roles for text in (*role.inline.values(), *role.managed.values())]
    for number, text in enumerate(texts):
        (folder / f"{number}.json").write_text(text)
    return len(texts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
