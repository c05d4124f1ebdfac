"""A sink for what a homeserver pushes. It accepts everything, and records it for tests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

from ..compat import Self
from .http import Broken, Recorded, Response, answer, refusal
from .loopback import LoopbackServer, forward

_PREFIX = "/as/"


class TransactionSink:
    """A loopback HTTP server in the place of application services, for any number of them.

    It can be used as a context manager.
    """

    def __init__(self) -> None:
        self._server = LoopbackServer(self._handle)
        self._received: dict[str, list[Recorded]] = {}
        self._failing: dict[str, int] = {}
        self._targets: dict[str, str] = {}
        self._arrived = threading.Condition()

    def start(self) -> None:
        """Listen; after a stop, on the same port as before. The records are kept."""
        self._server.start()

    def stop(self) -> None:
        """Stop listening and cut every connection. Harmless when already stopped."""
        self._server.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def url_for(self, registration_id: str) -> str:
        """The URL for a registration.

        Args:
            registration_id: The registration's `id`.

        Returns:
            The URL, without a trailing slash. Known once started.
        """
        return f"{self._server.url}{_PREFIX}{registration_id}"

    def received(self, registration_id: str) -> list[Recorded]:
        """All requests for a registration, including those that were refused.

        Args:
            registration_id: The registration's `id`.

        Returns:
            The requests, oldest first.
        """
        with self._arrived:
            return list(self._received.get(registration_id, ()))

    def transactions(self, registration_id: str) -> list[dict[str, Any]]:
        """All transactions for a registration, including those that were refused, and repeats.

        Args:
            registration_id: The registration's `id`.

        Returns:
            Their bodies, oldest first.
        """
        received = self.received(registration_id)
        return [
            one.json for one in received if one.method == "PUT" and "/transactions/" in one.path
        ]

    def events(self, registration_id: str) -> list[dict[str, Any]]:
        """The events of all transactions of a registration.

        Args:
            registration_id: The registration's `id`.

        Returns:
            The events, oldest first.
        """
        bodies = self.transactions(registration_id)
        return [event for body in bodies for event in body.get("events", [])]

    def wait_for_event(
        self,
        registration_id: str,
        wanted: Callable[[dict[str, Any]], bool],
        timeout: float = 10.0,
    ) -> dict[str, Any]:
        """Wait for an event.

        Args:
            registration_id: The registration's `id`.
            wanted: Tells whether an event is the one that is waited for.
            timeout: In seconds of real time.

        Returns:
            The first such event, which may have been pushed before the call.

        Raises:
            AssertionError: No such event was pushed in time.
        """
        found: list[dict[str, Any]] = []

        def arrived() -> bool:
            found.extend(event for event in self.events(registration_id) if wanted(event))
            return bool(found)

        with self._arrived:
            if not self._arrived.wait_for(arrived, timeout):
                seen = [event.get("type") for event in self.events(registration_id)]
                raise AssertionError(f"no such event in {timeout:g} s; of these types came: {seen}")
        return found[0]

    def fail_with(self, registration_id: str, status: int | None) -> None:
        """Refuse pings and transactions with a status.

        Args:
            registration_id: The registration's `id`.
            status: The HTTP status; None for 200 again.
        """
        with self._arrived:
            if status is None:
                self._failing.pop(registration_id, None)
            else:
                self._failing[registration_id] = status

    def forward(self, registration_id: str, url: str | None) -> None:
        """Forward the requests for a registration to a server, and return its responses.

        Args:
            registration_id: The registration's `id`.
            url: The URL with which the server's paths begin; None to stop forwarding.
        """
        with self._arrived:
            if url is None:
                self._targets.pop(registration_id, None)
            else:
                self._targets[registration_id] = url

    def _handle(self, request: Recorded) -> Response | Broken:
        registration_id, _, rest = request.decoded_path.removeprefix(_PREFIX).partition("/")
        with self._arrived:
            self._received.setdefault(registration_id, []).append(request)
            self._arrived.notify_all()
            failing = self._failing.get(registration_id)
            target = self._targets.get(registration_id)
        if target is not None and failing is None:
            return forward(request, target, request.target.removeprefix(_PREFIX + registration_id))
        pushed = "transactions" in rest.split("/") or rest.endswith("ping")
        if not pushed:
            return refusal(404, "M_NOT_FOUND", "The sink knows no users and no rooms")
        if failing is not None:
            return refusal(failing, "M_UNKNOWN", "The sink was told to fail")
        return answer(200)
