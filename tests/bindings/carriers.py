"""Ways for a request to come to a site: a framework's own test client, or a real WSGI server."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from socketserver import ThreadingMixIn
from typing import Any, TypeAlias
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

__all__ = ["AUTH", "PREFIX", "Carrier", "Reply", "Send", "over_django", "over_flask", "over_wsgi"]

AUTH = {"Authorization": "Bearer hs_token"}
PREFIX = "/bridge"


@dataclass
class Reply:
    """What was answered."""

    status: int
    data: bytes

    @property
    def json(self) -> Any:
        """The body; that it isn't JSON is an error."""
        return json.loads(self.data)


#: Method, target, body and headers.
Send: TypeAlias = Callable[[str, str, bytes, Mapping[str, str]], Reply]


class Carrier:
    """Plays homeserver.

    Args:
        send: What makes the request.
    """

    def __init__(self, send: Send) -> None:
        self.send = send

    def ask(
        self,
        method: str,
        target: str,
        body: Any = b"",
        headers: Mapping[str, str] = AUTH,
    ) -> Reply:
        """Make a request below where the binding is mounted."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        more = {"Content-Type": "application/json"} if data else {}
        return self.send(method, PREFIX + target, data, {**more, **headers})

    def push(self, *events: Any, id: str = "1") -> Reply:
        """Push a transaction."""
        return self.ask("PUT", f"/_matrix/app/v1/transactions/{id}", {"events": list(events)})


def over_flask(site: Any) -> Send:
    """Flask's test client."""

    def send(method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        answer = site.test_client().open(target, method=method, data=body, headers=dict(headers))
        return Reply(answer.status_code, answer.data)

    return send


def over_django() -> Send:
    """Django's test client, which checks for CSRF as a browser would see it."""
    from django.test import Client

    client = Client(enforce_csrf_checks=True, raise_request_exception=False)

    def send(method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        given = dict(headers)
        kind = given.pop("Content-Type", "")
        answer = client.generic(method, target, body, content_type=kind, headers=given)
        return Reply(answer.status_code, answer.content)

    return send


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def over_wsgi(application: Any) -> Iterator[Send]:
    """A real server on the loopback interface."""
    server = make_server("127.0.0.1", 0, application, _Server, _Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()

    def send(method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        with closing(http.client.HTTPConnection("127.0.0.1", server.server_port)) as connection:
            connection.request(method, target, body or None, dict(headers))
            answer = connection.getresponse()
            return Reply(answer.status, answer.read())

    try:
        yield send
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
