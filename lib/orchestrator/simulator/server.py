"""Serve the simulated upstream over HTTP/1.1 on a loopback address."""

import gzip
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from socketserver import TCPServer

from . import control, reports
from .dialect import input_tokens
from .upstream import Upstream, dialect_of
from .wire import Reply, json_reply, send

LARGEST_BODY = 32 * 1024 * 1024
NOT_FOUND = {"error": {"type": "not_found_error", "message": "Not found", "code": 404}}
TOO_LARGE = {
    "error": {
        "type": "request_too_large",
        "message": "Request exceeds the maximum size",
        "code": 413,
    }
}


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "Server"

    def do_POST(self) -> None:
        """Answer a model call, or change the scenario."""
        body = self._body()
        if body is None:
            self._send(json_reply(413, TOO_LARGE))
            self.close_connection = True
            return
        path = self.path.partition("?")[0]
        if path == "/v1/messages/count_tokens":
            self._send(json_reply(200, {"input_tokens": input_tokens(len(body))}))
        elif (dialect := dialect_of(path)) is not None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply, record = self.server.upstream.answer(dialect, self.path, headers, body)
            record.complete = self._send(reply)
        else:
            self._send(control.post(self.server.upstream, path, body) or json_reply(404, NOT_FOUND))

    def do_GET(self) -> None:
        """Show the books or the models."""
        anthropic = "anthropic-version" in self.headers
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = reports.get(self.server.upstream, self.path, headers)
        reply = reply or control.get(self.server.upstream, self.path, anthropic=anthropic)
        if self.headers.get("upgrade", "").lower() == "websocket":
            reply = json_reply(426, NOT_FOUND)
        self._send(reply or json_reply(404, NOT_FOUND))

    def do_HEAD(self) -> None:
        """Answer a look at whether the host is there."""
        self._send(json_reply(200, {}))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing: the books hold every request."""

    def _send(self, reply: Reply) -> bool:
        """Send a reply; returns whether the client took all of it."""
        chunked = self.request_version != "HTTP/1.0"
        keep = not self.close_connection
        try:
            kept = send(
                self.connection, reply, chunked=chunked, keep=keep, body=self.command != "HEAD"
            )
        except OSError:
            self.close_connection = True
            return False
        self.close_connection = not kept
        return kept or not keep

    def _body(self) -> bytes | None:
        """Read the request's body; None when it is larger than 32 MiB."""
        size = self.headers.get("content-length", "0")
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            parts, total = [], 0
            for part in self._chunks():
                total += len(part)
                if total > LARGEST_BODY:
                    return None
                parts.append(part)
            body = b"".join(parts)
        elif not size.isdigit() or int(size) > LARGEST_BODY:
            return None
        else:
            body = self.rfile.read(int(size))
        return gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(64).partition(b";")[0].strip() or b"0", 16):
            yield self.rfile.read(size)
            self.rfile.readline(64)
        while self.rfile.readline(4096).strip():
            pass


class Server(ThreadingHTTPServer):
    """A listener on a loopback address; port 0 takes any free one."""

    daemon_threads = True
    request_queue_size = 512
    allow_reuse_address = True

    def __init__(self, host: str, port: int, upstream: Upstream) -> None:
        """Raises ValueError for an address that is not loopback, OSError for a taken port."""
        if not ip_address("127.0.0.1" if host == "localhost" else host).is_loopback:
            message = f"{host}: not a loopback address"
            raise ValueError(message)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.upstream = upstream
        super().__init__((host, port), Handler)

    @property
    def url(self) -> str:
        """Return the base URL."""
        host, port = self.server_address[:2]
        name = f"[{host!s}]" if self.address_family == socket.AF_INET6 else str(host)
        return f"http://{name}:{port}"

    def server_bind(self) -> None:
        """Bind without asking the resolver for the host's name."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing when a client breaks its connection."""
