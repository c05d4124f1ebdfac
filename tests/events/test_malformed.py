"""Events with anything anywhere: reading never raises, and nothing is lost by it."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appservice_api import EventContext
from appservice_api.events import (
    CONTENTS,
    Event,
    MessageEventContent,
    PowerLevelStateEventContent,
    ReceiptEventContent,
    UserIdentifier,
    content_class,
    read_content,
)
from appservice_api.events.enumerations import MessageType
from appservice_api.events.view import View

_TYPES = [*map(str, CONTENTS), "com.example.unknown"]


def _subclasses(kind: type[View]) -> Iterator[type[View]]:
    yield kind
    for one in kind.__subclasses__():
        yield from _subclasses(one)


_KEYS = sorted({field.key for kind in _subclasses(View) for field in kind._fields.values()})

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def objects(kind: type[View]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with the keys of a view and anything in them."""
    keys = sorted({field.key for field in kind._fields.values()})
    return st.dictionaries(st.sampled_from(keys) if keys else st.text(max_size=5), values)


@st.composite
def events(draw: st.DrawFn) -> Any:
    event: Any = draw(objects(Event))
    event["type"] = kind = draw(st.sampled_from(_TYPES) | values)
    msgtype = draw(st.sampled_from([*map(str, MessageType)]) | values)
    content = draw(objects(content_class(kind, {"msgtype": msgtype})) | values)
    if kind == "m.room.message" and isinstance(content, dict):
        content["msgtype"] = msgtype
    event["content"] = content
    return event


@cache
def names_of(kind: type[View]) -> list[str]:
    """The public attributes of a view."""
    return [name for name in dir(kind()) if not name.startswith("_")]


def read_all(found: object, depth: int = 4) -> None:
    """Read every attribute of every view."""
    if isinstance(found, list):
        for item in found:
            read_all(item, depth - 1)
    if not isinstance(found, View) or not depth:
        return
    for name in names_of(type(found)):
        missing = isinstance(found, PowerLevelStateEventContent) and name not in found
        if name in ("users", "events", "notifications") and missing:
            continue  # reading it makes it
        read_all(getattr(found, name), depth - 1)
    for value in found.values():
        read_all(value, depth - 1)


@settings(max_examples=300)
@given(event=events() | values)
def test_anything_can_be_read(event: Any) -> None:
    text = json.dumps(event)
    read = Event.read(event)
    read_all(read)
    assert isinstance(read.content, dict)
    for version in ("1", "10", "11", "x", None):
        read.redacts_in(version)
    assert json.dumps(read) == (text if isinstance(event, dict) else "{}")
    assert json.dumps(event) == text
    again = pickle.loads(pickle.dumps(read))
    assert type(again) is type(read)
    assert json.dumps(again) == json.dumps(read)
    assert copy.deepcopy(read) == read


@pytest.mark.parametrize("kind", [EventContext, UserIdentifier])
@given(data=st.data())
def test_anything_can_be_in_other_views(kind: type[View], data: st.DataObject) -> None:
    found = data.draw(objects(kind))
    text = json.dumps(found)
    read = kind.read(found)
    read_all(read)
    assert json.dumps(read) == text


@given(content=objects(MessageEventContent), event=objects(Event))
def test_anything_can_be_related(content: dict[str, Any], event: dict[str, Any]) -> None:
    event["event_id"] = "$1"
    text, other = json.dumps(content), json.dumps(event)
    made = MessageEventContent(content)
    made.set_reply(event)
    made.set_thread_parent(event)
    assert made.get_reply_to() == "$1"
    assert made.get_thread_parent() is not None
    made.set_edit(event)
    assert made.get_edit() is not None
    assert json.dumps(content) == text
    assert json.dumps(event) == other


@given(content=st.dictionaries(st.text(max_size=5), values))
def test_anything_can_be_a_receipt(content: dict[str, Any]) -> None:
    read = read_content("m.receipt", content)
    assert isinstance(read, ReceiptEventContent)
    list(read.receipts())
