"""The specification's own events: every field of every type is an attribute of its view."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
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
from appservice_api.events.open_enum import OpenEnum
from appservice_api.events.view import View
from tests.openapi import facts, files
from tests.openapi.conftest import READ, UNREADABLE
from tests.openapi.event_schema import EventSchema, properties_of
from tests.openapi.sample import TEXT, sample

pytestmark = pytest.mark.openapi

# The schemas as the table of facts has them, and those of the files where these are.
SCHEMAS = {f"facts-{name}": schema for name, schema in facts.event_schemas().items()}
if files.is_there():
    SCHEMAS |= {f"files-{name}": schema for name, schema in files.event_schemas().items()}


def made_of(schema: EventSchema) -> dict[str, Any]:
    """An event that has all that a schema knows."""
    event = {key: sample(one, key) for key, one in schema.envelope.items()}
    return {**event, "type": schema.types[0], "content": sample(schema.content)}


def examples() -> Iterator[tuple[str, dict[str, Any], EventSchema]]:
    """Events, each with a name and its schema: its own, or the one of all events of the type."""
    for name, schema in facts.event_schemas().items():
        yield f"facts-{name}", made_of(schema), schema
    if files.is_there():
        schemas = files.event_schemas()
        for name, event in files.event_examples().items():
            schema = schemas.get(name) or schemas[name.partition("$")[0]]
            yield f"files-{name}", event, schema


EXAMPLES = {name: (event, schema) for name, event, schema in examples()}


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
        if isinstance(read, OpenEnum) and not read.is_known and read != TEXT:
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
    raw, schema = EXAMPLES[name]
    text = json.dumps(raw)
    event = Event.read(raw)
    problems = []
    if type(event.content) is not content_class(raw["type"], raw["content"]):
        problems.append(f"{name} is read as {type(event.content).__name__}")
    if isinstance(event, StateEvent) != ("state_key" in raw):
        problems.append(f"{name} is a {type(event).__name__}")
    for key in (*schema.envelope, *raw):
        if key == "user_id":  # which room_edu.json and no schema has
            continue
        if not hasattr(event, key):
            problems.append(f"{name} has no attribute {key}")
        elif key in raw and getattr(event, key) != raw[key]:
            problems.append(f"{name}.{key} is read as {getattr(event, key)!r}")
    problems += unreadable(event.content, schema.content, f"{name}.content")
    problems += unreadable(event.unsigned, {}, f"{name}.unsigned")
    if json.dumps(event) != text:
        problems.append(f"{name} isn't the same after it is read")
    record_property(READ, name)
    for problem in problems:
        record_property(UNREADABLE, problem)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema(name: str) -> None:
    schema = SCHEMAS[name]
    msgtypes = properties_of(schema.content).get("msgtype", {}).get("enum", [None])
    for event_type in schema.types:
        if event_type == "m.receipt.private":  # no type of any event, but a type of receipts
            continue
        known = EventType(event_type)
        assert known.is_known
        assert event_type in CONTENTS
        view = content_class(event_type, {"msgtype": msgtypes[0]})()
        assert list(unreadable(view, schema.content, name)) == []
        assert (
            known.is_state
            == ("state_key" in schema.envelope)
            == isinstance(view, StateEventContent)
        )
        assert known.is_account_data == isinstance(view, AccountDataEventContent)
        assert known.is_ephemeral == isinstance(view, EphemeralEventContent)
        assert known.is_message <= ("sender" in schema.envelope or known.is_to_device)
        assert isinstance(view, ToDeviceEventContent) <= known.is_to_device
        assert known.classes


@pytest.mark.parametrize("source", [facts, files] if files.is_there() else [facts])
def test_every_type_has_a_schema(source: Any) -> None:
    types = {name.partition("$")[0] for name in source.event_schemas()}
    assert set(CONTENTS) == {str(one) for one in EventType} == types
