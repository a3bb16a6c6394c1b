"""Instance profiles in launches: rejected if they do not exist or are not visible yet.

https://github.com/hashicorp/terraform-provider-aws/issues/40088
"""

from typing import Any

from ministack.services import ec2, iam

from sanso_sandbox.engine import ec2_responses
from sanso_sandbox.engine.registry import Record, Refused
from sanso_sandbox.services.iam import propagation


def install() -> None:
    """Replace MiniStack's lookup, which invents profiles that do not exist."""
    ec2._resolve_iam_instance_profile = _resolve


def resolve(profile: Record) -> Record | None:
    """Return the Arn and Id of a launch's profile; None without a profile. Raises Refused."""
    arn, name = str(profile.get("Arn") or ""), str(profile.get("Name") or "")
    if not arn and not name:
        return None
    found = iam._lookup_instance_profile(name=name, arn=arn)
    if found is None or not propagation.seen(str(found["Arn"])):
        kind, what = ("arn", "ARN") if arn else ("name", "name")
        raise Refused(
            "InvalidParameterValue",
            f"Value ({arn or name}) for parameter iamInstanceProfile.{kind} is invalid. Invalid IAM Instance "
            f"Profile {what}",
        )
    return {"Arn": found["Arn"], "Id": found["InstanceProfileId"]}


def _resolve(iam_arn: str = "", iam_name: str = "", **_options: object) -> tuple[Any, Any]:
    try:
        return resolve({"Arn": iam_arn, "Name": iam_name}), None
    except Refused as refused:
        return None, ec2_responses.refusal(refused)
