"""A server that violates Git's protocol in ways that tests choose, and objects that Git would not write."""

from __future__ import annotations

import hashlib
import struct
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.git_server import AUTHOR, AUTHORED, LOOPBACK

COMMIT, TREE, BLOB, OFS_DELTA = 1, 2, 3, 6
NAMES = {COMMIT: b"commit", TREE: b"tree", BLOB: b"blob"}
ADVERTISED = "application/x-git-upload-pack-advertisement"
RESULT = "application/x-git-upload-pack-result"
SEGMENT = 1_000_000


def object_id(kind: int, body: bytes) -> str:
    """Return the id of an object."""
    return hashlib.sha1(b"%s %d\0%s" % (NAMES[kind], len(body), body)).hexdigest()


def tree(*entries: tuple[str, bytes, str]) -> bytes:
    """Return a tree of (mode, name, id)."""
    return b"".join(b"%s %s\0%s" % (mode.encode(), name, bytes.fromhex(sha)) for mode, name, sha in entries)


def commit(tree_id: str) -> bytes:
    """Return a commit without a parent."""
    who = f"{AUTHOR} {AUTHORED} +0900"
    return f"tree {tree_id}\nauthor {who}\ncommitter {who}\n\nHostile\n".encode()


def packed(kind: int, body: bytes) -> bytes:
    """Return an object in its pack format."""
    return header(kind, len(body)) + zlib.compress(body)


def header(kind: int, size: int) -> bytes:
    """Return an object's header in a pack: its kind and size."""
    first, size = kind << 4 | size & 15, size >> 4
    found = bytearray()
    while size:
        found.append(first | 128)
        first, size = size & 127, size >> 7
    return bytes([*found, first])


def zeros(size: int) -> bytes:
    """Return a zlib stream of zeros, without compressing them one by one. Its checksum is wrong."""
    compressor = zlib.compressobj()
    start = compressor.compress(bytes(SEGMENT)) + compressor.flush(zlib.Z_FULL_FLUSH)
    following = compressor.compress(bytes(SEGMENT)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return start + following * (size // SEGMENT - 1) + b"\x03\x00" + bytes(4)


def pack(*objects: bytes, count: int | None = None) -> bytes:
    """Return a pack of objects; `count` overrides the number that its header declares."""
    body = b"PACK" + struct.pack(">II", 2, len(objects) if count is None else count) + b"".join(objects)
    return body + hashlib.sha1(body).digest()


def line(text: bytes) -> bytes:
    """Return a pkt-line of the protocol."""
    return b"%04x%s" % (len(text) + 4, text)


def listing(refs: Mapping[str, str]) -> bytes:
    """Return the list of refs as a server with the first version of the protocol sends it."""
    lines = [f"{sha} {ref}\n".encode() for ref, sha in refs.items()]
    lines[0] = lines[0].rstrip(b"\n") + b"\0shallow agent=hostile\n"
    return line(b"# service=git-upload-pack\n") + b"0000" + b"".join(map(line, lines)) + b"0000"


def sent(commit_id: str, body: bytes) -> bytes:
    """Return the response with a pack."""
    return line(f"shallow {commit_id}".encode()) + b"0000" + line(b"NAK\n") + body


class Hostile(ThreadingHTTPServer):
    """Responds to GET with `refs` and to POST with `answer`; both yield the response piece by piece."""

    daemon_threads = True
    refs: Callable[[], Iterable[bytes]]
    answer: Callable[[], Iterable[bytes]]

    def __init__(self) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.redirect, self.moved = "", "/"
        self.refs = self.answer = lambda: [b""]
        self.headers: dict[str, str] = {}
        self.received: list[str] = []
        self.url = f"http://{LOOPBACK}:{self.server_port}/set.git"

    def serve(self, *objects: tuple[int, bytes], files: str | None = None) -> None:
        """Serve a commit in a valid pack: the last object, or a new commit of the tree with id `files`."""
        whole = [*objects, (COMMIT, commit(files))] if files else list(objects)
        tip = object_id(*whole[-1])
        self.send({"refs/heads/main": tip}, sent(tip, pack(*(packed(*one) for one in whole))))

    def send(self, refs: Mapping[str, str], answer: bytes) -> None:
        """Serve refs, and any response to the request for a pack."""
        self.refs, self.answer = lambda: [listing(refs)], lambda: [answer]


class _Handler(BaseHTTPRequestHandler):
    server: Hostile

    def do_GET(self) -> None:
        self.respond(ADVERTISED, self.server.refs)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.respond(RESULT, self.server.answer)

    def respond(self, content_type: str, body: Callable[[], Iterable[bytes]]) -> None:
        self.server.received.append(f"{self.path} {self.headers.get('Authorization', '')}")
        if self.server.redirect and self.path.startswith(self.server.moved):
            self.send_response(302)
            self.send_header("Location", self.server.redirect)
            self.end_headers()
            return
        self.send_response(200)
        for name, value in ({"Content-Type": content_type} | self.server.headers).items():
            self.send_header(name, value)
        self.end_headers()
        try:
            for piece in body():
                self.wfile.write(piece)
                self.wfile.flush()
        except OSError:  # the fetch was stopped
            self.close_connection = True

    def log_message(self, *_arguments: object) -> None:
        """Log nothing."""


@contextmanager
def hostile_server() -> Iterator[Hostile]:
    """Run a hostile server until the end of the block."""
    server = Hostile()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
