"""Authentication of incoming webhooks: GitHub signs the body, GitLab sends the secret."""

from __future__ import annotations

import hashlib
import hmac

PREFIX = "sha256="


def is_authentic(secret: str, body: bytes, *, signature: str = "", token: str = "") -> bool:
    """Return whether a request is signed with the secret, or contains it.

    GitHub, Gitea and Forgejo sign the body:
    https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    GitLab sends the secret itself in a header:
    https://docs.gitlab.com/user/project/integrations/webhooks/#validate-requests-with-a-secret-token
    """
    if not secret:
        return False
    if signature.startswith(PREFIX):
        expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected.encode(), signature.removeprefix(PREFIX).encode())
    return bool(token) and hmac.compare_digest(secret.encode(), token.encode())
