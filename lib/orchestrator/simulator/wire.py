"""Send a reply over a connection: at once, slowly, partly or not at all."""

import os
import select
import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus

from .document import encode

NOW = struct.pack("ii", 1, 0)
PARTS = 16
POLL_S = 0.5


@dataclass(frozen=True)
class Manner:
    """How a reply is sent; all times are seconds."""

    silence_s: float = 0.0
    hang: bool = False
    hang_in_body_s: float = 0.0
    reset: bool = False
    reset_in_body: bool = False
    cut: bool = False
    chunk_s: float = 0.0
    head_byte_s: float = 0.0


@dataclass(frozen=True)
class Reply:
    """A status, headers and the body in chunks; length None if not known beforehand."""

    status: int
    headers: dict[str, str]
    chunks: Iterable[bytes]
    length: int | None = None
    manner: Manner = field(default_factory=Manner)


def json_reply(status: int, value: object, headers: dict[str, str] | None = None) -> Reply:
    """Return a JSON body with its length."""
    return bytes_reply(
        status, encode(value), {"content-type": "application/json", **(headers or {})}
    )


def bytes_reply(status: int, body: bytes, headers: dict[str, str]) -> Reply:
    """Return a body in at most 16 chunks with its length."""
    size = max(1, -(-len(body) // PARTS))
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    return Reply(status, headers, chunks, len(body))


def send(
    connection: socket.socket, reply: Reply, *, chunked: bool, keep: bool, body: bool = True
) -> bool:
    """Send a reply; returns whether the connection can carry another request.

    Raises OSError when the client went away.
    """
    manner = reply.manner
    if manner.silence_s and not wait(connection, manner.silence_s):
        return False
    if manner.hang or manner.reset:
        return _reset(connection) if manner.reset else False
    chunked = chunked and reply.length is None
    keep = keep and (chunked or reply.length is not None) and not manner.cut
    if not _send_slowly(connection, _head(reply, chunked=chunked, keep=keep), manner.head_byte_s):
        return False
    if manner.hang_in_body_s:
        wait(connection, manner.hang_in_body_s)
        return False
    return keep if not body else _send_body(connection, reply, chunked=chunked) and keep


def _send_slowly(connection: socket.socket, head: bytes, byte_s: float) -> bool:
    """Send the head byte by byte if a byte takes time; False when the client goes away."""
    if not byte_s:
        connection.sendall(head)
        return True
    for byte in head:
        connection.sendall(bytes([byte]))
        if not wait(connection, byte_s):
            return False
    return True


def _send_body(connection: socket.socket, reply: Reply, *, chunked: bool) -> bool:
    """Send the chunks; False when the connection is of no more use."""
    manner = reply.manner
    for chunk in _half(reply) if manner.cut or manner.reset_in_body else reply.chunks:
        framed = b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk
        if chunk:
            connection.sendall(framed)
        if manner.chunk_s and not wait(connection, manner.chunk_s):
            return False
    if manner.reset_in_body:
        return _reset(connection)
    if chunked:
        connection.sendall(b"0\r\n\r\n")
    return True


def wait(connection: socket.socket, seconds: float) -> bool:
    """Wait, and return False as soon as the client goes away."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if not select.select([connection], [], [], min(left, POLL_S))[0]:
            continue
        if not connection.recv(1, socket.MSG_PEEK):
            return False
        time.sleep(min(left, POLL_S))
    return True


def _head(reply: Reply, *, chunked: bool, keep: bool) -> bytes:
    reason = (
        HTTPStatus(reply.status).phrase
        if reply.status in HTTPStatus.__members__.values()
        else "Overloaded"
    )
    headers = {"date": formatdate(usegmt=True), "server": "simulator", **reply.headers}
    if chunked:
        headers["transfer-encoding"] = "chunked"
    elif reply.length is not None:
        headers["content-length"] = str(reply.length)
    headers["connection"] = "keep-alive" if keep else "close"
    lines = [
        f"HTTP/1.1 {reply.status} {reason}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _half(reply: Reply) -> list[bytes]:
    chunks = list(reply.chunks)
    return chunks[: max(1, len(chunks) // 2)]


def _reset(connection: socket.socket) -> bool:
    """Close so that the peer receives RST instead of an end of file."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NOW)
    os.close(connection.detach())
    return False
