"""The URLs at which a stack waits for a response, presigned by CloudFormation as on AWS.

Custom resources: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-requests.html
Wait conditions: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-waitcondition.html
"""

from typing import Final

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from ministack.services.cloudformation import custom_resource, wait_conditions

from sanso_sandbox.engine import access_keys
from sanso_sandbox.engine.registry import here

SECONDS: Final = 12 * 3600  # the longest wait of a stack: a wait condition's maximum Timeout

_engine_response_url = custom_resource._response_url
_engine_handle_url = wait_conditions.handle_url


def install() -> None:
    """Add the signature to MiniStack's URLs."""
    custom_resource._response_url = lambda token: presigned(_engine_response_url(token))
    wait_conditions.handle_url = lambda token: presigned(_engine_handle_url(token))


def presigned(url: str) -> str:
    """Return the URL with CloudFormation's signature in its query, valid only for PUT."""
    scope = here()
    key = access_keys.keyring().issue(scope.account, access_keys.CLOUDFORMATION)
    request = AWSRequest("PUT", url)
    S3SigV4QueryAuth(Credentials(key.id, key.secret), "s3", scope.region, expires=SECONDS).add_auth(request)
    return str(request.url)
