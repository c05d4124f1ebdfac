"""What is lost when workers are killed: kill -9 at random moments while messages arrive.

A Flask site under gunicorn, whose workers share a database, gets messages in transactions of 1 to
20 events from a homeserver that has one in flight, and that repeats it, with other ages, until it
is acknowledged. Meanwhile random workers are killed. The handler writes a line before and a line
after its work, so that it can be told which event was in flight when its worker died.

    python tests/benchmarks/receiver_kills.py --messages 2000 --kills 100

Prints what was lost, handled twice, and out of order; exits with 1 if anything was but the events
that were in flight, which are handled again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from pushing import HS_TOKEN, SERVER_NAME, Connection, event, request
from serving import serving

HERE = Path(__file__).resolve()
CHECKOUT = HERE.parents[2]
ROOMS = 5
LARGEST = 20
FIRST_WAIT, LONGEST_WAIT = 0.05, 0.5
REGISTRATION = {
    "id": "kills", "url": "http://127.0.0.1:1", "as_token": "as_token", "hs_token": HS_TOKEN,
    "sender_localpart": "bot", "namespaces": {"users": [], "aliases": [], "rooms": []},
}  # fmt: skip


# The site: gunicorn's workers.


def application() -> Any:
    """The site for gunicorn."""
    sys.path.insert(0, str(CHECKOUT))
    from flask import Flask

    from appservice_api.application import AppService
    from appservice_api.flask import blueprint

    app = AppService(
        _registration(), "http://127.0.0.1:1", os.environ["STORE"], server_name=SERVER_NAME,
        lease=float(os.environ["LEASE"]),
    )  # fmt: skip
    out = os.open(os.environ["HEARD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    work = float(os.environ["WORK"])

    def write(what: str, event_id: str, room: str) -> None:
        os.write(out, f"{what} {os.getpid()} {event_id} {room}\n".encode())

    @app.on("m.room.message")
    def handle(event: Any) -> None:
        write("begin", event.event_id, event.room_id)
        time.sleep(random.uniform(0, 2 * work))
        write("end", event.event_id, event.room_id)

    site = Flask(__name__)
    site.register_blueprint(blueprint(app), url_prefix="/bridge")
    return site


def _registration() -> Any:
    from appservice_api import Registration

    return Registration.load(dict(REGISTRATION))


# The homeserver.


class Transaction(NamedTuple):
    """A transaction: its number, and the events, which are only aged by a repeat."""

    number: int
    events: list[dict[str, Any]]

    def request(self, age: int) -> bytes:
        """The request; events are so many milliseconds old."""
        aged = [{**one, "age": age, "unsigned": {"age": age}} for one in self.events]
        body = json.dumps({"events": aged}).encode()
        path = f"/bridge/_matrix/app/v1/transactions/{self.number}"
        return request("PUT", path, body)


def transactions(messages: int, chooser: random.Random) -> Iterator[Transaction]:
    """So many messages in transactions of random sizes, and more for as long as one asks."""
    number, begin = 0, 0
    while True:
        number += 1
        end = begin + chooser.randint(1, LARGEST)
        if begin < messages:
            end = min(end, messages)
        events = [event(str(one), chooser.randrange(ROOMS)) for one in range(begin, end)]
        yield Transaction(number, events)
        begin = end


class Homeserver:
    """Pushes one transaction at a time, until it is acknowledged.

    Attributes:
        sent: What was pushed.
        acknowledged: How many messages were.
        repeats: How often a transaction was pushed again.
        longest: Seconds that the slowest transaction took.
    """

    def __init__(self, port: int) -> None:
        self._connection = Connection(port)
        self.sent: list[Transaction] = []
        self.acknowledged = 0
        self.repeats = 0
        self.longest = 0.0

    def push_all(
        self, pushed: Iterator[Transaction], messages: int, killing: threading.Thread
    ) -> None:
        """Push so many messages, in order, and more until nobody is to be killed any more."""
        while self.acknowledged < messages or killing.is_alive():
            one = next(pushed)
            self.sent.append(one)
            begin = time.monotonic()
            wait = FIRST_WAIT
            while not self._push(one, int((time.monotonic() - begin) * 1000) + 1):
                self.repeats += 1
                time.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT)
            self.longest = max(self.longest, time.monotonic() - begin)
            self.acknowledged += len(one.events)

    def _push(self, one: Transaction, age: int) -> bool:
        try:
            status, body = self._connection.exchange(one.request(age))
        except OSError:
            return False
        return (status, body) == (200, b"{}")


# The killer.


def workers_of(master: int) -> list[int]:
    """The workers of a gunicorn."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{master}/task").iterdir():
            found += [int(one) for one in (task / "children").read_text().split()]
    if found:
        return found
    for one in Path("/proc").iterdir():
        if one.name.isdigit():
            with suppress(OSError):
                if int((one / "stat").read_text().rpartition(") ")[2].split()[1]) == master:
                    found.append(int(one.name))
    return found


