"""A real Synapse is killed again and again while messages arrive; afterwards all were handled.

    python tests/benchmarks/homeserver_kills.py [--kills 10] [--messages 500]

Alice sends, each message until it is in the room; Synapse gets SIGKILL at random moments, and is
started again. The application service serves all the time, with its state store in SQLite, and
catches up after each restart while messages go on arriving, and once at the end. Every message
must have been handled once; and in the order of the room, but for those that were pushed before
it began to catch up. With ``--at-end`` it catches up at the end only; with ``--together`` it is
restarted together with Synapse and catches up first: then all must be in order.

Exit code 1 if anything was lost or doubled, or out of order with ``--together``.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import requests

from appservice_api import AppService, AppServiceAPI, IntentAPI, MatrixError
from appservice_api.testing import Synapse
from appservice_api.testing.pool import make_registration
from appservice_api.testing.process import free_port

SERVER_NAME = "hs.test"
GAP = 0.03


class Service:
    """The application service, which can be ended and started again: its store stays."""

    def __init__(
        self, registration: dict[str, Any], base_url: str, store: str, first: bool
    ) -> None:
        self._given = registration, base_url, store
        self._first = first
        self._stack = ExitStack()

    def start(self, handle: Callable[[Any], object]) -> None:
        """Serve."""
        registration, base_url, store = self._given
        self._handle = handle
        self.app = self._stack.enter_context(
            AppService.from_registration(
                registration, base_url, store, server_name=SERVER_NAME, default_retry_count=20,
                catch_up_at_start=self._first,
            )
        )  # fmt: skip
        self.app.on("m.room.message")(handle)
        port = int(registration["url"].rpartition(":")[2])
        self._stack.enter_context(self.app.serve_in_thread(port=port))

    def stop(self) -> None:
        """End, once what is being handled is done."""
        self._stack.close()

    def again(self) -> None:
        """Serve again, as a new process would."""
        self.start(self._handle)


class Run:
    """One run."""

    def __init__(self, synapse: Synapse, service: Service, messages: int, slow: float) -> None:
        self.synapse, self.service, self.messages, self.slow = synapse, service, messages, slow
        self.handled: list[str] = []
        self.sent = 0
        service.start(self._handle)
        user = synapse.create_user("alice")
        self.alice: IntentAPI = AppServiceAPI(
            synapse.base_url, user["user_id"], user["access_token"], device_id=user["device_id"]
        ).bot_intent()
        self.room = service.app.bot.create_room(preset="public_chat")
        self.alice.join_room(self.room)

    def _handle(self, event: Any) -> None:
        # What comes meanwhile waits in the homeserver's memory.
        time.sleep(random.uniform(0, 2 * self.slow))
        self.handled.append(event.content.body)

    def say(self) -> None:
        """Send all messages, one after the other, each until it is there."""
        for number in range(self.messages):
            while True:
                try:
                    self.alice.send_text(self.room, str(number), txn_id=f"say-{number}")
                    break
                except (MatrixError, requests.RequestException):
                    time.sleep(GAP)
            self.sent += 1
            time.sleep(random.uniform(0, GAP))

    def timeline(self) -> list[str]:
        """The bodies of the messages that are in the room."""
        found = self.alice.messages(self.room, "b", page_size=500)
        bodies = [one.content.get("body") for one in found if one.type == "m.room.message"]
        return [str(body) for body in bodies[::-1]]

    def catch_up(self) -> int:
        """How many events were missed."""
        return sum(self.service.app.catch_up([self.room]).events.values())


def main() -> int:
    """Run, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--messages", type=int, default=500)
    parser.add_argument("--at-end", action="store_true", help="catch up at the end only")
    parser.add_argument("--together", action="store_true", help="restart both, and catch up first")
    parser.add_argument("--slow", type=float, default=0.03, help="seconds that a handler takes")
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    random.seed(given.seed)
    port = free_port()
    registration = make_registration("kills", f"http://127.0.0.1:{port}", SERVER_NAME)
    with tempfile.TemporaryDirectory() as folder, Synapse([registration]) as synapse:
        store = f"sqlite:///{Path(folder) / 'state.db'}"
        service = Service(dict(registration), synapse.base_url, store, given.together)
        try:
            run = Run(synapse, service, given.messages, given.slow)
            return _run(run, given.kills, at_end=given.at_end, together=given.together)
        finally:
            service.stop()


def _run(run: Run, kills: int, *, at_end: bool, together: bool) -> int:
    since = time.monotonic()
    saying = threading.Thread(target=run.say, name="alice", daemon=True)
    saying.start()
    missed: list[int] = []
    for number in range(kills):
        wanted = run.messages * (number + random.random()) / kills
        while run.sent < wanted and saying.is_alive():
            time.sleep(0.01)
        run.synapse.kill()
        if together:
            run.service.stop()
        run.synapse.restart()
        if together:
            run.service.again()
        elif not at_end:
            missed.append(run.catch_up())
    saying.join()
    missed.append(run.catch_up())
    # What the homeserver repeats now was handled. During its own recovery it may refuse to ping.
    with suppress(MatrixError):
        run.service.app.ping()
    time.sleep(5)
    return _report(run, missed, time.monotonic() - since, kills, in_order=together)


def _report(run: Run, missed: list[int], seconds: float, kills: int, *, in_order: bool) -> int:
    timeline = run.timeline()
    counts = Counter(run.handled)
    lost = [body for body in timeline if body not in counts]
    twice = [body for body, count in counts.items() if count > timeline.count(body)]
    place = {body: index for index, body in enumerate(timeline)}
    order = [place[body] for body in run.handled if body in place]
    print(f"{len(timeline)} messages in the room, {kills} kills, {seconds:.0f} s")
    if not in_order:
        print(f"never pushed, and handled by catching up: {missed} = {sum(missed)} events")
    print(f"lost: {len(lost)} {lost[:10]}")
    print(f"handled twice: {len(twice)} {twice[:10]}")
    back = sum(a > b for a, b in pairwise(order))
    print(f"steps back in the order of handling: {back}")
    wrong = lost or twice or len(timeline) < run.messages or (in_order and back)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
