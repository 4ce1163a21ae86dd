"""Gemini: POST /v1beta/models/M:generateContent and :streamGenerateContent?alt=sse."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from . import gemini_refusal
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
from .document import Document, child, items, text, texts, whole
from .picture import images, sampling

PATH = re.compile(r"/v1(?:beta|alpha)?/models/([^/:?]+):(generateContent|streamGenerateContent)$")
FOLDER = re.compile(r"Workspace Director(?:y|ies):\*\*\s*(?:- *)?(/.*?) *$", re.MULTILINE)


class GeminiContent:
    """The dialect of the gemini client."""

    provider = "gemini"

    def key(self, headers: Mapping[str, str]) -> str:
        """Return the key of x-goog-api-key."""
        return headers.get("x-goog-api-key", "")

    def read(self, path: str, body: Document, size: int) -> Call:
        """Understand a request; the model and whether to stream are in the path."""
        match = PATH.match(path)
        contents = items(body, "contents")
        users = [content for content in contents if content.get("role", "user") == "user"]
        parts = [part for content in users for part in items(content, "parts")]
        prompt = "\n".join(text(part, "text") for part in parts if text(part, "text"))
        declarations = [
            entry for tool in items(body, "tools") for entry in items(tool, "functionDeclarations")
        ]
        system = child(body, "systemInstruction") or child(body, "system_instruction")
        folder = FOLDER.search(prompt)
        settings = child(body, "generationConfig")
        return Call(
            provider=self.provider,
            model=unquote(match[1]) if match else "",
            stream=bool(match and match[2].startswith("stream")),
            prompt=prompt,
            system="\n".join(texts(system.get("parts"), ("",))),
            input_tokens=input_tokens(size),
            max_output_tokens=whole(settings, "maxOutputTokens"),
            tool_results=sum("functionResponse" in part for part in parts),
            tools=frozenset(text(entry, "name") for entry in declarations),
            images=images(contents),
            sampling=sampling(settings, ("temperature", "topP", "presencePenalty")),
            folder=folder[1] if folder else "",
        )

    def reply(self, call: Call, answer: Answer) -> Document:
        """Return a GenerateContentResponse."""
        parts: list[Document] = [{"text": answer.text}] if answer.text else []
        return _reply(call, answer, parts + _tools(answer), final=True)

    def events(self, call: Call, answer: Answer) -> Iterator[bytes]:
        """Yield a response for each piece of text, then tool calls, finish reason and usage."""
        for piece in answer.pieces:
            yield event(_reply(call, answer, [{"text": piece}], final=False))
        yield event(_reply(call, answer, _tools(answer), final=True))

    def refuse(self, refusal: Refusal) -> Refused:
        """Return Google's error."""
        return gemini_refusal.refuse(refusal)

    def room_headers(self, room: Room) -> dict[str, str]:
        """Return none: Gemini sends no rate-limit headers."""
        del room
        return {}

    def edit(self, call: Call, tool: Tool) -> tuple[ToolCall, ...]:
        """The tool write_file creates a file, replace changes one."""
        path = tool.path
        if call.folder and not path.startswith("/"):
            path = f"{call.folder}/{path}"
        if tool.old is None:
            write = ToolCall("write_file", {"file_path": path, "content": tool.content})
            return (write,) if "write_file" in call.tools else ()
        change = {"old_string": tool.old, "new_string": tool.content}
        replace: Document = {"file_path": path, "instruction": "Edit the file.", **change}
        return (ToolCall("replace", replace),) if "replace" in call.tools else ()


def _tools(answer: Answer) -> list[Document]:
    return [{"functionCall": {"name": tool.name, "args": tool.arguments}} for tool in answer.tools]


def _reply(call: Call, answer: Answer, parts: list[Document], *, final: bool) -> Document:
    content: Document = {"role": "model"}
    if parts:
        content["parts"] = parts
    candidate: Document = {"content": content, "index": 0}
    if final:
        candidate["finishReason"] = "MAX_TOKENS" if answer.cut else "STOP"
    reply: Document = {"candidates": [candidate]}
    if final and answer.usage is not None:
        usage: Document = {
            "promptTokenCount": answer.usage.input_tokens,
            "candidatesTokenCount": answer.usage.output_tokens,
            "totalTokenCount": answer.usage.input_tokens + answer.usage.output_tokens,
        }
        if answer.usage.cached_tokens:
            usage["cachedContentTokenCount"] = answer.usage.cached_tokens
        reply["usageMetadata"] = usage
    return {**reply, "modelVersion": call.model, "responseId": f"sim{answer.number:08d}"}
