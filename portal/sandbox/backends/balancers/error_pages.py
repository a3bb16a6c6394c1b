"""What a load balancer answers by itself, in ELB's form."""

from http import HTTPStatus

SERVER = "awselb/2.0"
OWN = {503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}


def phrase(code: int) -> str:
    """Tell the words of a status code as ELB spells them; none for a code that nobody knows."""
    if code in OWN:
        return OWN[code]
    return HTTPStatus(code).phrase if code in HTTPStatus._value2member_map_ else ""


def page(code: int) -> str:
    """Spell the page of an error."""
    return (
        f"<html>\r\n<head><title>{code} {phrase(code)}</title></head>\r\n<body>\r\n"
        f"<center><h1>{code} {phrase(code)}</h1></center>\r\n</body>\r\n</html>\r\n"
    )


def answer(code: int, *more: str, text: str = "", kind: str = "text/html") -> bytes:
    """Spell a whole answer, the error's page unless there is a text."""
    content = (text or page(code)).encode()
    lines = [
        f"HTTP/1.1 {code} {phrase(code)}",
        f"Server: {SERVER}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(content)}",
        "Connection: close",
        *more,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + content
