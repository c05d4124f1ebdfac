"""A web page and a Matrix room that are one conversation."""

import os
import sqlite3
import time
from contextlib import closing, contextmanager, suppress
from functools import cache
from uuid import UUID

from flask import Flask, abort, jsonify, render_template, request, send_file

from appservice_api import AppService, RetryPolicy, RoomAlias
from appservice_api.errors import MatrixError, MRoomInUse
from appservice_api.flask import blueprint

ROOM = os.environ["BRIDGE_ROOM"]
FOLDER = os.environ.get("BRIDGE_FOLDER", ".")
LONGEST_NICK, LONGEST_BODY = 32, 2000

app = Flask(__name__)
matrix = AppService.from_registration(
    os.environ["APPSERVICE_REGISTRATION"],
    os.environ["APPSERVICE_BASE_URL"],
    f"sqlite:///{FOLDER}/state.db",  # shared by all workers
    retry=RetryPolicy(deadline=20),  # somebody waits for the page
)
app.register_blueprint(blueprint(matrix))


@contextmanager
def database():
    """The conversation; what is done within ``with`` is done as a whole."""
    with closing(sqlite3.connect(f"{FOLDER}/chat.db", timeout=30)) as db, db:
        db.row_factory = sqlite3.Row
        yield db


with database() as db:
    # Of a message of the page, `key` comes first, and `event_id` once it is in the room.
    # One that was deleted keeps its row, without a text.
    db.execute("""
        CREATE TABLE IF NOT EXISTS message (
            id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT UNIQUE, event_id TEXT UNIQUE,
            sender TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,
            url TEXT, sent_at INTEGER NOT NULL
        )""")


@cache
def first_room():
    """The room that the alias named when it was first asked for. If the alias is one of ours, the
    bot creates the room; else the bot joins it."""
    if matrix.registration.owns_alias(ROOM):
        with suppress(MRoomInUse):
            localpart = RoomAlias(ROOM).localpart
            return matrix.bot.create_room(localpart, preset="public_chat", name="Web chat")
    return matrix.bot.join_room(ROOM)


def room_id():
    """The room. One that was upgraded is replaced; the bot follows, and all processes know it."""
    rooms = [first_room()]
    while tombstone := matrix.state_store.get_tombstone(rooms[-1]):
        if (new := tombstone.get("replacement_room")) is None or new in rooms:
            break
        rooms.append(new)
    return rooms[-1]


# From the room to the page.


@matrix.on_alias_query
def asked_for(alias):
    """Somebody joins the room by its alias before it is there."""
    return alias == ROOM and room_id() is not None


@matrix.on("m.room.message")
def heard(event, room):
    """Somebody has written something, or something else instead. Handling it twice is harmless."""
    content, edited = event.content, event.content.get_edit()
    if event.room_id != room_id() or not content.body:
        return
    if edited:
        new = content.new_content.body if content.new_content else None
        change = "UPDATE message SET body = ? WHERE event_id = ? AND sender = ? AND body != ''"
        values = (new or content.body, edited, event.sender)
    else:
        name = room.get_room_displayname(event.sender) or event.sender.localpart
        change = """INSERT INTO message (event_id, sender, name, kind, body, url, sent_at)
            VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""
        values = (event.event_id, event.sender, name, content.msgtype or "m.text", content.body,
                  getattr(content, "url", None), event.origin_server_ts)  # fmt: skip
    with database() as db:
        db.execute(change, values)


@matrix.on("m.room.redaction")
def removed(event):
    """Somebody has deleted a message."""
    if event.room_id == room_id():
        with database() as db:
            db.execute("UPDATE message SET body = '' WHERE event_id = ?", [event.redacts])


# From the page to the room.


@app.get("/")
def page():
    """The page."""
    return render_template(
        "chat.html", room=ROOM, longest_nick=LONGEST_NICK, longest_body=LONGEST_BODY
    )


@app.get("/messages")
def conversation():
    """The last messages; to a browser that has them already, only that nothing is new."""
    with database() as db:
        rows = db.execute("""SELECT id, name, kind, body, url IS NOT NULL AS file, sent_at,
            key IS NOT NULL AS web FROM message WHERE event_id IS NOT NULL AND body != ''
            ORDER BY id DESC LIMIT 100""").fetchall()
    answer = jsonify([dict(row) for row in reversed(rows)])
    answer.cache_control.no_cache = True
    answer.add_etag()
    return answer.make_conditional(request)


@app.post("/messages")
def write():
    """Send a message. The page makes a key for it: however often it comes, it is sent once."""
    nick, body = request.form.get("nick", "").strip(), request.form.get("body", "").strip()
    if not (0 < len(nick) <= LONGEST_NICK and nick.isprintable() and 0 < len(body) <= LONGEST_BODY):
        abort(400)
    try:
        key = str(UUID(request.form.get("key", "")))
        sender = matrix.registration.user_id_for(nick)
    except ValueError:
        abort(400)
    with database() as db:
        db.execute("""INSERT INTO message (key, sender, name, kind, body, sent_at)
            VALUES (?, ?, ?, 'm.text', ?, ?) ON CONFLICT DO NOTHING""",
            (key, sender, nick, body, int(time.time() * 1000)))  # fmt: skip
        row = db.execute("SELECT * FROM message WHERE key = ?", [key]).fetchone()
    if row["event_id"] is None:
        ghost = matrix.api.intent(row["sender"], device_id="WEB")
        ghost.set_displayname(row["name"])
        event_id = ghost.send_text(room_id(), row["body"], txn_id=key)
        with database() as db:
            db.execute("UPDATE message SET event_id = ? WHERE key = ?", (event_id, key))
    return "", 204


@app.errorhandler(MatrixError)
def unreachable(error):
    """The homeserver refused, or couldn't be reached."""
    app.logger.error("%s", error)
    return "", 502


@app.get("/files/<int:number>")
def file(number):
    """A file of the room, which the bot fetches; never shown as a page of ours."""
    with database() as db:
        row = db.execute(
            "SELECT * FROM message WHERE id = ? AND url IS NOT NULL AND body != ''", [number]
        ).fetchone()
    if row is None:
        abort(404)
    try:
        media = matrix.bot.stream_media(row["url"])
    except (MatrixError, ValueError):
        abort(404)
    kind = "application/octet-stream"
    return send_file(media, kind, as_attachment=True, download_name=row["body"])
