"""What an Auto Scaling group launches from is tried when the group is created or changed.

https://github.com/hashicorp/terraform-provider-aws/issues/40088 ("You must use a valid fully-formed launch
template")
"""

from portal.sandbox.engine.registry import Record, Refused
from portal.sandbox.services.autoscaling import launching
from portal.sandbox.services.ec2 import images, offers, profiles


def require_valid(group: Record) -> None:
    """Raise Refused, as CreateAutoScalingGroup does, when no instance could be launched at all."""
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
