"""Requests of all kinds: some as a homeserver's, some nearly so, some of nonsense."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from appservice_api.application import AppService
from appservice_api.receiver import Request

from .carriers import PREFIX, Carrier, Reply

__all__ = ["REQUESTS", "Fuzzed", "Tracebacks", "over_core", "over_site", "over_wsgi_alone", "watch"]


@dataclass(frozen=True)
class Fuzzed:
    """A request; its path is percent-encoded, but for what is nonsense."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


METHODS = st.sampled_from(["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "x"])
# What leads somewhere, and the methods that are right there.
PLACES = [
    ("PUT", "/_matrix/app/v1/transactions/"), ("PUT", "/transactions/"),
    ("GET", "/_matrix/app/v1/users/"), ("GET", "/users/@_irc_"), ("GET", "/rooms/%23_irc_"),
    ("GET", "/_matrix/app/v1/rooms/"), ("GET", "/_matrix/app/v1/thirdparty/user/irc"),
    ("GET", "/_matrix/app/v1/thirdparty/location"), ("POST", "/_matrix/app/v1/ping"),
    ("GET", "/_matrix/app/v1/thirdparty/protocol/"), ("GET", "/_matrix/app/unstable/"),
    ("POST", "/_matrix/app/unstable/org.matrix.msc3983/keys/claim"),
    ("POST", "/_matrix/app/unstable/org.matrix.msc3984/keys/query"), ("GET", "/readyz"),
    ("GET", "/healthz"), ("GET", "/"), ("GET", ""),
]  # fmt: skip
TRANSACTION = ("PUT", "/_matrix/app/v1/transactions/7")
RESTS = (
    st.just("")
    | st.integers(0, 10**6).map(str)
    | (st.binary(max_size=12) | st.text(max_size=12).map(lambda text: text.encode(errors="replace"))
       ).map(lambda data: quote(data, safe="/"))
    | st.text(max_size=12)
)  # fmt: skip

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["@_irc_a:hs.test", "!room:hs.test", "$e:x", "join", "m.read", 2**63, "\0"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.text(max_size=5)
        | st.sampled_from(["membership", "users", "msgtype", "body", "m.relates_to", "event_id",
                           "user_ids", "m.read", "changed", "left", "@_irc_a:hs.test"]),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip
TYPES = st.sampled_from(
    ["m.room.message", "m.room.member", "m.room.power_levels", "m.room.create", "m.typing",
     "m.receipt", "m.room.encryption", "m.room.tombstone", "m.room.name", "m.presence"]
)  # fmt: skip
ROOMS = st.sampled_from(["!room:hs.test", "!other:hs.test", "!v12"])
EVENTS = st.fixed_dictionaries(
    {"type": TYPES | JSON, "content": st.dictionaries(st.text(max_size=5), JSON) | JSON},
    optional={
        "event_id": st.integers(0, 50).map(lambda number: f"${number}") | JSON,
        "room_id": ROOMS | JSON,
        "sender": st.sampled_from(["@alice:hs.test", "@_irc_a:hs.test"]) | JSON,
        "state_key": st.sampled_from(["", "@_irc_a:hs.test", "@alice:hs.test"]) | JSON,
        "origin_server_ts": st.integers(0, 2**54) | JSON,
        "unsigned": JSON,
        "to_user_id": JSON,
        "redacts": JSON,
    },
)
LISTS = st.lists(EVENTS | JSON, max_size=4) | JSON
TRANSACTIONS = st.fixed_dictionaries(
    {"events": LISTS},
    optional={
        "ephemeral": LISTS,
        "de.sorunome.msc2409.ephemeral": LISTS,
        "to_device": LISTS,
        "de.sorunome.msc2409.to_device": LISTS,
        "device_lists": JSON,
        "org.matrix.msc3202.device_one_time_keys_count": JSON,
        "device_unused_fallback_key_types": JSON,
    },
)


def _deep(levels: int) -> bytes:
    return b'{"events":[' + b"[" * levels + b"]" * levels + b"]}"


WRITTEN = (TRANSACTIONS | JSON).map(lambda found: json.dumps(found).encode())
BODIES = (
    WRITTEN
    | WRITTEN
    | st.binary(max_size=40)
    | st.integers(1, 1200).map(_deep)
    | st.builds(lambda body, end: body[: -1 - end], WRITTEN, st.integers(0, 10))
    | st.builds(lambda body, code: body.decode().encode(code), WRITTEN,
                st.sampled_from(["utf-16", "utf-32", "utf-8-sig"]))
    | st.sampled_from([b"", b"1" * 5000, b'{"events": [1e999, NaN, -Infinity]}', b'{"a":1,"a":2}'])
)  # fmt: skip
RIGHT, ODD = "Bearer hs_token", ["bearer  hs_token", "Bearer", "Bearer é", ""]
HEADERS = st.fixed_dictionaries(
    {"Authorization": st.sampled_from([RIGHT] * 30 + ODD)},
    optional={
        "Content-Type": st.sampled_from(
            ["application/json", "multipart/form-data; boundary=x", "text/é; charset=\xff", "a"]
        ),
        "X-Forwarded-For": st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=9),
        "Cookie": st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=9),
    },
)


@st.composite
def _requests(draw: st.DrawFn) -> Fuzzed:
    method, start = draw(st.sampled_from(PLACES + [TRANSACTION] * 30))
    return Fuzzed(
        draw(st.just(method) | st.just(method) | st.just(method) | METHODS),
        start + draw(RESTS),
        draw(st.just("") | st.text(max_size=12) | st.sampled_from(
            ["access_token=x", "access_token=hs_token", "a=%ff&a=%zz&&=;", "userid=@_irc_a:hs.test"]
        )),
        draw(HEADERS),
        draw(BODIES),
    )  # fmt: skip


REQUESTS = _requests()


def over_core(app: AppService, request: Fuzzed) -> Reply:
    """Ask the core."""
    answer = app.receiver.handle(
        Request(request.method, request.path, request.query, request.headers, request.body)
    )
    return Reply(answer.status, answer.data)


def over_wsgi_alone(app: AppService, request: Fuzzed) -> Reply:
    """Call the WSGI application itself, as a server does that lets through what it gets."""
    told: list[str] = []
    raw = request.path.encode(errors="replace").decode("latin-1")
    environ = {
        "REQUEST_METHOD": request.method, "PATH_INFO": raw, "SCRIPT_NAME": "",
        "QUERY_STRING": request.query, "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.input": io.BytesIO(request.body), "RAW_URI": request.path,
        **{"HTTP_" + name.upper().replace("-", "_"): value
           for name, value in request.headers.items()},
    }  # fmt: skip
    data = b"".join(app.wsgi(environ, lambda status, headers: told.append(status)))
    return Reply(int(told[0].split()[0]), data)


def over_site(carrier: Carrier, request: Fuzzed) -> Reply:
    """Ask a site, by a client that sends no nonsense in the first line."""
    path = quote(request.path.encode(errors="replace"), safe="/%")
    query = quote(request.query.encode(errors="replace"), safe="=&;%")
    headers = {"Content-Type": "", **request.headers}
    return carrier.send(request.method, f"{PREFIX}{path}?{query}", request.body, headers)


class Tracebacks(logging.Handler):
    """Keeps what is logged with a traceback."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        if record.exc_info:
            self.found.append(logging.Formatter().format(record))


def watch(app: AppService) -> None:
    """Give an application service handlers that look at everything in what comes."""

    @app.on("*", mine=True)
    @app.on_ephemeral(mine=True)
    @app.on_to_device(mine=True)
    def look(event: Any, mine: bool, room: Any, ghost: Any) -> None:
        for name in dir(event):
            getattr(event, name)
        for name in dir(event.content):
            getattr(event.content, name, None)

    @app.on_device_lists
    def lists(changed: list[str], left: list[str]) -> None:
        assert isinstance(changed, list)
        assert isinstance(left, list)

    app.on_user_query(lambda user_id: user_id.startswith("@_irc_a"))
    app.on_alias_query(lambda alias: False)
    app.on_protocol("irc")(lambda protocol: {"instances": []})
    app.on_user()(
        lambda fields: [{"userid": "@_irc_a:hs.test", "protocol": "irc", "fields": fields}]
    )
    app.on_location()(lambda fields: [])
