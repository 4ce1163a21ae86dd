"""Check a document against the part of JSON Schema that `config/schema/` uses.

The standard library has no validator, and the decision path may import nothing else. Supported:
type, enum, properties, required, additionalProperties, items, minimum, maximum, minItems,
minLength, pattern, oneOf, `$ref` to one of the document's `$defs`, which only refer to those before
them, and anyOf for numbers, which stands alone beside a description of what is allowed. A test
holds this equal to the jsonschema package.
"""

from __future__ import annotations

import re
from typing import Any

Problem = tuple[str, str, str]  # path, what is wrong, what is allowed

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def problems(value: Any, schema: dict[str, Any], path: str = "") -> list[Problem]:
    """List every problem of `value`; paths are dotted, list items in brackets."""
    definitions: dict[str, Any] = {}
    for name, definition in schema.get("$defs", {}).items():
        definitions[name] = _resolved(definition, definitions)
    found: list[Problem] = []
    _check(value, _resolved(schema, definitions) if definitions else schema, path, found)
    return found


def _resolved(schema: Any, definitions: dict[str, Any]) -> Any:
    """Put definitions in the places that refer to them."""
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return definitions[schema["$ref"].removeprefix("#/$defs/")]
    return {name: _resolved(item, definitions) for name, item in schema.items() if name != "$defs"}


def _check(value: Any, schema: dict[str, Any], path: str, found: list[Problem]) -> None:
    wanted = schema.get("type")
    if wanted is not None and not _is(value, wanted):
        found.append((path, f"is {_told(value)}", _allowed_type(wanted)))
        return
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        found.append(
            (path, f"is {_told(value)}", "one of " + ", ".join(map(_told, schema["enum"])))
        )
    kind = type(value)
    if kind is dict:
        _check_object(value, schema, path, found)
    elif kind is list:
        _check_array(value, schema, path, found)
    elif kind is str:
        _check_string(value, schema, path, found)
    elif kind is int or kind is float:
        low, high = schema.get("minimum"), schema.get("maximum")
        if (low is not None and value < low) or (high is not None and value > high):
            found.append((path, f"is {value}", _range(low, high)))
    if "oneOf" in schema or "anyOf" in schema:
        _check_forms(value, schema, path, found)


def _check_forms(value: Any, schema: dict[str, Any], path: str, found: list[Problem]) -> None:
    forms = schema.get("oneOf") or schema["anyOf"]
    fitting = sum(1 for form in forms if not problems(value, form, path))
    if "anyOf" in schema and not fitting:
        found.append((path, f"is {_told(value)}", schema["description"]))
    elif "oneOf" in schema and fitting != 1:
        needs = [form.get("title") or " and ".join(form["required"]) for form in forms]
        found.append((path, f"fits {fitting} of its forms", "exactly one of: " + ", ".join(needs)))


def _check_object(
    value: dict[str, Any], schema: dict[str, Any], path: str, found: list[Problem]
) -> None:
    known = schema.get("properties", {})
    other = schema.get("additionalProperties", True)
    found += [
        (f"{path}.{name}" if path else name, "is missing", _summary(known.get(name)))
        for name in schema.get("required", ())
        if name not in value
    ]
    for name, item in value.items():
        rule = known.get(name, other)
        if rule is False:
            allowed = ", ".join(known) or "nothing"
            found.append((f"{path}.{name}" if path else name, "is not known", allowed))
        elif rule is not True and not _plainly_fits(item, rule):
            _check(item, rule, f"{path}.{name}" if path else name, found)


def _check_array(value: list[Any], schema: dict[str, Any], path: str, found: list[Problem]) -> None:
    if len(value) < schema.get("minItems", 0):
        found.append((path, f"has {len(value)} items", f"at least {schema['minItems']}"))
    rule = schema.get("items")
    if rule is None:
        return
    if rule == {"type": "string"} and set(map(type, value)) <= {str}:
        return  # long word lists are checked at C speed
    for position, item in enumerate(value):
        if not _plainly_fits(item, rule):
            _check(item, rule, f"{path}[{position}]", found)


def _check_string(value: str, schema: dict[str, Any], path: str, found: list[Problem]) -> None:
    if len(value) < schema.get("minLength", 0):
        found.append((path, "is too short", f"at least {schema['minLength']} characters"))
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append((path, f"is {_told(value)}", f"text matching {schema['pattern']}"))


def _plainly_fits(value: Any, rule: dict[str, Any]) -> bool:
    """Accept the plain values most of a document is made of without looking further."""
    kind, wanted = type(value), rule.get("type")
    if kind is str:
        if "enum" in rule:
            return len(rule) == 1 and value in rule["enum"]
        return (
            wanted == "string" and len(value) >= rule.get("minLength", 0) and "pattern" not in rule
        )
    if wanted != "number" and not (wanted == "integer" and kind is int):
        if "anyOf" not in rule:
            return False
        rule = rule["anyOf"][0]
    if kind is not int and kind is not float:
        return False
    fits = rule.get("minimum", value) <= value <= rule.get("maximum", value)
    return bool(fits) and "enum" not in rule


def _is(value: Any, wanted: str | list[str]) -> bool:
    if type(wanted) is list:
        return any(_is(value, one) for one in wanted)
    if type(value) is bool:
        return wanted == "boolean"
    if wanted == "integer" and type(value) is float:
        return value.is_integer()
    return isinstance(value, _TYPES[wanted])  # type: ignore[index]


def _same(value: Any, one: Any) -> bool:
    """Compare as JSON does: 1.0 is 1, and true is not."""
    return bool(value == one) and (type(value) is bool) is (type(one) is bool)


def _told(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return str(value).replace("None", "null").lower()
    return repr(value)


def _allowed_type(wanted: str | list[str]) -> str:
    return wanted if isinstance(wanted, str) else " or ".join(wanted)


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at most {high}"
    return f"at least {low}" if high is None else f"from {low} to {high}"


def _summary(rule: Any) -> str:
    if not isinstance(rule, dict):
        return "a value"
    if "enum" in rule:
        return "one of " + ", ".join(map(_told, rule["enum"]))
    return _allowed_type(rule.get("type") or rule.get("description", "a value"))
