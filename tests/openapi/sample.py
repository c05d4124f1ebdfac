"""Values that a JSON schema allows, for where the specification's examples aren't."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["TEXT", "sample"]

TEXT = "text"
_USER, _ROOM, _EVENT, _MXC = "@user:hs.test", "!room:hs.test", "$event", "mxc://hs.test/media"
# A string is the first that matches the pattern.
_STRINGS = (TEXT, _USER, _ROOM, _EVENT, _MXC, "#alias:hs.test", "displayname", "turn:hs.test",
            "geo:1,2", "")  # fmt: skip
# Strings that the specification gives no pattern, but of which it says what they are.
_BY_NAME = {"event_id": _EVENT, "room_id": _ROOM, "replacement_room": _ROOM, "sender": _USER,
            "to": _USER, "url": _MXC}  # fmt: skip
_BY_TYPE = {"integer": 1, "number": 1, "boolean": True, "null": None}


def sample(schema: Mapping[str, Any] | bool, name: str = "") -> Any:
    """Make a value.

    Args:
        schema: Its schema. All properties are made, those that aren't required, too; of
            alternatives it is the first.
        name: The key that it is the value of.
    """
    if isinstance(schema, bool):
        return TEXT
    for key in ("oneOf", "anyOf"):
        if key in schema:
            return _merged(sample(_without(schema, key), name), sample(schema[key][0], name))
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "array":
        return [sample(schema["items"])] if "items" in schema else []
    if kind == "string":
        return _matching(schema.get("pattern", ""), _BY_NAME.get(name, TEXT))
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    made: Any = {}
    for part in schema.get("allOf", ()):
        made = _merged(made, sample(part))
    for pattern, part in schema.get("patternProperties", {}).items():
        made[_matching(pattern)] = sample(part)
    if isinstance(schema.get("additionalProperties"), Mapping):
        made[TEXT] = sample(schema["additionalProperties"])
    required = dict.fromkeys(schema.get("required", ()), TEXT)
    known = {key: sample(one, key) for key, one in schema.get("properties", {}).items()}
    made = {**required, **made, **known}
    return made or ({TEXT: TEXT} if schema.get("minProperties") else {})


def _matching(pattern: str, preferred: str = TEXT) -> str:
    return next(one for one in (preferred, *_STRINGS) if re.search(pattern, one))


def _without(schema: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != key}


def _merged(one: Any, other: Any) -> Any:
    """Two objects as one; what the other says nothing of stays."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return other
    return {**one, **{key: value for key, value in other.items() if value or key not in one}}