class Killer:
    """Kills workers at random moments, which are as many messages.

    Args:
        master: The process of gunicorn.
        homeserver: Tells how far it is.
        moments: After how many acknowledged messages one is killed, sorted.
        busy: The share of kills that hit the worker that is at work.
    """

    def __init__(
        self, master: int, homeserver: Homeserver, moments: list[float], heard: Path,
        chooser: random.Random, busy: float,
    ) -> None:  # fmt: skip
        self._master = master
        self._homeserver = homeserver
        self._moments = moments
        self._heard = heard
        self._chooser = chooser
        self._busy = busy
        self.killed: list[int] = []
        self.end = threading.Event()

    def run(self) -> None:
        """Kill until all moments have come."""
        for moment in self._moments:
            while self._homeserver.acknowledged < moment:
                if self.end.wait(0.001):
                    return
            self.end.wait(self._chooser.uniform(0, 0.08))
            self._kill_one()

    def _kill_one(self) -> None:
        while not self.end.is_set():
            found = workers_of(self._master)
            at_work = [one for one in found if one == self._last_heard()]
            if at_work and self._chooser.random() < self._busy:
                found = at_work
            if found:
                pid = self._chooser.choice(found)
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    self.killed.append(pid)
                    return
            self.end.wait(0.01)

    def _last_heard(self) -> int:
        """The worker that wrote last."""
        with suppress(OSError, ValueError, IndexError), self._heard.open("rb") as file:
            file.seek(max(0, self._heard.stat().st_size - 300))
            return int(file.read().splitlines()[-1].split()[1])
        return 0


# What came of it.


class Outcome(NamedTuple):
    """What was found in the handlers' lines."""

    lost: list[str]
    in_flight: list[str]
    doubled: list[str]
    disordered: list[str]


def judge(lines: list[str], sent: list[Transaction], killed: set[int]) -> Outcome:
    """Compare what handlers wrote with what was pushed.

    An event that was handled again was in flight if each earlier time was the last deed of a
    worker that was killed: it had begun, or had ended and wasn't noted yet.
    """
    runs: dict[str, list[int]] = {}
    ends: Counter[str] = Counter()
    last: dict[int, str] = {}
    orders: dict[str, list[str]] = {}
    for line in lines:
        what, pid, event_id, room = line.split()
        if what == "begin":
            runs.setdefault(event_id, []).append(int(pid))
            last[int(pid)] = event_id
            order = orders.setdefault(room, [])
            # The same again, where it stopped, is no disorder.
            if not order or order[-1] != event_id:
                order.append(event_id)
        else:
            ends[event_id] += 1
    expected: dict[str, list[str]] = {}
    for transaction in sent:
        for one in transaction.events:
            expected.setdefault(one["room_id"], []).append(one["event_id"])
    names = [name for order in expected.values() for name in order]
    again = {name: pids for name, pids in runs.items() if len(pids) > 1}
    in_flight = [
        name for name, pids in again.items()
        if all(pid in killed and last[pid] == name for pid in pids[:-1])
    ]  # fmt: skip
    return Outcome(
        lost=[name for name in names if not ends[name]],
        in_flight=in_flight,
        doubled=[name for name in again if name not in in_flight],
        disordered=[room for room, order in expected.items() if orders.get(room) != order],
    )


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/kills.db"
        return
    sys.path.insert(0, str(CHECKOUT))
    from appservice_api.testing.postgres import Postgres

    server = Postgres()
    try:
        yield server.new_database()
    finally:
        server.stop()


