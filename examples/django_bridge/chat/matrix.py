"""The Matrix side: the application service, and from the room to the page."""

from contextlib import suppress
from functools import cache

from django.conf import settings

from appservice_api import AppService, RetryPolicy, RoomAlias
from appservice_api.django.state_store import DjangoStateStore
from appservice_api.errors import MRoomInUse

from .models import Message

app = AppService.from_registration(
    settings.APPSERVICE_REGISTRATION,
    settings.APPSERVICE_BASE_URL,
    DjangoStateStore(),
    retry=RetryPolicy(deadline=20),  # somebody waits for the page
)


@cache
def first_room():
    """The room that the alias named when it was first asked for. If the alias is one of ours, the
    bot creates the room; else the bot joins it."""
    room = settings.BRIDGE_ROOM
    if app.registration.owns_alias(room):
        with suppress(MRoomInUse):
            localpart = RoomAlias(room).localpart
            return app.bot.create_room(localpart, preset="public_chat", name="Web chat")
    return app.bot.join_room(room)


def room_id():
    """The room. One that was upgraded is replaced; the bot follows, and all processes know it."""
    rooms = [first_room()]
    while tombstone := app.state_store.get_tombstone(rooms[-1]):
        if (new := tombstone.get("replacement_room")) is None or new in rooms:
            break
        rooms.append(new)
    return rooms[-1]


@app.on_alias_query
def asked_for(alias):
    """Somebody joins the room by its alias before it is there."""
    return alias == settings.BRIDGE_ROOM and room_id() is not None


@app.on("m.room.message")
def heard(event, room):
    """Somebody has written something, or something else instead. Handling it twice is harmless."""
    content, edited = event.content, event.content.get_edit()
    if event.room_id != room_id() or not content.body:
        return
    if edited:
        new = content.new_content.body if content.new_content else None
        written = Message.objects.filter(event_id=edited, sender=event.sender).exclude(body="")
        written.update(body=new or content.body)
    else:
        Message.objects.get_or_create(
            event_id=event.event_id,
            defaults={
                "sender": event.sender,
                "name": room.get_room_displayname(event.sender) or event.sender.localpart,
                "kind": content.msgtype or "m.text",
                "body": content.body,
                "url": getattr(content, "url", None),
                "sent_at": event.origin_server_ts,
            },
        )


@app.on("m.room.redaction")
def removed(event):
    """Somebody has deleted a message."""
    if event.room_id == room_id():
        Message.objects.filter(event_id=event.redacts).update(body="")
