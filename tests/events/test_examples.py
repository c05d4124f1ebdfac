"""The specification's own events: every field of every type is an attribute of its view."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from appservice_api.events import (
    CONTENTS,
    AccountDataEventContent,
    EphemeralEventContent,
    Event,
    EventType,
    StateEvent,
    StateEventContent,
    ToDeviceEventContent,
    content_class,
)
from appservice_api.events.enumeration import OpenEnum
from appservice_api.events.view import View
from tests.openapi.conftest import READ, UNREADABLE
from tests.openapi.spec import FOLDER, document

_EVENTS = FOLDER / "event-schemas"
if not _EVENTS.is_dir():
    pytest.skip(f"the specification isn't in {FOLDER}", allow_module_level=True)

pytestmark = pytest.mark.openapi

# Schemas of parts of contents, and of what is told before one is in a room.
_PARTS = {"m.key.verification.m.relates_to"}
_NOT_EVENTS = {"invite_room_state", "knock_room_state"}

SCHEMAS = {
    file.stem: file for file in sorted((_EVENTS / "schema").glob("m.*.yaml"))
    if file.stem not in _PARTS
}  # fmt: skip
EXAMPLES = {
    file.stem: file
    for file in sorted((_EVENTS / "examples").iterdir())
    if file.is_file() and file.stem not in _NOT_EVENTS
}


def schema_of(name: str) -> Mapping[str, Any]:
    """The schema of an example: its own, or the one that it shares with others of the type."""
    file: Path = SCHEMAS.get(name) or SCHEMAS[name.partition("$")[0]]
    found: Mapping[str, Any] = document(file)
    return found


def properties_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of an object, those of the schemas that it is made of among them."""
    found: dict[str, Any] = {}
    for part in (*schema.get("allOf", ()), *schema.get("oneOf", ()), *schema.get("anyOf", ())):
        found.update(properties_of(part))
    return {**found, **schema.get("properties", {})}


def attributes_of(view: View, key: str) -> list[str]:
    """The attributes that read a key of a view."""
    return [name for name, field in view._fields.items() if field.key == key]


def unreadable(view: View, schema: Mapping[str, Any], where: str) -> Iterator[str]:
    """What is in a view, or may be by its schema, and isn't read by an attribute."""
    known = properties_of(schema)
    before = copy.deepcopy(view)
    open_end = "patternProperties" in schema or "additionalProperties" in schema
    for key in {**known, **({} if open_end else before)}:
        names = attributes_of(view, key)
        if not names:
            yield f"{where}.{key} has no attribute"
            continue
        expected = before.get(key)
        read = next((getattr(view, one) for one in names if getattr(view, one) == expected), None)
        if read != expected:
            yield f"{where}.{key} is {expected!r}, but {getattr(view, names[0])!r} is read"
        if isinstance(read, OpenEnum) and not read.is_known:
            yield f"{where}.{key} has no name for {read!r}"
        part = known.get(key, {})
        if isinstance(read, View) and type(read) is not View:
            yield from unreadable(read, part, f"{where}.{key}")
        for item in read if isinstance(read, list) else ():
            if isinstance(item, View):
                yield from unreadable(item, part.get("items", {}), f"{where}.{key}[]")
        for value in part.get("enum", ()):
            named = getattr(type(view)({key: value}), names[0])
            if isinstance(named, OpenEnum) and not named.is_known:
                yield f"{where}.{key} has no name for {value!r}"


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name: str, record_property: Callable[[str, object], None]) -> None:
    raw = document(EXAMPLES[name])
    text = json.dumps(raw)
    schema = schema_of(name)
    event = Event.read(raw)
    problems = []
    if type(event.content) is not content_class(raw["type"], raw["content"]):
        problems.append(f"{name} is read as {type(event.content).__name__}")
    if isinstance(event, StateEvent) != ("state_key" in raw):
        problems.append(f"{name} is a {type(event).__name__}")
    for key in (*properties_of(schema), *raw):
        if key == "user_id":  # which room_edu.json and no schema has
            continue
        if not hasattr(event, key):
            problems.append(f"{name} has no attribute {key}")
        elif key in raw and getattr(event, key) != raw[key]:
            problems.append(f"{name}.{key} is read as {getattr(event, key)!r}")
    content = properties_of(schema).get("content", {})
    problems += unreadable(event.content, content, f"{name}.content")
    problems += unreadable(event.unsigned, {}, f"{name}.unsigned")
    if json.dumps(event) != text:
        problems.append(f"{name} isn't the same after it is read")
    record_property(READ, name)
    for problem in problems:
        record_property(UNREADABLE, problem)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema(name: str) -> None:
    properties = properties_of(document(SCHEMAS[name]))
    types = properties["type"].get("enum", [name])
    schema = properties["content"]
    msgtypes = properties_of(schema).get("msgtype", {}).get("enum", [None])
    for event_type in types:
        if event_type == "m.receipt.private":  # no type of any event, but a type of receipts
            continue
        known = EventType(event_type)
        assert known.is_known
        assert event_type in CONTENTS
        view = content_class(event_type, {"msgtype": msgtypes[0]})()
        assert list(unreadable(view, schema, name)) == []
        assert known.is_state == ("state_key" in properties) == isinstance(view, StateEventContent)
        assert known.is_account_data == isinstance(view, AccountDataEventContent)
        assert known.is_ephemeral == isinstance(view, EphemeralEventContent)
        assert known.is_message <= ("sender" in properties or known.is_to_device)
        assert isinstance(view, ToDeviceEventContent) <= known.is_to_device
        assert known.classes


def test_every_type_has_a_schema() -> None:
    types = {name.partition("$")[0] for name in SCHEMAS}
    assert set(CONTENTS) == {str(one) for one in EventType} == types