@contextmanager
def site(
    folder: Path, store: str, options: argparse.Namespace,
    application: str = "receiver_kills:application()", more: dict[str, str] | None = None,
) -> Iterator[tuple[int, int]]:  # fmt: skip
    """A site, with more in its environment; gunicorn's process and the port."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        environ = {
            **os.environ, "STORE": store, "HEARD": str(folder / "heard"),
            "LEASE": str(options.lease), "WORK": str(options.work / 1000),
            "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(HERE.parent)]), **(more or {}),
        }  # fmt: skip
        command = [
            sys.executable, "-m", "gunicorn", "--workers", str(options.workers),
            "--worker-class", options.worker_class, "--threads", "4",
            "--bind", f"fd://{listener.fileno()}", "--log-level", "critical",
            application,
        ]  # fmt: skip
        port: int = listener.getsockname()[1]
        with serving(
            command, port, "/bridge/readyz", 200, cwd=HERE.parent, env=environ,
            pass_fds=[listener.fileno()],
        ) as pid:  # fmt: skip
            yield pid, port


def run(options: argparse.Namespace) -> bool:
    """Push, kill, judge and print; whether all is well."""
    # Two threads choose: each of what is its own.
    chooser = random.Random(options.seed + 1)
    pushed = transactions(options.messages, random.Random(options.seed))
    # Where the last one comes late, more is pushed.
    latest = max(0, options.messages - 2 * LARGEST)
    moments = sorted(chooser.uniform(0, latest) for _ in range(options.kills))
    with tempfile.TemporaryDirectory(prefix="appservice_api-kills-") as name:
        folder = Path(name)
        with database(options.store, folder) as url, site(folder, url, options) as (master, port):
            homeserver = Homeserver(port)
            killer = Killer(
                master, homeserver, moments, folder / "heard", chooser, options.busy
            )  # fmt: skip
            killing = threading.Thread(target=killer.run)
            killing.start()
            begin = time.monotonic()
            try:
                homeserver.push_all(pushed, options.messages, killing)
            finally:
                killer.end.set()
                killing.join()
            taken = time.monotonic() - begin
        lines = (folder / "heard").read_text().splitlines()
    found = judge(lines, homeserver.sent, set(killer.killed))
    print(
        f"{homeserver.acknowledged} messages in {len(homeserver.sent)} transactions, "
        f"{options.store}, {options.workers} workers ({options.worker_class}), "
        f"lease {options.lease:g} s, seed {options.seed}: {taken:.0f} s\n"
        f"kills:            {len(killer.killed)}\n"
        f"repeats:          {homeserver.repeats}; the slowest transaction took "
        f"{homeserver.longest:.1f} s\n"
        f"lost:             {len(found.lost)} {' '.join(found.lost[:5])}\n"
        f"begun again, in flight when the worker was killed: {len(found.in_flight)}\n"
        f"handled twice otherwise: {len(found.doubled)} {' '.join(found.doubled[:5])}\n"
        f"rooms out of order: {len(found.disordered)} {' '.join(found.disordered[:5])}"
    )
    if found.lost or found.doubled or found.disordered:
        if options.keep:
            Path(options.keep).write_text("\n".join(lines))
        return False
    return len(killer.killed) == int(options.kills)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--worker-class", choices=("sync", "gthread"), default="sync")
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--lease", type=float, default=2.0, help="seconds (default: 2)")
    parser.add_argument("--work", type=float, default=5.0, help="ms a handler takes on average")
    parser.add_argument(
        "--busy", type=float, default=0.5, help="share of kills that hit the worker at work"
    )
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--keep", metavar="FILE", help="keep the handlers' lines if all isn't well")
    raise SystemExit(0 if run(parser.parse_args()) else 1)


if __name__ == "__main__":
    main()
