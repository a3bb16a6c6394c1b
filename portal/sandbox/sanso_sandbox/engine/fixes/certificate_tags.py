"""A described certificate has its tags, which ListTagsForCertificate alone returns (MiniStack 1.5.33).

https://docs.aws.amazon.com/acm/latest/APIReference/API_CertificateDetail.html
"""

from ministack.services import acm

from sanso_sandbox.engine.registry import Record


def install() -> None:
    """Describe certificates without their tags."""
    shape = acm._cert_shape

    def shaped(certificate: Record) -> Record:
        return {name: value for name, value in shape(certificate).items() if name != "Tags"}

    acm._cert_shape = shaped
