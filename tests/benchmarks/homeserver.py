"""A homeserver that costs the client nothing: it answers at once, from its own process.

Run by hand, it prints its port and serves until its standard input closes. The benchmarks
use :func:`start`. ``GET /count`` tells what was received since ``DELETE /count``.
"""

from __future__ import annotations

import contextlib
import email.utils
import json
import re
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

SERVER_NAME = "hs.test"
BOT = f"@bot:{SERVER_NAME}"
GHOST = f"@_ghost:{SERVER_NAME}"

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_AUTHORIZATION = re.compile(rb"\r\nauthorization:[ \t]*([^\r]*)", re.IGNORECASE)
_HEAD = (
    "HTTP/1.1 {status}\r\n"
    "Server: Synapse/1.163.2\r\n"
    "Date: {date}\r\n"
    "Content-Type: application/json\r\n"
    "Cache-Control: no-cache, no-store, must-revalidate\r\n"
    "Access-Control-Allow-Origin: *\r\n"
    "Access-Control-Allow-Methods: GET, HEAD, POST, PUT, DELETE, OPTIONS\r\n"
    "Access-Control-Allow-Headers: X-Requested-With, Content-Type, Authorization, Date\r\n"
    "Access-Control-Expose-Headers: Synapse-Trace-Id, Server\r\n"
    "Content-Length: {length}\r\n\r\n"
)
_NOT_FOUND = {"errcode": "M_NOT_FOUND", "error": "Event not found."}
_POWER_LEVELS = {
    "ban": 50,
    "events": {"m.room.name": 50, "m.room.power_levels": 100},
    "events_default": 0,
    "invite": 0,
    "kick": 50,
    "redact": 50,
    "state_default": 50,
    "users": {BOT: 100},
    "users_default": 0,
}


def _response(status: str, content: Any) -> bytes:
    body = json.dumps(content, separators=(",", ":")).encode()
    date = email.utils.formatdate(usegmt=True)
    return _HEAD.format(status=status, date=date, length=len(body)).encode() + body


class _Server:
    """What the connections share: the counters, and the start of an answer to a send."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.event_prefix = secrets.token_hex(16)
        self.events = 0
        self.second = 0
        self.sent_head = b""
        self.reset()

    def reset(self) -> None:
        self.requests = 0
        self.sends = 0
        self.paths: set[bytes] = set()
        self.connections: set[int] = set()
        self.kinds: set[tuple[bytes, bytes, bytes, bytes]] = set()

    def count(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "sends": self.sends,
            "distinct": len(self.paths),
            "connections": len(self.connections),
            "kinds": [[part.decode() for part in kind] for kind in sorted(self.kinds)],
        }

    def answer(self, connection: int, head: bytes, body: bytes) -> bytes:
        method, target, _ = head.split(b"\r\n", 1)[0].split(b" ")
        path, _, query = target.partition(b"?")
        with self.lock:
            if path == b"/count":
                if method == b"DELETE":
                    self.reset()
                return _response("200 OK", self.count())
            self.requests += 1
            if method == b"PUT" and b"/send/" in path:
                return self.sent(connection, path, query, head, body)
        return self.other(method.decode(), path.decode(), query.decode(), body)

    def sent(self, connection: int, path: bytes, query: bytes, head: bytes, body: bytes) -> bytes:
        token = _AUTHORIZATION.search(head)
        self.sends += 1
        self.paths.add(path)
        self.connections.add(connection)
        self.kinds.add((path.rpartition(b"/")[0], query, token[1] if token else b"", body))
        now = int(time.time())
        if now != self.second:
            self.second = now
            start = _response("200 OK", {"event_id": "$" + 43 * "x"})
            self.sent_head = start[: start.index(b"$") + 1]
        self.events += 1
        return b'%b%b%011d"}' % (self.sent_head, self.event_prefix.encode(), self.events)

    def other(self, method: str, path: str, query: str, body: bytes) -> bytes:
        parameters = parse_qs(query)
        parts = [unquote(part) for part in path.strip("/").split("/")]
        user_id = parameters.get("user_id", [BOT])[0]
        if parts[-1] == "whoami":
            return _response("200 OK", {"user_id": user_id, "is_guest": False})
        if parts[-1] == "versions":
            return _response("200 OK", {"versions": ["v1.11", "v1.12"]})
        if parts[-1] == "register":
            localpart = json.loads(body)["username"]
            return _response("200 OK", {"user_id": f"@{localpart}:{SERVER_NAME}"})
        if parts[-1] == "join" or "join" in parts[:-1]:
            room = parts[-2] if parts[-1] == "join" else parts[-1]
            return _response("200 OK", {"room_id": room})
        if method == "GET" and "state" in parts:
            at = parts.index("state")
            kind, key = [*parts[at + 1 :], "", ""][:2]
            return self.state(parts[at - 1], kind, key, parameters.get("format") == ["event"])
        return _response("200 OK", {})

    def state(self, room_id: str, kind: str, key: str, whole: bool) -> bytes:
        content: dict[str, Any]
        if kind == "m.room.power_levels":
            content = _POWER_LEVELS
        elif kind == "m.room.create":
            content = {"room_version": "11"}
        elif kind == "m.room.member":
            content = {"membership": "join"}
        else:
            return _response("404 Not Found", _NOT_FOUND)
        if not whole:
            return _response("200 OK", content)
        event = {
            "type": kind,
            "room_id": room_id,
            "sender": BOT,
            "state_key": key,
            "content": content,
            "event_id": "$" + self.event_prefix + 11 * "0",
            "origin_server_ts": 1_700_000_000_000,
            "unsigned": {"age": 1000},
        }
        return _response("200 OK", event)

    def serve(self, connection: int, client: socket.socket) -> None:
        buffer = b""
        with client, contextlib.suppress(ConnectionError):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                while (end := buffer.find(b"\r\n\r\n")) < 0:
                    if not (data := client.recv(65536)):
                        return
                    buffer += data
                head = buffer[:end]
                length = _LENGTH.search(head)
                total = end + 4 + (int(length[1]) if length else 0)
                while len(buffer) < total:
                    if not (data := client.recv(65536)):
                        return
                    buffer += data
                body, buffer = buffer[end + 4 : total], buffer[total:]
                client.sendall(self.answer(connection, head, body))

    def accept(self, listener: socket.socket) -> None:
        connection = 0
        while True:
            client, _ = listener.accept()
            connection += 1
            threading.Thread(target=self.serve, args=(connection, client), daemon=True).start()


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_Server().accept, args=(listener,), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        sys.stdin.buffer.read()


@contextlib.contextmanager
def start() -> Iterator[str]:
    """Run the homeserver in a process of its own and give its base URL."""
    command = [sys.executable, str(Path(__file__).resolve())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()


if __name__ == "__main__":
    main()
