"""The texts of what is refused when template sets are fetched from outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext_noop as N_

from deployments.common.message_codes import Code

SOURCES: Final[Mapping[Code, str]] = {
    Code.SOURCE_URL_INVALID: N_(
        "This is not the address of a Git repository. Use https://host/path, ssh://user@host/path or "
        "user@host:path."
    ),
    Code.SOURCE_URL_WITH_PASSWORD: N_(
        "The address must not contain a user name or password. Enter them in the fields of the token."
    ),
    Code.SOURCE_HTTP_NOT_ALLOWED: N_(
        "%(host)s is only allowed over https. SANSO_SOURCE_ADDRESSES lists the addresses that http may use."
    ),
    Code.SOURCE_PATH_NOT_ALLOWED: N_("%(path)s is not in a folder that SANSO_LOCAL_SOURCES allows."),
    Code.SOURCE_ADDRESS_NOT_ALLOWED: N_(
        "%(host)s has an address that is not public. SANSO_SOURCE_ADDRESSES can allow it."
    ),
    Code.SOURCE_HOST_UNKNOWN: N_("The name %(host)s cannot be resolved."),
    Code.SOURCE_UNREACHABLE: N_("The connection to %(host)s failed: %(why)s."),
    Code.SOURCE_TLS_FAILED: N_(
        "The certificate of %(host)s was not accepted: %(why)s. For a private certificate authority, set "
        "SSL_CERT_FILE of the worker."
    ),
    Code.SOURCE_REDIRECTED: N_(
        "The server redirects to another host: %(url)s. If the repository has moved, enter its new address."
    ),
    Code.SOURCE_LOGIN_REJECTED: N_(
        "%(host)s rejected the credentials, or requires some. The token or key needs read access to the "
        "repository."
    ),
    Code.SOURCE_CREDENTIALS_OF_OTHER: N_(
        "The stored credentials are for %(url)s. Enter those of the new server, or delete the stored ones."
    ),
    Code.SOURCE_REPOSITORY_MISSING: N_(
        "There is no Git repository at %(url)s, or the credentials do not have access to it."
    ),
    Code.SOURCE_NOT_GIT: N_("%(url)s does not answer as a Git server (smart HTTP)."),
    Code.SOURCE_HOST_KEY_MISSING: N_(
        "No host key is pinned. %(host)s presented %(key)s (%(fingerprint)s). Compare the fingerprint with "
        "what the server's operator publishes, then enter the key."
    ),
    Code.SOURCE_HOST_KEY_CHANGED: N_(
        "%(host)s presented another host key than the pinned one: %(fingerprint)s. Nothing was sent to it. "
        "Somebody may be intercepting the connection, or the server has a new key."
    ),
    Code.SOURCE_HOST_KEY_INVALID: N_(
        "The host key cannot be read. Enter it as in known_hosts: ssh-ed25519 AAAA…"
    ),
    Code.SOURCE_KEY_UNREADABLE: N_(
        "The private key cannot be read. Enter an OpenSSH or PEM key (Ed25519, ECDSA or RSA) without a "
        "passphrase."
    ),
    Code.SOURCE_REF_MISSING: N_("The repository has no branch or tag %(name)s."),
    Code.SOURCE_REFS_MISSING: N_("No branch or tag of the repository matches %(refs)s."),
    Code.SOURCE_TOO_MANY_REFS: N_("The server lists more than %(limit)s branches and tags."),
    Code.SOURCE_TRANSFER_TOO_LARGE: N_("The source sends more than %(limit)s MB."),
    Code.SOURCE_TOO_MANY_FILES: N_("The source has more than %(limit)s files or folders."),
    Code.SOURCE_FILE_TOO_LARGE: N_("%(path)s is larger than %(limit)s MB."),
    Code.SOURCE_UNPACKED_TOO_LARGE: N_("The files of the source have more than %(limit)s MB unpacked."),
    Code.SOURCE_PACKED_TOO_TIGHTLY: N_("The archive unpacks to more than %(ratio)s times its size."),
    Code.SOURCE_TIMED_OUT: N_("The fetch took longer than %(seconds)s seconds and was stopped."),
    Code.SOURCE_OUT_OF_MEMORY: N_(
        "Unpacking the source needs more memory or computing time than it may use (%(limit)s MB)."
    ),
    Code.SOURCE_LINK: N_("%(path)s is a link. A template set may contain only regular files."),
    Code.SOURCE_SUBMODULE: N_("%(path)s is a submodule. A template set may contain only regular files."),
    Code.SOURCE_LFS_POINTER: N_(
        "%(path)s is in Git LFS, so the repository has only a pointer to it. Store the file itself."
    ),
    Code.SOURCE_NOT_A_FILE: N_("%(path)s is neither a regular file nor a folder."),
    Code.SOURCE_NAME_NOT_ALLOWED: N_("The file name %(path)s is not allowed."),
    Code.SOURCE_NAMES_COLLIDE: N_("%(path)s and %(other)s have the same name on some systems. Rename one."),
    Code.SOURCE_INCOMPLETE: N_("The server did not send what it announced: %(why)s."),
    Code.SOURCE_ARCHIVE_INVALID: N_("The archive cannot be read: %(why)s. Use zip, tar or tar.gz."),
    Code.SOURCE_ARCHIVE_ENCRYPTED: N_("The archive is encrypted."),
    Code.SOURCE_FOLDER_MISSING: N_("The source has no folder %(path)s."),
    Code.SOURCE_OUTSIDE: N_("%(path)s lies outside of the source."),
    Code.SOURCE_FAILED: N_("The fetch failed: %(why)s."),
}
