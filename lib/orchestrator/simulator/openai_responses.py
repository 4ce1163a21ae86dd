"""OpenAI Responses: POST /v1/responses."""

import json
import shlex
from collections.abc import Iterator, Mapping

from . import openai_refusal
from .dialect import Answer, Call, Refusal, Refused, Room, Tool, ToolCall, event, input_tokens
from .document import Document, encode, items, text, texts, whole
from .picture import images, sampling

TEXT_TYPES = ("input_text", "output_text", "text")
RESULT_TYPES = frozenset({"function_call_output", "custom_tool_call_output"})
SCRIPT = "const run = await tools.exec_command(ARGUMENTS);\ntext(run.output);\n"
REPLACE = 'f=$(cat -- "$1"; printf x); f=${f%x}; printf %s "${f/"$2"/"$3"}" >"$1"'


class OpenAIResponses:
    """The dialect of the codex client."""

    provider = "codex"

    def key(self, headers: Mapping[str, str]) -> str:
        """Return the bearer token."""
        return headers.get("authorization", "").removeprefix("Bearer ")

    def read(self, path: str, body: Document, size: int) -> Call:
        """Understand a request; tools may stand in an additional_tools item of its input."""
        del path
        given = body.get("input")
        entries = items(body, "input")
        users = [entry for entry in entries if entry.get("role") == "user"]
        others = [entry for entry in entries if entry.get("role") in {"developer", "system"}]
        prompt = [part for entry in users for part in texts(entry.get("content"), TEXT_TYPES)]
        system = [part for entry in others for part in texts(entry.get("content"), TEXT_TYPES)]
        offers = [body, *(entry for entry in entries if entry.get("type") == "additional_tools")]
        return Call(
            provider=self.provider,
            model=text(body, "model"),
            stream=body.get("stream") is True,
            prompt=given if isinstance(given, str) else "\n".join(prompt),
            system="\n".join([*texts(body.get("instructions")), *system]),
            input_tokens=input_tokens(size),
            max_output_tokens=whole(body, "max_output_tokens"),
            tool_results=sum(entry.get("type") in RESULT_TYPES for entry in entries),
            images=images(entries),
            sampling=sampling(body, ("temperature", "top_p", "presence_penalty")),
            tools=frozenset(name for offer in offers for name in _names(offer)),
        )

    def reply(self, call: Call, answer: Answer) -> Document:
        """Return a Response."""
        status = "incomplete" if answer.cut else "completed"
        return {**_response(call, answer, status), "output": _output(answer)}

    def events(self, call: Call, answer: Answer) -> Iterator[bytes]:
        """Yield response.created, the output items and response.completed."""
        number = 0

        def numbered(data: Document) -> bytes:
            nonlocal number
            number += 1
            return event({**data, "sequence_number": number - 1}, text(data, "type"))

        for name in ("created", "in_progress"):
            yield numbered(
                {"type": f"response.{name}", "response": _response(call, answer, "in_progress")}
            )
        for index, item in enumerate(_output(answer)):
            place: Document = {"output_index": index, "item_id": item["id"], "content_index": 0}
            opening = {
                **item,
                "status": "in_progress",
                **({"content": []} if "content" in item else {}),
            }
            yield numbered(
                {"type": "response.output_item.added", "output_index": index, "item": opening}
            )
            if item["type"] == "message":
                part: Document = {"type": "output_text", "text": "", "annotations": []}
                yield numbered({"type": "response.content_part.added", **place, "part": part})
                for piece in answer.pieces:
                    yield numbered({"type": "response.output_text.delta", **place, "delta": piece})
                yield numbered({"type": "response.output_text.done", **place, "text": answer.text})
                part = {**part, "text": answer.text}
                yield numbered({"type": "response.content_part.done", **place, "part": part})
            yield numbered(
                {"type": "response.output_item.done", "output_index": index, "item": item}
            )
        whole_reply = self.reply(call, answer)
        yield numbered({"type": f"response.{whole_reply['status']}", "response": whole_reply})

    def refuse(self, refusal: Refusal) -> Refused:
        """Return OpenAI's error."""
        return openai_refusal.refuse(refusal)

    def room_headers(self, room: Room) -> dict[str, str]:
        """Return OpenAI's rate-limit headers."""
        return openai_refusal.room_headers(room)

    def edit(self, call: Call, tool: Tool) -> tuple[ToolCall, ...]:
        """A shell command for exec_command, or for the JavaScript exec tool where only that is."""
        command: Document = {"cmd": _command(tool)}
        if "exec_command" in call.tools:
            return (ToolCall("exec_command", command),)
        script = SCRIPT.replace("ARGUMENTS", json.dumps(command))
        return (ToolCall("exec", {}, source=script),) if "exec" in call.tools else ()


def _command(tool: Tool) -> str:
    if tool.old is None:
        return f"printf %s {shlex.quote(tool.content)} >{shlex.quote(tool.path)}"
    return shlex.join(["bash", "-c", REPLACE, "edit", tool.path, tool.old, tool.content])


def _names(offer: Document) -> Iterator[str]:
    for tool in items(offer, "tools"):
        if tool.get("type") == "namespace":
            space = text(tool, "name")
            yield from (n if space == "functions" else f"{space}.{n}" for n in _names(tool))
        else:
            yield text(tool, "name") or text(tool, "type")


def _response(call: Call, answer: Answer, status: str) -> Document:
    usage: Document | None = None
    if answer.usage is not None and status != "in_progress":
        usage = {
            "input_tokens": answer.usage.input_tokens,
            "input_tokens_details": {"cached_tokens": answer.usage.cached_tokens},
            "output_tokens": answer.usage.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": answer.usage.input_tokens + answer.usage.output_tokens,
        }
    return {
        "id": f"resp_sim{answer.number:08d}",
        "object": "response",
        "created_at": 0,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "model": call.model,
        "output": [],
        "usage": usage,
    }


def _output(answer: Answer) -> list[Document]:
    output: list[Document] = []
    if answer.text:
        content = [{"type": "output_text", "text": answer.text, "annotations": []}]
        message: Document = {
            "type": "message",
            "role": "assistant",
            "content": content,
            "status": "completed",
        }
        output.append({"id": f"msg_sim{answer.number:08d}", **message})
    for place, tool in enumerate(answer.tools):
        call_id = f"call_sim{answer.number:08d}{place}"
        space, _, name = tool.name.rpartition(".")
        item: Document = {
            "id": f"fc_{call_id}",
            "call_id": call_id,
            "name": name,
            "status": "completed",
            **({"namespace": space} if space else {}),
        }
        if tool.source is not None:
            item |= {"id": f"ctc_{call_id}", "type": "custom_tool_call", "input": tool.source}
        else:
            item |= {"type": "function_call", "arguments": encode(tool.arguments).decode()}
        output.append(item)
    return output
