"""OpenAI-compatible chat: POST /v1/chat/completions and /chat/completions."""

from collections.abc import Iterator, Mapping

from . import openai_refusal
from .dialect import Answer, Call, Refusal, Refused, Room, Tool, ToolCall, event, input_tokens
from .document import Document, child, encode, items, text, texts, whole
from .picture import images, sampling


class OpenAIChat:
    """The dialect of compatible servers: DeepSeek, Ollama, vLLM, llama.cpp, LiteLLM."""

    provider = "compatible"

    def key(self, headers: Mapping[str, str]) -> str:
        """Return the bearer token."""
        return headers.get("authorization", "").removeprefix("Bearer ")

    def read(self, path: str, body: Document, size: int) -> Call:
        """Understand a chat request."""
        del path
        messages = items(body, "messages")
        users = [message for message in messages if message.get("role") == "user"]
        others = [message for message in messages if message.get("role") in {"developer", "system"}]
        limit = whole(body, "max_completion_tokens")
        return Call(
            provider=self.provider,
            model=text(body, "model"),
            stream=body.get("stream") is True,
            prompt="\n".join(part for message in users for part in texts(message.get("content"))),
            system="\n".join(part for message in others for part in texts(message.get("content"))),
            input_tokens=input_tokens(size),
            max_output_tokens=whole(body, "max_tokens") if limit is None else limit,
            tool_results=sum(message.get("role") == "tool" for message in messages),
            tools=frozenset(text(child(tool, "function"), "name") for tool in items(body, "tools")),
            images=images(messages),
            sampling=sampling(body, ("temperature", "top_p", "presence_penalty")),
            include_usage=child(body, "stream_options").get("include_usage") is True,
        )

    def reply(self, call: Call, answer: Answer) -> Document:
        """Return a chat completion."""
        message: Document = {"role": "assistant", "content": answer.text}
        if answer.tools:
            message["tool_calls"] = _tools(answer)
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": _finish(answer),
        }
        reply = {**_head(call, answer, "chat.completion"), "choices": [choice]}
        return reply if answer.usage is None else {**reply, "usage": _usage(answer)}

    def events(self, call: Call, answer: Answer) -> Iterator[bytes]:
        """Yield chunks, a usage chunk if the request asked for it, and [DONE]."""
        head = _head(call, answer, "chat.completion.chunk")

        def chunk(delta: Document, finish: str | None = None) -> bytes:
            return event(
                {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
            )

        yield chunk({"role": "assistant", "content": ""})
        for piece in answer.pieces:
            yield chunk({"content": piece})
        if answer.tools:
            yield chunk(
                {
                    "tool_calls": [
                        {"index": place, **tool} for place, tool in enumerate(_tools(answer))
                    ]
                }
            )
        yield chunk({}, _finish(answer))
        if call.include_usage and answer.usage is not None:
            yield event({**head, "choices": [], "usage": _usage(answer)})
        yield b"data: [DONE]\n\n"

    def refuse(self, refusal: Refusal) -> Refused:
        """Return OpenAI's error."""
        return openai_refusal.refuse(refusal)

    def room_headers(self, room: Room) -> dict[str, str]:
        """Return OpenAI's rate-limit headers."""
        return openai_refusal.room_headers(room)

    def edit(self, call: Call, tool: Tool) -> tuple[ToolCall, ...]:
        """The tool write_file, if the request offers it; old text cannot be replaced."""
        write = ToolCall("write_file", {"path": tool.path, "content": tool.content})
        return (write,) if "write_file" in call.tools and tool.old is None else ()


def _head(call: Call, answer: Answer, kind: str) -> Document:
    return {
        "id": f"chatcmpl-sim{answer.number:08d}",
        "object": kind,
        "created": 0,
        "model": call.model,
    }


def _finish(answer: Answer) -> str:
    if answer.tools:
        return "tool_calls"
    return "length" if answer.cut else "stop"


def _tools(answer: Answer) -> list[Document]:
    return [
        {
            "id": f"call_sim{answer.number:08d}{place}",
            "type": "function",
            "function": {"name": tool.name, "arguments": encode(tool.arguments).decode()},
        }
        for place, tool in enumerate(answer.tools)
    ]


def _usage(answer: Answer) -> Document:
    if answer.usage is None:
        return {}
    return {
        "prompt_tokens": answer.usage.input_tokens,
        "completion_tokens": answer.usage.output_tokens,
        "total_tokens": answer.usage.input_tokens + answer.usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": answer.usage.cached_tokens},
    }
