"""Anthropic Messages: POST /v1/messages."""

import re
from collections.abc import Iterator, Mapping

from . import anthropic_refusal
from .dialect import (
    Answer,
    Call,
    Refusal,
    Refused,
    Room,
    Tool,
    ToolCall,
    event,
    input_tokens,
)
from .document import Document, child, encode, items, text, texts, whole
from .picture import images, sampling

FOLDER = re.compile(r"^\W*(?:CWD|(?:Primary )?[Ww]orking directory): *(/.*?) *$", re.MULTILINE)


class AnthropicMessages:
    """The dialect of the claude client."""

    provider = "claude"

    def key(self, headers: Mapping[str, str]) -> str:
        """Return the key of x-api-key, or the bearer token."""
        return headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")

    def read(self, path: str, body: Document, size: int) -> Call:
        """Understand a Messages request.

        One that offers no tools and asks for a JSON schema is a side request: a session's title.
        """
        del path
        messages = items(body, "messages")
        users = [message for message in messages if message.get("role") == "user"]
        prompt = "\n".join(part for message in users for part in texts(message.get("content")))
        system = "\n".join(texts(body.get("system")))
        results = [
            block
            for message in users
            for block in items(message, "content")
            if block.get("type") == "tool_result"
        ]
        tools = frozenset(text(tool, "name") for tool in items(body, "tools"))
        folder = FOLDER.search(system) or FOLDER.search(prompt)
        return Call(
            provider=self.provider,
            model=text(body, "model"),
            stream=body.get("stream") is True,
            prompt=prompt,
            system=system,
            input_tokens=input_tokens(size),
            max_output_tokens=whole(body, "max_tokens"),
            main=bool(tools) or not child(body, "output_config").get("format"),
            tool_results=len(results),
            tools=tools,
            images=images(messages),
            sampling=sampling(body, ("temperature", "top_p")),
            folder=folder[1] if folder else "",
        )

    def reply(self, call: Call, answer: Answer) -> Document:
        """Return a Message."""
        content: list[Document] = [{"type": "text", "text": answer.text}] if answer.text else []
        content += [
            {
                "type": "tool_use",
                "id": _tool_id(answer, place),
                "name": tool.name,
                "input": tool.arguments,
            }
            for place, tool in enumerate(answer.tools)
        ]
        message = {**_message(call, answer), "content": content, "stop_reason": _stop(answer)}
        if answer.usage is not None:
            message["usage"] = _usage(answer)
        return message

    def events(self, call: Call, answer: Answer) -> Iterator[bytes]:
        """Yield message_start, the content blocks, message_delta and message_stop."""
        usage = {"usage": {**_usage(answer), "output_tokens": 1}} if answer.usage else {}
        yield event(
            {"type": "message_start", "message": {**_message(call, answer), **usage}},
            "message_start",
        )
        blocks: list[tuple[Document, list[Document]]] = []
        if answer.text:
            deltas: list[Document] = [
                {"type": "text_delta", "text": piece} for piece in answer.pieces
            ]
            blocks.append(({"type": "text", "text": ""}, deltas))
        for place, tool in enumerate(answer.tools):
            start: Document = {
                "type": "tool_use",
                "id": _tool_id(answer, place),
                "name": tool.name,
                "input": {},
            }
            blocks.append(
                (
                    start,
                    [{"type": "input_json_delta", "partial_json": encode(tool.arguments).decode()}],
                )
            )
        for index, (start, deltas) in enumerate(blocks):
            opening = {"type": "content_block_start", "index": index, "content_block": start}
            yield event(opening, "content_block_start")
            for delta in deltas:
                yield event(
                    {"type": "content_block_delta", "index": index, "delta": delta},
                    "content_block_delta",
                )
            yield event({"type": "content_block_stop", "index": index}, "content_block_stop")
        ending: Document = {
            "type": "message_delta",
            "delta": {"stop_reason": _stop(answer), "stop_sequence": None},
        }
        if answer.usage is not None:
            ending["usage"] = _usage(answer)
        yield event(ending, "message_delta")
        yield event({"type": "message_stop"}, "message_stop")

    def refuse(self, refusal: Refusal) -> Refused:
        """Return Anthropic's error."""
        return anthropic_refusal.refuse(refusal)

    def room_headers(self, room: Room) -> dict[str, str]:
        """Return Anthropic's rate-limit headers."""
        return anthropic_refusal.room_headers(room)

    def edit(self, call: Call, tool: Tool) -> tuple[ToolCall, ...]:
        """Edit replaces (after a Read) or creates a file, else Write creates it."""
        path = tool.path if tool.path.startswith("/") else f"{call.folder}/{tool.path}"
        old = tool.old or ""
        edit = ToolCall("Edit", {"file_path": path, "old_string": old, "new_string": tool.content})
        if tool.old is not None:
            known = {"Edit", "Read"} <= call.tools
            return (ToolCall("Read", {"file_path": path}), edit) if known else ()
        if "Edit" in call.tools:
            return (edit,)
        write = ToolCall("Write", {"file_path": path, "content": tool.content})
        return (write,) if "Write" in call.tools else ()


def _message(call: Call, answer: Answer) -> Document:
    return {
        "id": f"msg_sim{answer.number:08d}",
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _usage(answer: Answer) -> Document:
    if answer.usage is None:
        return {}
    return {
        "input_tokens": answer.usage.input_tokens - answer.usage.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": answer.usage.cached_tokens,
        "output_tokens": answer.usage.output_tokens,
    }


def _stop(answer: Answer) -> str:
    if answer.tools:
        return "tool_use"
    return "max_tokens" if answer.cut else "end_turn"


def _tool_id(answer: Answer, place: int) -> str:
    return f"toolu_sim{answer.number:08d}{place}"
