"""What the specification says of an event, wherever it was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["EventSchema", "properties_of"]


@dataclass(frozen=True)
class EventSchema:
    """The schema of events of a type, or of some types.

    `envelope` are the schemas of the keys beside the type and the content.
    """

    name: str
    types: tuple[str, ...]
    envelope: Mapping[str, Any]
    content: Mapping[str, Any]

    @classmethod
    def of(cls, name: str, schema: Mapping[str, Any]) -> EventSchema:
        """Take a JSON schema apart.

        Args:
            name: Its name, the event's type if the schema says none.
            schema: The schema.
        """
        envelope = properties_of(schema)
        types = envelope.pop("type").get("enum", [name])
        content = envelope.pop("content")
        return cls(name, tuple(types), envelope, content)


def properties_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of an object, those of the schemas that it is made of among them."""
    found: dict[str, Any] = {}
    for part in (*schema.get("allOf", ()), *schema.get("oneOf", ()), *schema.get("anyOf", ())):
        found.update(properties_of(part))
    return {**found, **schema.get("properties", {})}
