"""Validation of an Auto Scaling group's launch template when the group is created or updated.

https://github.com/hashicorp/terraform-provider-aws/issues/40088 ("You must use a valid fully-formed launch
template")
"""

from sanso_sandbox.engine.registry import Record, Refused
from sanso_sandbox.services.autoscaling import launching
from sanso_sandbox.services.ec2 import images, offers, profiles


def require_valid(group: Record) -> None:
    """Raise Refused, as CreateAutoScalingGroup does, if no instance could be launched."""
    try:
        template, _version = launching.template(group)
        image = images.resolve(str(template.get("ImageId") or ""))
        if image:
            offers.require_valid(image, str(template.get("InstanceType") or "t3.micro"))
        profiles.resolve(template.get("IamInstanceProfile") or {})
    except Refused as refused:
        raise Refused(
            "ValidationError", f"You must use a valid fully-formed launch template. {refused}"
        ) from refused
