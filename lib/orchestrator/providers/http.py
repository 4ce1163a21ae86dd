"""One POST with streamed answer: total deadline, silence limits, size caps, no redirects.

requests' own timeout is per read and its retries are none of ours; a worker thread reads and the
caller waits on a queue, so that a slow name server, slow headers or a slow body can't outlast the
deadline.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from orchestrator import records as r
from orchestrator.providers.process import TICK_S, Deadlines
from orchestrator.records import Failure

MAX_BODY = 64 * 1024 * 1024
MAX_REFUSAL = 64 * 1024
CONNECT_S = 10.0
CHUNK = 65_536


class Chunk(NamedTuple):
    """The `head` (status and headers), `data`, the `end`, a `tick`, or a `failure`."""

    kind: str
    data: bytes = b""
    status: int = 0
    headers: Mapping[str, str] = {}
    failure: Failure | None = None


def post(
    url: str, headers: Mapping[str, str], body: bytes, deadlines: Deadlines
) -> Iterator[Chunk]:
    """Yield the answer to a POST as it comes; the last chunk is an `end` or a `failure`."""
    heard: queue.Queue[Chunk] = queue.Queue(maxsize=64)
    abandoned = threading.Event()
    worker = threading.Thread(
        target=_work, args=(url, headers, body, deadlines, heard, abandoned), daemon=True
    )
    worker.start()
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


def _work(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
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
    session.trust_env = False  # no .netrc, and no proxy the allow-list does not name
    wait = (CONNECT_S, max(0.1, min(deadlines.idle_s, deadlines.end - time.monotonic())))
    try:
        with session.post(
            url,
            data=body,
            headers={**headers, "accept-encoding": "identity"},
            stream=True,
            allow_redirects=False,
            timeout=wait,
        ) as reply:
            told = {name.lower(): value for name, value in reply.headers.items()}
            tell(Chunk("head", status=reply.status_code, headers=told))
            if told.get("content-encoding", "identity") != "identity":
                tell(_failed(r.NETWORK, "it answered compressed, which was not asked for"))
                return
            _read_body(reply, tell, abandoned)
    except requests.exceptions.SSLError as error:
        tell(_failed(r.NETWORK, f"TLS could not be verified: {_told(error)}"))
    except requests.exceptions.ConnectTimeout:
        tell(_failed(r.NETWORK, "the connection could not be made in time"))
    except requests.exceptions.ReadTimeout:
        tell(_failed(r.STALLED, "it went silent"))
    except (requests.exceptions.RequestException, OSError, ValueError) as error:
        tell(_failed(r.NETWORK, _told(error)))
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


def _failed(kind: str, message: str) -> Chunk:
    return Chunk("failure", failure=Failure(kind, message))


def _told(error: BaseException) -> str:
    """Name the innermost cause; its text may hold the address but never the key."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
