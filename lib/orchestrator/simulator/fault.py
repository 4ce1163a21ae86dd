"""Turn a scripted fault into a reply."""

import time
import zlib
from collections.abc import Iterator
from dataclasses import replace

from .dialect import Call, Dialect, Refusal, Usage
from .document import child, encode
from .scenario import Step
from .wire import Manner, Reply, bytes_reply, json_reply

ANSWERED = frozenset(
    {
        "hang_after_headers",
        "reset_in_body",
        "slow_body",
        "slow_headers",
        "truncated",
        "empty",
        "no_usage",
        "negative_usage",
    }
)
NEGATIVE = Usage(-5, 0, -3)
HOUR_S = 3600.0
DAY_S = 18 * 3600
BLOCK = 64 * 1024
GIBIBYTE = 1 << 30
HTML = b"<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>"


def spoil(step: Step, reply: Reply) -> Reply:
    """Return the reply of an answered fault, sent in the fault's manner."""
    manner = {
        "hang_after_headers": Manner(hang_in_body_s=step.number("seconds", HOUR_S)),
        "reset_in_body": Manner(reset_in_body=True),
        "slow_body": Manner(chunk_s=step.number("seconds_per_chunk", 1.0)),
        "slow_headers": Manner(head_byte_s=step.number("seconds_per_byte", 0.1)),
        "truncated": Manner(cut=True),
    }.get(step.kind, Manner())
    if step.kind == "truncated" and step.words("clean") == "True" and reply.length is not None:
        body = b"".join(reply.chunks)
        return bytes_reply(reply.status, body[: len(body) // 2], reply.headers)
    return replace(reply, manner=manner)


def replace_answer(step: Step, call: Call, dialect: Dialect) -> Reply:
    """Return the reply of a fault that comes instead of an answer."""
    if step.kind in {"status", "quota"}:
        return _refusal(step, call, dialect)
    return INSTEAD[step.kind](step)


def _hang(step: Step) -> Reply:
    return Reply(200, {}, (), 0, Manner(silence_s=step.number("seconds", HOUR_S), hang=True))


def _reset(step: Step) -> Reply:
    del step
    return Reply(200, {}, (), 0, Manner(reset=True))


def _html(step: Step) -> Reply:
    headers = {"content-type": "text/html; charset=utf-8"}
    return bytes_reply(int(step.number("status", 200)), HTML, headers)


def _empty_object(step: Step) -> Reply:
    del step
    return json_reply(200, {})


def _redirect(step: Step) -> Reply:
    headers = {"location": step.words("location") or "/"}
    return bytes_reply(int(step.number("status", 307)), b"", headers)


def _raw(step: Step) -> Reply:
    body = (step.options or {}).get("body", "")
    headers = {name.lower(): str(value) for name, value in child(step.options, "headers").items()}
    data = body.encode() if isinstance(body, str) else encode(body)
    return bytes_reply(int(step.number("status", 200)), data, headers)


def _big_body(step: Step) -> Reply:
    size = int(step.number("bytes", GIBIBYTE))
    return Reply(200, {"content-type": "application/json"}, _letters(size), size)


def _gzip_bomb(step: Step) -> Reply:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    return Reply(200, headers, _packed_letters(int(step.number("bytes", GIBIBYTE))))


def _refusal(step: Step, call: Call, dialect: Dialect) -> Reply:
    quota = step.kind == "quota"
    retry_after = step.words("retry_after")
    reset_at = int(step.number("reset_at", time.time() + DAY_S))
    if quota and retry_after is None and dialect.provider != "codex":
        retry_after = str(max(0, reset_at - int(time.time())))
    refused = dialect.refuse(
        Refusal(
            status=429 if quota else int(step.number("status", 500)),
            model=call.model,
            type=step.words("type") or ("quota" if quota else ""),
            input_tokens=call.input_tokens,
            retry_after=retry_after,
            retry_after_ms=step.words("retry_after_ms"),
            reset_at=reset_at,
        )
    )
    return json_reply(refused.status, refused.body, refused.headers)


def _letters(size: int) -> Iterator[bytes]:
    start, end = b'{"text":"', b'"}'
    left = max(0, size - len(start) - len(end))
    yield start
    block = b"a" * BLOCK
    while left:
        yield block[: min(left, BLOCK)]
        left -= min(left, BLOCK)
    yield end


def _packed_letters(size: int) -> Iterator[bytes]:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    for block in _letters(size):
        yield packer.compress(block)
    yield packer.flush()


INSTEAD = {
    "hang": _hang,
    "reset": _reset,
    "html": _html,
    "empty_object": _empty_object,
    "redirect": _redirect,
    "raw": _raw,
    "big_body": _big_body,
    "gzip_bomb": _gzip_bomb,
}
