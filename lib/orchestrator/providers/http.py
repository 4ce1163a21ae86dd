"""One request with streamed answer: total deadline, silence limits, size caps, no redirects.

requests' own timeout is per read and its retries are none of ours; a worker thread reads and the
caller waits on a queue, so that a slow name server, slow headers or a slow body can't outlast the
deadline.
"""

from __future__ import annotations

import queue
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from orchestrator import records as r
from orchestrator.errors import TryLaterError
from orchestrator.providers.process import TICK_S, Deadlines
from orchestrator.records import Failure

MAX_BODY = 64 * 1024 * 1024
MAX_REFUSAL = 64 * 1024
CONNECT_S = 10.0
CHUNK = 65_536
QUEUED = 16  # chunks that may wait: 1 MiB


class Chunk(NamedTuple):
    """The `head` (status and headers), `data`, the `end`, a `tick`, or a `failure`."""

    kind: str
    data: bytes = b""
    status: int = 0
    headers: Mapping[str, str] = {}
    failure: Failure | None = None


class Request(NamedTuple):
    """What to send; `trust` is a file or folder of certificates in place of the shipped ones."""

    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    trust: str | None = None
    method: str = "POST"


def exchange(request: Request, deadlines: Deadlines) -> Iterator[Chunk]:
    """Yield the answer as it comes; the last chunk is an `end` or a `failure`."""
    heard: queue.Queue[Chunk] = queue.Queue(maxsize=QUEUED)
    abandoned = threading.Event()
    worker = threading.Thread(
        target=_work, args=(request, deadlines, heard, abandoned), daemon=True
    )
    try:
        worker.start()
    except RuntimeError as error:
        yield _failed(r.OVERLOADED, str(error), sent=False)
        return
    last, first = time.monotonic(), True
    try:
        while True:
            now = time.monotonic()
            if now >= deadlines.end:
                yield _failed(r.TIMEOUT, "the deadline passed")
                return
            if now - last >= (deadlines.first_byte_s if first else deadlines.idle_s):
                yield _failed(r.STALLED, f"{now - last:.0f} s without a byte")
                return
            try:
                chunk = heard.get(timeout=min(TICK_S, max(0.001, deadlines.end - now)))
            except queue.Empty:
                yield Chunk("tick")
                continue
            last, first = time.monotonic(), first and chunk.kind == "head"
            yield chunk
            if chunk.kind in ("end", "failure"):
                return
    finally:
        abandoned.set()


def whole(request: Request, deadlines: Deadlines, most_bytes: int) -> tuple[int, bytes]:
    """Return status and body of a brief answer; raises TryLaterError, which names no key."""
    status, body = 0, bytearray()
    for chunk in exchange(request, deadlines):
        if chunk.kind == "head":
            status = chunk.status
        body += chunk.data
        if chunk.failure is not None:
            raise TryLaterError(chunk.failure.message)
        if len(body) > most_bytes:
            raise TryLaterError(f"the answer is larger than {most_bytes} bytes")
    return status, bytes(body)


def _work(
    request: Request,
    deadlines: Deadlines,
    heard: queue.Queue[Chunk],
    abandoned: threading.Event,
) -> None:
    import requests  # 84 ms: only a call over HTTP pays for it

    def tell(chunk: Chunk) -> None:
        while not abandoned.is_set():
            try:
                heard.put(chunk, timeout=TICK_S)
                return
            except queue.Full:
                continue

    session = requests.Session()
    session.trust_env = False  # no .netrc: it would add what nobody asked for
    # Who waits on the queue decides what a silence means; this only frees the thread afterwards.
    silence = max(deadlines.first_byte_s, deadlines.idle_s)
    wait = (CONNECT_S, 1 + max(0.0, min(silence, deadlines.end - time.monotonic())))
    try:
        session.proxies.update(requests.utils.get_environ_proxies(request.url))
        with session.request(
            request.method,
            request.url,
            data=request.body,
            headers={**request.headers, "accept-encoding": "identity"},
            stream=True,
            allow_redirects=False,
            timeout=wait,
            verify=request.trust or True,
        ) as reply:
            told = {name.lower(): value for name, value in reply.headers.items()}
            tell(Chunk("head", status=reply.status_code, headers=told))
            if told.get("content-encoding", "identity") != "identity":
                tell(_failed(r.NETWORK, "it answered compressed, which was not asked for"))
                return
            _read_body(reply, tell, abandoned)
    except requests.exceptions.SSLError as error:
        sent = not isinstance(_innermost(error), ssl.SSLCertVerificationError)
        tell(_failed(r.NETWORK, f"TLS failed: {_told(error)}", sent=sent))
    except requests.exceptions.ConnectTimeout:
        tell(_failed(r.NETWORK, "the connection could not be made in time", sent=False))
    except requests.exceptions.ReadTimeout:
        tell(_failed(r.STALLED, "it went silent"))
    except (requests.exceptions.InvalidHeader, UnicodeEncodeError):
        # Their text would hold the key.
        tell(_failed(r.AUTH, "the key has characters that no header can carry", sent=False))
    except (requests.exceptions.RequestException, OSError, ValueError) as error:
        tell(_failed(r.NETWORK, _told(error), sent=_was_sent(error)))
    finally:
        session.close()


def _read_body(reply: Any, tell: Any, abandoned: threading.Event) -> None:
    from urllib3.exceptions import HTTPError  # comes with requests

    total, cap = 0, MAX_BODY if reply.status_code == 200 else MAX_REFUSAL
    try:
        while not abandoned.is_set():
            data = reply.raw.read1(CHUNK, decode_content=False)
            if not data:
                tell(Chunk("end"))
                return
            total += len(data)
            if total > cap:
                if reply.status_code == 200:
                    tell(_failed(r.NETWORK, f"the body is larger than {cap} bytes"))
                else:
                    tell(Chunk("end"))
                return
            tell(Chunk("data", data))
    except (HTTPError, OSError) as error:
        tell(_failed(r.NETWORK, f"the body broke off: {_told(error)}"))


def _failed(kind: str, message: str, *, sent: bool = True) -> Chunk:
    return Chunk("failure", failure=Failure(kind, message, sent=sent))


def _was_sent(error: BaseException) -> bool:
    """Tell whether a request may have reached the upstream; no name, no route, no address: no."""
    import requests
    from urllib3.exceptions import NewConnectionError

    if not isinstance(error, requests.exceptions.ConnectionError):
        return isinstance(error, requests.exceptions.ChunkedEncodingError)
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return not isinstance(reason, NewConnectionError)


def _innermost(error: BaseException) -> BaseException:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return error


def _told(error: BaseException) -> str:
    """Name the innermost cause; its text may hold the address but never the key."""
    cause = _innermost(error)
    return f"{type(cause).__name__}: {' '.join(str(cause).split())[:200]}"
