"""Inline code of a function is not packed as AWS packs it (MiniStack 1.5.33).

The file is called index whatever the handler is, and cfnresponse is beside it:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-lambda-function-code.html
"""

import io
import zipfile
from pathlib import Path

from ministack.services.cloudformation import provisioners

from sanso_sandbox.engine import cfnresponse


def install() -> None:
    """Install the packing."""
    provisioners._zip_inline = _zip_inline


def _zip_inline(source: str | None, handler_name: str, runtime: str = "python3.13") -> bytes | None:
    """Pack inline code as AWS does: a file called index, and for Python also the module cfnresponse."""
    if not source:
        return None
    python = runtime.startswith("python")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("index.py" if python else "index.js", source)
        if python:
            archive.writestr("cfnresponse.py", Path(cfnresponse.__file__).read_text())
    return packed.getvalue()
