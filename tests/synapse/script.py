"""A bridge's afternoon, written as for the reference library, its awaits and event loop left out.

Run by test_script.py, against a real homeserver.
"""

from __future__ import annotations

import logging
from pathlib import Path

from appservice_api import (
    AppServiceAPI,
    ContentURI,
    EventID,
    EventType,
    Format,
    HistoryVisibility,
    ImageInfo,
    IntentAPI,
    JoinRule,
    MBadState,
    MediaMessageEventContent,
    Membership,
    MemberStateEventContent,
    MessageType,
    MForbidden,
    MNotFound,
    PaginationDirection,
    PowerLevelStateEventContent,
    PresenceState,
    RelatesTo,
    RelationType,
    RoomAlias,
    RoomCreatePreset,
    RoomDirectoryVisibility,
    RoomID,
    TextMessageEventContent,
    UserID,
)

log = logging.getLogger("bridge")


class Portal:
    """A room that is a chat of the other network."""

    def __init__(self, api: AppServiceAPI, ghosts: list[UserID], owner: UserID, token: str) -> None:
        self.az = api
        self.main_intent: IntentAPI = api.bot_intent()
        self.ghosts = ghosts
        self.owner = owner
        self.double_puppet = api.intent(owner, token=token)
        self.mxid = RoomID.read("")

    def create(self, alias_localpart: str) -> RoomID:
        bot, me = self.main_intent, self.main_intent.mxid
        bot.ensure_registered()
        bot.set_displayname("Bridge")
        levels = PowerLevelStateEventContent(users={me: 100, self.owner: 50})
        levels.events[str(EventType.REACTION)] = 0
        levels.events[str(EventType.ROOM_NAME)] = 50
        self.mxid = bot.create_room(
            alias_localpart=alias_localpart,
            visibility=RoomDirectoryVisibility.PRIVATE,
            preset=RoomCreatePreset.PRIVATE,
            name="Tea",
            topic="About tea",
            is_direct=False,
            invitees=[self.owner],
            initial_state=[
                {
                    "type": str(EventType.ROOM_HISTORY_VISIBILITY),
                    "content": {"history_visibility": HistoryVisibility.SHARED},
                }
            ],
            room_version="11",
            creation_content={"m.federate": False},
            power_level_override=levels,
        )
        return self.mxid

    def sync_ghosts(self, avatar: bytes) -> ContentURI:
        url = self.main_intent.upload_media(avatar, mime_type="image/png", filename="face.png")
        for number, ghost in enumerate(self.ghosts):
            intent = self.az.intent(ghost)
            intent.set_displayname(f"Ghost {number}")
            intent.set_avatar_url(url)
            intent.ensure_joined(self.mxid)
            assert intent.get_displayname(ghost) == f"Ghost {number}"
            assert intent.get_avatar_url(ghost) == url
        return url

    def talk(self, picture: ContentURI, size: int) -> dict[str, EventID]:
        first, second = (self.az.intent(ghost) for ghost in self.ghosts)
        seen = {}
        first.set_typing(self.mxid, timeout=5000)
        hello = first.send_text(self.mxid, "Hello", html="<b>Hello</b>")
        first.set_typing(self.mxid, timeout=0)
        seen["hello"] = hello
        content = TextMessageEventContent(
            msgtype=MessageType.TEXT, body="Hi", format=Format.HTML, formatted_body="<i>Hi</i>"
        )
        content.set_reply(hello)
        seen["reply"] = second.send_message(self.mxid, content, timestamp=1_600_000_000_000)
        info = ImageInfo(mimetype="image/png", size=size, width=1, height=1)
        seen["image"] = second.send_image(self.mxid, url=picture, info=info, file_name="face.png")
        thread = RelatesTo(rel_type=RelationType.THREAD, event_id=hello)
        seen["notice"] = first.send_notice(self.mxid, "noticed", relates_to=thread)
        seen["reaction"] = self.double_puppet.react(self.mxid, hello, "👍")
        seen["mine"] = self.double_puppet.send_message_event(
            self.mxid, EventType.ROOM_MESSAGE,
            MediaMessageEventContent(msgtype=MessageType.FILE, url=picture, body="face.png"),
        )  # fmt: skip
        edited = TextMessageEventContent(msgtype=MessageType.TEXT, body="Hello there")
        edited.set_edit(hello)
        seen["edit"] = first.send_message(self.mxid, edited)
        first.redact(self.mxid, seen["notice"], reason="not so")
        self.double_puppet.mark_read(self.mxid, seen["edit"])
        first.set_presence(PresenceState.ONLINE, status="brewing")
        return seen

    def moderate(self, rowdy: UserID) -> None:
        bot = self.main_intent
        bot.set_room_name(self.mxid, "Green tea")
        bot.set_room_topic(self.mxid, "Only green tea")
        bot.set_join_rule(self.mxid, JoinRule.KNOCK)
        levels = bot.get_power_levels(self.mxid)
        levels.users[self.ghosts[0]] = 50
        bot.set_power_levels(self.mxid, levels)
        assert levels.get_user_level(self.ghosts[0]) == 50
        bot.kick_user(self.mxid, rowdy, reason="rowdy")
        bot.ban_user(self.mxid, rowdy, reason="still rowdy")
        try:
            self.az.intent(rowdy).join_room(self.mxid)
        except (MBadState, MForbidden) as error:
            log.info("as expected: %s", error)
        bot.unban_user(self.mxid, rowdy)
        bot.pin_message(self.mxid, self.az.intent(self.ghosts[0]).send_text(self.mxid, "rules"))

    def check(self, alias: RoomAlias) -> list[str]:
        bot = self.main_intent
        assert bot.resolve_room_alias(alias).room_id == self.mxid
        member = bot.get_state_event(self.mxid, EventType.ROOM_MEMBER, self.ghosts[0])
        assert isinstance(member, MemberStateEventContent)
        assert member.membership == Membership.JOIN
        joined = bot.get_joined_members(self.mxid)
        assert joined[self.ghosts[0]].displayname == "Ghost 0"
        try:
            bot.get_state_event(self.mxid, EventType.ROOM_ENCRYPTION)
        except MNotFound:
            log.info("not encrypted")
        page = bot.get_messages(self.mxid, PaginationDirection.BACKWARD, limit=50)
        return [
            str(event.content.get("body"))
            for event in reversed(page.events)
            if event.type == EventType.ROOM_MESSAGE and event.content
        ]

    def leave(self) -> None:
        for ghost in self.ghosts:
            self.az.intent(ghost).leave_room(self.mxid, reason="the bridge closes")
        self.main_intent.error_and_leave(self.mxid, "the bridge is closed")


def run(
    base_url: str, bot: str, as_token: str, ghosts: list[str], owner: str, token: str, png: Path
) -> tuple[list[str], dict[str, EventID]]:
    """Run the script; what was said in the room, and the events."""
    api = AppServiceAPI(
        base_url=base_url, bot_mxid=UserID(bot), token=as_token, log=log,
        real_user_content_key="com.example.source", default_retry_count=2,
    )  # fmt: skip
    portal = Portal(api, [UserID(ghost) for ghost in ghosts], UserID(owner), token)
    prefix = UserID(bot).localpart
    portal.create(f"{prefix}_tea")
    portal.double_puppet.ensure_joined(portal.mxid)
    picture = portal.sync_ghosts(png.read_bytes())
    assert api.bot_intent().download_media(picture) == png.read_bytes()
    events = portal.talk(picture, png.stat().st_size)
    portal.moderate(portal.ghosts[1])
    said = portal.check(RoomAlias(f"#{prefix}_tea:{UserID(bot).server_name}"))
    portal.leave()
    api.close()
    return said, events
