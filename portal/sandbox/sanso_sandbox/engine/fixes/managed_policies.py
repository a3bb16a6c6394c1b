"""Managed policies of AWS that functions use do not exist (MiniStack 1.5.33).

managed_policies.json has their documents, with version and date:
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/
"""

import json
from pathlib import Path
from typing import Final

from ministack.services import iam

DOCUMENTS: Final = Path(__file__).with_suffix(".json")
_engine_seed = iam._seed_aws_managed_policies


def install() -> None:
    """Add the policies, now and after each reset of MiniStack."""
    iam._seed_aws_managed_policies = _seed
    _seed()


def _seed() -> None:
    _engine_seed()
    for name, policy in json.loads(DOCUMENTS.read_text()).items():
        arn = f"arn:aws:iam::aws:policy/{name}"
        iam._aws_managed_policies[arn] = iam._make_aws_managed_record(name, json.dumps(policy["document"]))
