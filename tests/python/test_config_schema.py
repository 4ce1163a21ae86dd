"""The small validator of the product judges documents as the jsonschema package does."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.config.schema import problems

CONFIG = Path(__file__).resolve().parents[2] / "config"
NAMES = ["providers", "keywords", "agents", "prices", "suggest", "local"]
SUPPORTED = {
    "$schema", "title", "description", "type", "enum", "properties", "required",
    "additionalProperties", "items", "minimum", "maximum", "minItems", "minLength", "pattern",
    "oneOf", "anyOf", "$defs", "$ref",
}  # fmt: skip
FEW = 3

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 101)
    | st.floats(-1, 200)
    | st.sampled_from([1.0, 60.0, 0.0, "", "x", "auto", "cheap", "cli", "2026-11-20", "day", True]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["x", "name", "limit", "window_s"]), inner, max_size=2)
    ),
    max_leaves=4,
)


def read(name):
    return json.loads((CONFIG / f"{name}.json").read_text("utf-8"))


def shortened(value):
    """Keep a few of each list and of each object with names of its own: as many shapes, faster."""
    if isinstance(value, list):
        return [shortened(item) for item in value[:FEW]]
    if not isinstance(value, dict):
        return value
    richest = sorted(value, key=lambda name: -len(str(value[name])))[
        : 20 if len(value) < 30 else FEW
    ]
    return {name: shortened(item) for name, item in value.items() if name in richest}


SCHEMAS = {name: json.loads((CONFIG / f"schema/{name}.schema.json").read_text()) for name in NAMES}
DOCUMENTS = {name: shortened(read(name)) for name in NAMES if name != "local"}
DOCUMENTS["local"] = {"providers": {"providers": {"codex": {"enabled": False}}}, "agents": {}}


def places(value, path=()):
    yield path
    if isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*path, key))


PLACES = {name: list(places(document)) for name, document in DOCUMENTS.items()}


@st.composite
def mutated(draw, name):
    """Change one to three places of a document: replace, leave out, add or double something."""
    document = copy.deepcopy(DOCUMENTS[name])
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(PLACES[name]))
        if not path:
            continue
        try:
            parent = document
            for key in path[:-1]:
                parent = parent[key]
            change(draw, parent, path[-1])
        except (AttributeError, KeyError, IndexError, TypeError):
            continue  # an earlier change took this place away
    return document


def change(draw, parent, key):
    how = draw(st.sampled_from(["replace", "leave out", "add", "empty"]))
    if how == "replace":
        parent[key] = draw(values)
    elif how == "leave out":
        del parent[key]
    elif how == "add" and isinstance(parent, dict):
        parent[draw(st.sampled_from(["unknown", "period", "window_s", "client"]))] = draw(values)
    elif how == "add":
        parent.append(draw(values))
    else:
        parent[key] = type(parent[key])()


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=150)
def test_a_changed_document_is_judged_as_jsonschema_judges_it(name, data):
    document = data.draw(mutated(name))
    found = problems(document, SCHEMAS[name])
    assert (not found) is jsonschema.Draft202012Validator(SCHEMAS[name]).is_valid(document), found


@pytest.mark.parametrize("name", [name for name in NAMES if name != "local"])
def test_the_shipped_document_is_valid_by_both(name):
    document = read(name)
    assert problems(document, SCHEMAS[name]) == []
    jsonschema.Draft202012Validator(SCHEMAS[name]).validate(document)


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_uses_only_what_the_validator_knows(name):
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])

    def keywords(rule):
        if not isinstance(rule, dict):
            return
        yield from rule
        for inner in rule.get("properties", {}).values():
            yield from keywords(inner)
        for inner in rule.get("$defs", {}).values():
            yield from keywords(inner)
        either = (*rule.get("oneOf", ()), *rule.get("anyOf", ()))
        for inner in (rule.get("items"), rule.get("additionalProperties"), *either):
            yield from keywords(inner)
        if "anyOf" in rule:
            assert set(rule) == {"anyOf", "description"}
            assert rule["anyOf"][0]["type"] == "number"

    assert set(keywords(SCHEMAS[name])) <= SUPPORTED
