"""Amazon Linux images and the public SSM parameters that name the latest of them."""

import hashlib
import re

from ministack.services import ec2, ssm

from portal.sandbox.resources.registry import Refused

PREFIX = "/aws/service/ami-amazon-linux-latest/"
# The families that AWS publishes for both architectures, each with the name its images carry.
FAMILIES = {
    "al2023-ami-kernel-default-{arch}": "al2023-ami-2023.9.20261110.0-kernel-6.1-{arch}",
    "al2023-ami-kernel-6.1-{arch}": "al2023-ami-2023.9.20261110.0-kernel-6.1-{arch}",
    "al2023-ami-kernel-6.12-{arch}": "al2023-ami-2023.9.20261110.0-kernel-6.12-{arch}",
    "al2023-ami-minimal-kernel-default-{arch}": "al2023-ami-minimal-2023.9.20261110.0-kernel-6.1-{arch}",
    "amzn2-ami-hvm-{arch}-gp2": "amzn2-ami-hvm-2.0.20260622.0-{arch}-gp2",
    "amzn2-ami-kernel-5.10-hvm-{arch}-gp2": "amzn2-ami-kernel-5.10-hvm-2.0.20260622.0-{arch}-gp2",
}
ARCHITECTURES = ("arm64", "x86_64")


def install() -> None:
    """Publish the parameters and register their images."""
    for parameter, image in _published():
        ssm._PUBLIC_AMI_PARAMETERS.setdefault(PREFIX + parameter, _image_id(image))
    known = {entry[0] for entry in ec2._STUB_AMIS}
    for _parameter, image in _published():
        if _image_id(image) not in known:
            known.add(_image_id(image))
            ec2._STUB_AMIS.append(
                (_image_id(image), image, f"Amazon Linux {image}", "", "/dev/xvda", *_owner())
            )
    view = ec2._stub_image_view
    ec2._stub_image_view = lambda *fields: {**view(*fields), "Architecture": architecture_of(fields[0])}


def resolve(image_id: str) -> str:
    """Read the image id behind a launch template's "resolve:ssm:NAME" or "resolve:ssm:NAME:VERSION".

    Raises Refused when the parameter does not exist.
    """
    match = re.fullmatch(r"resolve:ssm:([^:]+)(?::(\d+))?", image_id)
    if match is None:
        return image_id
    found = ssm.resolve_parameter_value(match[1], match[2])
    if not found:
        raise Refused("InvalidAMIID.NotFound", f"Systems Manager parameter {match[1]} could not be resolved.")
    return str(found)


def architecture_of(image_id: str) -> str:
    """Tell an image's architecture; x86_64 for images that are not Amazon Linux."""
    arm = {_image_id(image) for _parameter, image in _published() if "arm64" in image}
    return "arm64" if image_id in arm else "x86_64"


def _published() -> list[tuple[str, str]]:
    return [
        (parameter.format(arch=arch), image.format(arch=arch))
        for parameter, image in FAMILIES.items()
        for arch in ARCHITECTURES
    ]


def _image_id(name: str) -> str:
    return f"ami-{hashlib.sha256(name.encode()).hexdigest()[:17]}"


def _owner() -> tuple[str, str]:
    return "137112412989", "amazon"
