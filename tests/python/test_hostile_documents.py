"""Whatever an upstream or a client sends, reading it raises nothing: it is noise or a failure."""

import json
from pathlib import Path

import pytest
import test_api_readings
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.providers import api
from orchestrator.providers.claude import ClaudeReading
from orchestrator.providers.codex import CodexReading
from orchestrator.providers.gemini import GeminiReading

FOLDER = Path(__file__).resolve().parents[1] / "data" / "transcripts"
CLIENTS = {"claude": ClaudeReading, "codex": CodexReading, "gemini": GeminiReading}

values = st.recursive(
    st.sampled_from([None, True, -1, 5, 1.5, 1e300, 10**30, "", "x", "429", "\ud800", "\x00"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "text", "error"]), inner, max_size=2)
    ),
    max_leaves=3,
)


def recorded(client):
    for path in sorted(FOLDER.glob(f"{client}-*.out")):
        for line in path.read_text("utf-8").splitlines():
            yield json.loads(line)


DOCUMENTS = {name: list(recorded(name)) for name in CLIENTS}


def places(value, path=()):
    if path:
        yield path
    if isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*path, key))


def exchanged(document, path, value):
    """Put a value in a place of a document; the document given stays as it is."""
    if not path:
        return value
    copied = document.copy()
    copied[path[0]] = exchanged(document[path[0]], path[1:], value)
    return copied


@st.composite
def spoiled(draw, documents):
    document = draw(st.sampled_from(documents))
    return exchanged(document, draw(st.sampled_from(list(places(document)))), draw(values))


@pytest.mark.parametrize("client", CLIENTS)
@given(data=st.data())
def test_a_clients_event_of_another_shape_raises_nothing(client, data):
    reading = CLIENTS[client]()
    for document in data.draw(st.lists(spoiled(DOCUMENTS[client]), min_size=1, max_size=3)):
        for event in reading.stdout(json.dumps(document)):
            assert isinstance(event.text, str)
    assert reading.outcome(0).spent.input_tokens >= 0


@pytest.mark.parametrize("dialect", test_api_readings.DIALECTS)
@given(data=st.data())
def test_an_apis_event_of_another_shape_raises_nothing(dialect, data):
    reading = api.reading_of(dialect)
    shapes = test_api_readings.ANSWERS[dialect]
    for document in data.draw(st.lists(spoiled(shapes), min_size=1, max_size=3)):
        for event in api._read(reading, [document], 0):
            assert isinstance(event.text, str)
    assert reading.outcome().spent.input_tokens >= 0


@pytest.mark.parametrize("client", CLIENTS)
@given(line=st.text(max_size=80))
def test_a_line_of_any_text_raises_nothing(client, line):
    reading = CLIENTS[client]()
    reading.stdout(line)
    reading.stderr(line)
    assert reading.outcome(0).failure is not None


@given(st.binary(max_size=300), st.lists(st.integers(1, 40), max_size=20))
def test_server_sent_events_are_the_same_however_they_are_cut(noise, sizes):
    said = ': hi\r\nevent: x\ndata: {"a": 1}\n\ndata:{"b":\ndata: [DONE]\r\ndata: {"c": "ü"}\r\n'
    body = noise.replace(b"\n", b" ") + b"\n" + said.encode()
    rest, found = bytearray(), []
    while body:
        size = sizes.pop() if sizes else len(body)
        found += api._events(rest, body[:size])
        body = body[size:]
    assert found[-2:] == [{"a": 1}, {"c": "ü"}]
    assert not rest
