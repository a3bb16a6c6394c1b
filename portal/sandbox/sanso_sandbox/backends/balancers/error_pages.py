"""The responses that a load balancer generates itself, in ELB's format."""

from http import HTTPStatus

SERVER = "awselb/2.0"
OWN = {503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}


def phrase(code: int) -> str:
    """Return ELB's reason phrase of a status code; empty for an unknown code."""
    if code in OWN:
        return OWN[code]
    return HTTPStatus(code).phrase if code in HTTPStatus._value2member_map_ else ""


def page(code: int) -> str:
    """Return the page of an error."""
    return (
        f"<html>\r\n<head><title>{code} {phrase(code)}</title></head>\r\n<body>\r\n"
        f"<center><h1>{code} {phrase(code)}</h1></center>\r\n</body>\r\n</html>\r\n"
    )


def response(code: int) -> bytes:
    """Return a complete response with the page of an error."""
    content = page(code).encode()
    lines = [
        f"HTTP/1.1 {code} {phrase(code)}",
        f"Server: {SERVER}",
        "Content-Type: text/html",
        f"Content-Length: {len(content)}",
        "Connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + content
