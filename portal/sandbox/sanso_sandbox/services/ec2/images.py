"""Amazon Linux images and the public SSM parameters with the ids of the latest ones."""

import hashlib
import re
from dataclasses import dataclass

from ministack.services import ec2, ssm

from sanso_sandbox.engine.registry import Refused

PREFIX = "/aws/service/ami-amazon-linux-latest/"
# The families that AWS publishes for both architectures, with the names of their images.
FAMILIES = {
    "al2023-ami-kernel-default-{arch}": "al2023-ami-2023.9.20261110.0-kernel-6.1-{arch}",
    "al2023-ami-kernel-6.1-{arch}": "al2023-ami-2023.9.20261110.0-kernel-6.1-{arch}",
    "al2023-ami-kernel-6.12-{arch}": "al2023-ami-2023.9.20261110.0-kernel-6.12-{arch}",
    "al2023-ami-minimal-kernel-default-{arch}": "al2023-ami-minimal-2023.9.20261110.0-kernel-6.1-{arch}",
    "amzn2-ami-hvm-{arch}-gp2": "amzn2-ami-hvm-2.0.20260622.0-{arch}-gp2",
    "amzn2-ami-kernel-5.10-hvm-{arch}-gp2": "amzn2-ami-kernel-5.10-hvm-2.0.20260622.0-{arch}-gp2",
}
ARCHITECTURES = ("arm64", "x86_64")
OWNER = ("137112412989", "amazon")  # Amazon Linux's publishing account and its alias


@dataclass(frozen=True, slots=True)
class Image:
    """A published image; several parameters may contain its id."""

    name: str
    architecture: str

    @property
    def id(self) -> str:
        """The image's id, the same in every sandbox."""
        return f"ami-{hashlib.sha256(self.name.encode()).hexdigest()[:17]}"


PARAMETERS = {
    PREFIX + parameter.format(arch=arch): Image(name.format(arch=arch), arch)
    for parameter, name in FAMILIES.items()
    for arch in ARCHITECTURES
}
IMAGES = {image.id: image for image in PARAMETERS.values()}


def install() -> None:
    """Publish the parameters and register their images."""
    ssm._PUBLIC_AMI_PARAMETERS.update({name: image.id for name, image in PARAMETERS.items()})
    for image in IMAGES.values():
        ec2._STUB_AMIS.append((image.id, image.name, _description(image), "", "/dev/xvda", *OWNER))
    view = ec2._stub_image_view
    ec2._stub_image_view = lambda *fields: {**view(*fields), "Architecture": architecture_of(fields[0])}


def _description(image: Image) -> str:
    return "Amazon Linux 2 AMI" if "amzn2" in image.name else "Amazon Linux 2023 AMI"


def resolve(image_id: str) -> str:
    """Return the image id for a launch template's "resolve:ssm:NAME" or "resolve:ssm:NAME:VERSION".

    Raises Refused if the parameter does not exist.
    """
    match = re.fullmatch(r"resolve:ssm:([^:]+)(?::(\d+))?", image_id)
    if match is None:
        return image_id
    found = ssm.resolve_parameter_value(match[1], match[2])
    if not found:
        raise Refused("InvalidAMIID.NotFound", f"Systems Manager parameter {match[1]} could not be resolved.")
    return str(found)


def architecture_of(image_id: str) -> str:
    """Return an image's architecture; x86_64 for other images than Amazon Linux."""
    image = IMAGES.get(image_id)
    return image.architecture if image else "x86_64"


def is_amazon_linux_2(image_id: str) -> bool:
    """Return whether an instance of the image runs Amazon Linux 2."""
    image = IMAGES.get(image_id)
    return image is not None and image.name.startswith("amzn2")
