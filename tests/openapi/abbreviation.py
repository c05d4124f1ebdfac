"""JSON schemas without prose, and short.

What stays of a schema is what a value can violate. The name of a kind or of a definition is a
schema, and a list of one schema is an array of such items.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["Abbreviations"]

_PREFIXES = {
    "mx-user-id": "^@", "mx-room-id": "^!", "mx-event-id": "^\\$", "mx-room-alias": "^#",
    "mx-mxc-uri": "^mxc:\\/\\/",
}  # fmt: skip
_KINDS: dict[str, Any] = {
    **{kind: {"type": kind} for kind in ("string", "integer", "number", "boolean", "object")},
    **{
        kind: {"type": "string", "format": kind, "pattern": prefix}
        for kind, prefix in _PREFIXES.items()
    },
}

# The keywords of JSON schemas whose values are schemas, and those that stay as they are.
_BY_NAME = ("properties", "patternProperties")
_SEVERAL = ("allOf", "oneOf", "anyOf")
_ONE = ("items", "additionalProperties", "propertyNames")
_AS_THEY_ARE = ("type", "required", "enum", "const", "pattern", "minimum", "maximum", "maxLength",
                "minLength", "minItems", "maxItems", "minProperties", "maxProperties")  # fmt: skip


class Abbreviations:
    """Makes schemas short and long."""

    def __init__(self) -> None:
        # What each name stands for; its parts are short, or all of it is long.
        self._short = dict(_KINDS)
        self._long = dict(_KINDS)

    def define(self, name: str, schema: Any) -> Any:
        """Have a name stand for a schema from now on.

        Args:
            name: The name.
            schema: The schema, long or short.

        Returns:
            The schema, short.
        """
        made = self.short(self.long(schema))
        self._short[name], self._long[name] = made, self.long(made)
        return made

    def short(self, schema: Any) -> Any:
        """A schema without prose, abbreviated."""
        if not isinstance(schema, Mapping):
            return schema
        made: dict[str, Any] = {}
        for key, value in schema.items():
            if key in _BY_NAME:
                made[key] = self.all_short(value)
            elif key in _SEVERAL:
                made[key] = [self.short(one) for one in value]
            elif key in _ONE:
                made[key] = self.short(value)
            elif key in _AS_THEY_ARE or (key == "format" and value in _KINDS):
                made[key] = value
        name = next((name for name, one in self._short.items() if one == made), None)
        if name is not None:
            return name
        return [made["items"]] if made.keys() == {"type", "items"} else made

    def long(self, schema: Any) -> Any:
        """The schema that an abbreviation stands for."""
        if isinstance(schema, str):
            return self._long[schema]
        if isinstance(schema, list):
            return {"type": "array", "items": self.long(schema[0])}
        if not isinstance(schema, Mapping):
            return schema
        made = dict(schema)
        for key, value in schema.items():
            if key in _BY_NAME:
                made[key] = self.all_long(value)
            elif key in _SEVERAL:
                made[key] = [self.long(one) for one in value]
            elif key in _ONE:
                made[key] = self.long(value)
        return made

    def all_short(self, schemas: Mapping[str, Any]) -> dict[str, Any]:
        """Schemas by name, each short."""
        return {name: self.short(schema) for name, schema in schemas.items()}

    def all_long(self, schemas: Mapping[str, Any]) -> dict[str, Any]:
        """Schemas by name, each long."""
        return {name: self.long(schema) for name, schema in schemas.items()}
