"""Contents of messages: made, read, and related to others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from appservice_api.events import (
    AudioInfo,
    BaseFileInfo,
    EncryptedFile,
    Event,
    FileInfo,
    Format,
    ImageInfo,
    LocationMessageEventContent,
    MediaMessageEventContent,
    Mentions,
    MessageEventContent,
    MessageType,
    ReactionEventContent,
    RelatesTo,
    RelationType,
    StickerEventContent,
    TextMessageEventContent,
    VideoInfo,
    read_content,
)
from appservice_api.events.content import edit_content, reply_content
from appservice_api.ids import ContentURI, UserID


def text(body: str = "hi", **fields: Any) -> TextMessageEventContent:
    return TextMessageEventContent(msgtype=MessageType.TEXT, body=body, **fields)


def event(event_id: str, content: dict[str, Any] | None = None) -> Event:
    return Event.read(
        {"event_id": event_id, "sender": "@a:hs.test", "type": "m.room.message",
         "content": content or {}}
    )  # fmt: skip


def test_text() -> None:
    content = text(formatted_body="<b>hi</b>", format=Format.HTML)
    assert json.dumps(content) == json.dumps({
        "msgtype": "m.text", "body": "hi", "formatted_body": "<b>hi</b>",
        "format": "org.matrix.custom.html",
    })  # fmt: skip
    assert content.html == "<b>hi</b>"
    content.format = Format("other")
    assert content.html is None
    assert TextMessageEventContent(msgtype="m.notice", html="<i>a</i> &amp; b") == {
        "msgtype": "m.notice", "body": "a & b", "format": "org.matrix.custom.html",
        "formatted_body": "<i>a</i> &amp; b",
    }  # fmt: skip
    content.html = "<i>x</i>"
    assert content.body == "hi"
    assert content.format is Format.HTML
    del content.html
    assert content == {"msgtype": "m.text", "body": "hi"}
    with pytest.raises(TypeError, match="no 'bodi'; it has body"):
        TextMessageEventContent(bodi="x")


@pytest.mark.parametrize(
    "msgtype, kind",
    [
        ("m.text", TextMessageEventContent), ("m.emote", TextMessageEventContent),
        ("m.image", MediaMessageEventContent), ("m.location", LocationMessageEventContent),
        ("com.example", MessageEventContent), (5, MessageEventContent),
        (["m.text"], MessageEventContent), (None, MessageEventContent),
    ],
)  # fmt: skip
def test_class_of_msgtype(msgtype: Any, kind: type[MessageEventContent]) -> None:
    raw = {"msgtype": msgtype}
    assert type(read_content("m.room.message", raw)) is kind
    assert type(MessageEventContent({"m.new_content": raw}).new_content) is kind


@pytest.mark.parametrize(
    "msgtype, kind",
    [
        ("m.image", ImageInfo), ("m.video", VideoInfo), ("m.audio", AudioInfo),
        ("m.file", FileInfo), ("com.example", FileInfo), (5, FileInfo),
    ],
)  # fmt: skip
def test_info(msgtype: Any, kind: type[BaseFileInfo]) -> None:
    content = MediaMessageEventContent({"msgtype": msgtype, "info": {"size": 5}})
    assert type(content.info) is kind
    assert content.info.size == 5
    content.info.size = 6
    assert content["info"] == {"size": 6}
    content["info"] = 5
    assert content.info is None


def test_media() -> None:
    info = ImageInfo(mimetype="image/png", w=5, height=6, size=7, thumbnail_url="mxc://a/b")
    assert info == {
        "mimetype": "image/png", "w": 5, "h": 6, "size": 7, "thumbnail_url": "mxc://a/b",
    }  # fmt: skip
    assert (info.width, info.h) == (5, 6)
    content = MediaMessageEventContent(
        msgtype=MessageType.IMAGE, url="mxc://a/c", body="A cat", filename="cat.png", info=info
    )
    assert content.info is info
    assert content.caption == "A cat"
    content.body = "cat.png"
    assert content.caption is None
    content.file = EncryptedFile(url="mxc://a/c", v="v2", hashes={"sha256": "x"})
    assert content.file.hashes == {"sha256": "x"}
    assert content.url is not None
    assert content.url.media_id == "c"
    sticker = read_content("m.sticker", {"body": "x", "info": {"w": 5}})
    assert isinstance(sticker, StickerEventContent)
    assert isinstance(sticker.info, ImageInfo)


def test_reply() -> None:
    for replied in ("$1", event("$1"), {"event_id": "$1"}):
        content = text()
        content.set_reply(replied)
        assert content == reply_content({"msgtype": "m.text", "body": "hi"}, "$1")
        assert content.get_reply_to() == "$1"
    assert content.mentions is None
    content.mentions = Mentions(user_ids=["@b:hs.test"])
    for _ in range(2):
        content.set_reply(event("$2"), mention=True)
        assert content["m.mentions"] == {"user_ids": ["@b:hs.test", "@a:hs.test"]}
    assert content.get_reply_to() == "$2"
    with pytest.raises(ValueError, match="no event_id"):
        content.set_reply(Event())
    with pytest.raises(ValueError, match="is not an event ID"):
        content.set_reply("@a:b")
    with pytest.raises(ValueError, match="no sender"):
        content.set_reply("$1", mention=True)


def test_thread() -> None:
    content = text()
    content.set_thread_parent("$root")
    assert content["m.relates_to"] == {
        "rel_type": "m.thread", "event_id": "$root",
        "m.in_reply_to": {"event_id": "$root"}, "is_falling_back": True,
    }  # fmt: skip
    assert (content.get_thread_parent(), content.get_reply_to()) == ("$root", None)
    content.set_thread_parent("$root", event("$last"))
    assert content["m.relates_to"]["m.in_reply_to"] == {"event_id": "$last"}
    first = event("$first", content)
    other = text()
    other.set_thread_parent(first)
    assert other.get_thread_parent() == "$root"
    assert other["m.relates_to"]["m.in_reply_to"] == {"event_id": "$first"}
    other.set_reply("$other")
    assert other.get_reply_to() == "$other"
    assert other.get_thread_parent() == "$root"
    other.set_thread_parent("$root", "$last")
    assert other.get_reply_to() == "$other"
    bare = text()
    bare.set_thread_parent("$root", fallback=False)
    assert bare["m.relates_to"] == {"rel_type": "m.thread", "event_id": "$root"}


def test_edit() -> None:
    content = text(html="<b>hi</b>")
    plain = dict(content)
    content.set_edit("$1")
    assert content == edit_content(plain, "$1")
    assert content == {
        **plain, "body": "* hi", "formatted_body": "* <b>hi</b>", "m.new_content": plain,
        "m.relates_to": {"rel_type": "m.replace", "event_id": "$1"},
    }  # fmt: skip
    assert content.get_edit() == "$1"
    assert isinstance(content.new_content, TextMessageEventContent)
    assert content.new_content.html == "<b>hi</b>"
    before = content.copy()
    content.set_edit(event("$2", before))
    assert content == before


def test_edit_notifies_only_who_is_new() -> None:
    original = text(mentions=Mentions(user_ids=["@a:b"]))
    content = text(mentions=Mentions(user_ids=["@a:b", "@c:d"]))
    content.set_edit(event("$1", original))
    assert content.mentions == {"user_ids": ["@c:d"]}
    assert content.new_content is not None
    assert content.new_content.mentions == {"user_ids": ["@a:b", "@c:d"]}
    original["m.mentions"]["room"] = True
    content = text(mentions=Mentions(user_ids=["@a:b"], room=True))
    content.set_edit(event("$1", {"m.new_content": original}))
    assert content.mentions == {"user_ids": []}
    assert content.new_content == {**text(), "m.mentions": {"user_ids": ["@a:b"], "room": True}}
    content = text(mentions=Mentions(user_ids=["@a:b"]))
    content.set_edit("$1")
    assert content.mentions == {"user_ids": ["@a:b"]}


def test_helpers_take_malformed_relations() -> None:
    relations: list[Any] = [5, [], {"rel_type": 5, "m.in_reply_to": 5}]
    for malformed in relations:
        content = MessageEventContent({"m.relates_to": malformed})
        assert content.get_reply_to() is content.get_thread_parent() is content.get_edit() is None
        content.set_reply("$1")
        assert content.get_reply_to() == "$1"
        content.set_thread_parent(event("$1", {"m.relates_to": malformed}))
        content.set_edit(event("$1", {"m.relates_to": malformed}))
        assert content.get_edit() == "$1"


def test_serialize() -> None:
    info = ImageInfo(thumbnail_url=ContentURI("mxc://a/b"))
    content = MediaMessageEventContent(
        msgtype=MessageType.IMAGE, info=info, mentions=Mentions(user_ids=[UserID("@a:b")])
    )
    plain = content.serialize()
    assert plain == content
    found = [plain, plain["info"], plain["m.mentions"], plain["msgtype"],
             plain["info"]["thumbnail_url"], *plain["m.mentions"]["user_ids"]]  # fmt: skip
    assert [type(one) for one in found] == [dict, dict, dict, str, str, str]
    assert MediaMessageEventContent.deserialize(plain) == content


def test_relates_to() -> None:
    relates_to = RelatesTo(rel_type=RelationType.THREAD, event_id="$1")
    assert text(relates_to=relates_to)["m.relates_to"] == {
        "rel_type": "m.thread", "event_id": "$1",
    }  # fmt: skip
    reaction = ReactionEventContent(
        relates_to=RelatesTo(rel_type=RelationType.ANNOTATION, event_id="$1", key="👍")
    )
    assert reaction.relates_to is not None
    assert reaction.relates_to.annotation == "👍"
