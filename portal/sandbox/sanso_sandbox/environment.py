"""The sandbox's environment variables: it runs foreign code, so it does not get the portal's."""

from __future__ import annotations

from collections.abc import Mapping

NAMES = frozenset(
    {
        *("AWS_DEFAULT_REGION", "CURL_CA_BUNDLE", "HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "LOGNAME"),
        *(
            "PATH",
            "REQUESTS_CA_BUNDLE",
            "SSL_CERT_DIR",
            "SSL_CERT_FILE",
            "TMPDIR",
            "TZ",
            "USER",
            "VIRTUAL_ENV",
        ),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    }
)
PREFIXES = ("LC_", "PIP_", "PYTHON", "SANSO_SANDBOX_", "SANSO_RUN_")


def own(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the sandbox needs: no key, password or address of the portal."""
    return {name: value for name, value in environment.items() if name in NAMES or name.startswith(PREFIXES)}
