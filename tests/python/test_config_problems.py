"""What the validator says of a problem: where it is, what is wrong, what is allowed."""

import pytest

from orchestrator.config.schema import problems

TEXT, NUMBER = {"type": "string"}, {"type": "number"}
NEEDY = {"required": ["a"], "properties": {"a": TEXT}}
EITHER = {"oneOf": [{"required": ["a"]}, {"required": ["b", "c"]}]}


@pytest.mark.parametrize(
    ("value", "rule", "expected"),
    [
        (True, {"type": "integer"}, ("", "is true", "integer")),
        (1.5, {"type": "integer"}, ("", "is 1.5", "integer")),
        (None, {"type": ["string", "number"]}, ("", "is null", "string or number")),
        ([], {"type": "object"}, ("", "is a list", "object")),
        ({}, TEXT, ("", "is an object", "string")),
        ("x", {"enum": ["a", 1, True]}, ("", "is 'x'", "one of 'a', 1, true")),
        (True, {"enum": [1]}, ("", "is true", "one of 1")),
        (5, {"type": "integer", "maximum": 4}, ("", "is 5", "at most 4")),
        (5, {"type": "integer", "minimum": 6}, ("", "is 5", "at least 6")),
        (5, NUMBER | {"minimum": 6, "maximum": 9}, ("", "is 5", "from 6 to 9")),
        ("", TEXT | {"minLength": 1}, ("", "is too short", "at least 1 characters")),
        ("x", TEXT | {"pattern": "^y"}, ("", "is 'x'", "text matching ^y")),
        ([], {"type": "array", "minItems": 1}, ("", "has 0 items", "at least 1")),
        ([1, "x"], {"items": NUMBER}, ("[1]", "is 'x'", "number")),
        ({"a": 1}, {"additionalProperties": False}, ("a", "is not known", "nothing")),
        ({"b": 1}, {"properties": {"a": TEXT}, "additionalProperties": False},
         ("b", "is not known", "a")),
        ({}, NEEDY, ("a", "is missing", "string")),
        ({"o": {}}, {"properties": {"o": NEEDY}}, ("o.a", "is missing", "string")),
        ({"o": [{"a": 1}]}, {"properties": {"o": {"items": NEEDY}}},
         ("o[0].a", "is 1", "string")),
        ({}, EITHER, ("", "fits 0 of its forms", "exactly one of: a, b and c")),
        ({"a": 1, "b": 1, "c": 1}, EITHER,
         ("", "fits 2 of its forms", "exactly one of: a, b and c")),
    ],
)  # fmt: skip
def test_a_problem_says_where_what_is_wrong_and_what_is_allowed(value, rule, expected):
    assert problems(value, rule) == [expected]


def test_all_problems_are_told_at_once():
    rule = {"properties": {"a": TEXT, "b": NUMBER}, "required": ["a", "c"]}
    found = problems({"a": 1, "b": "x"}, rule)
    assert [path for path, _, _ in found] == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (6, NUMBER | {"minimum": 6, "maximum": 6}),
        ("x", TEXT | {"minLength": 1}),
        ([1], {"minItems": 1}),
    ],
)
def test_a_value_on_the_edge_fits(value, rule):
    assert problems(value, rule) == []
    assert problems({"a": value}, {"properties": {"a": rule}}) == []


@pytest.mark.parametrize("value", [1.0, 60.0, 0])
def test_a_whole_number_with_a_point_is_an_integer(value):
    assert problems(value, {"type": "integer"}) == []
