"""What handlers do is done once, though workers are killed: kill -9 at random moments.

As receiver_kills.py, with handlers that write a row to the database and send a reply: in a Django
site on PostgreSQL, or with an SQLStateStore on SQLite, whose ``connection`` the handler takes;
under gunicorn, whose workers are killed. A homeserver on this machine counts the replies.

    python tests/benchmarks/handler_kills.py --site django --store postgresql
    python tests/benchmarks/handler_kills.py --site sql --store sqlite

Prints how many rows and replies there are, and exits with 1 unless each event has one of each.
"""

from __future__ import annotations

import argparse
import importlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pushing import HS_TOKEN, SERVER_NAME
from receiver_kills import (
    CHECKOUT,
    HERE,
    LARGEST,
    ROOMS,
    Homeserver,
    Killer,
    Transaction,
    database,
    site,
    transactions,
    workers_of,
)

REGISTRATION = {
    "id": "kills", "url": "http://127.0.0.1:1/bridge", "as_token": "as_token",
    "hs_token": HS_TOKEN, "sender_localpart": "bot",
    "namespaces": {"users": [], "aliases": [], "rooms": []},
}  # fmt: skip
_MOST_HITS = 2
_MAKE = "CREATE TABLE done (event_id VARCHAR(255) NOT NULL)"


# The site.


def application() -> Any:
    """The site for gunicorn."""
    return _django_site() if os.environ["SITE"] == "django" else _sql_site()


def prepare() -> None:
    """Make the tables."""
    if os.environ["SITE"] == "django":
        _set_up_django()
        from django.core.management import call_command
        from django.db import connection

        call_command("migrate", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute(_MAKE)
        return
    from sqlalchemy import text

    from appservice_api.state_store.sql import SQLStateStore

    store = SQLStateStore(os.environ["STORE"])
    store.open()
    with store._ready().writing() as writing:
        writing.execute(text(_MAKE))
    store.close()


def _sql_site() -> Any:
    from sqlalchemy import Connection, text

    from appservice_api.application import AppService

    app = AppService.from_registration(
        dict(REGISTRATION), os.environ["HOMESERVER"], os.environ["STORE"],
        server_name=SERVER_NAME, lease=float(os.environ["LEASE"]),
    )  # fmt: skip
    work = _Work()

    @app.on("m.room.message")
    def handle(event: Any, room: Any, connection: Connection) -> None:
        with work(event):
            insert = text("INSERT INTO done (event_id) VALUES (:name)")
            connection.execute(insert, {"name": event.event_id})
            room.send_notice(event.event_id)

    return app.wsgi


def _django_site() -> Any:
    _set_up_django()
    from django.core.wsgi import get_wsgi_application

    from appservice_api.django.conf import appservice

    work = _Work()

    @appservice().on("m.room.message")
    def handle(event: Any, room: Any, connection: Any) -> None:
        with work(event), connection.cursor() as cursor:
            cursor.execute("INSERT INTO done (event_id) VALUES (%s)", [event.event_id])
            room.send_notice(event.event_id)

    return get_wsgi_application()


class _Work:
    """Writes when a handler begins and ends, and takes its time before and after what it does."""

    def __init__(self) -> None:
        self._out = os.open(os.environ["HEARD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._seconds = float(os.environ["WORK"])
        self._local = threading.local()

    def __call__(self, event: Any) -> _Work:
        self._local.event = event
        return self

    def __enter__(self) -> None:
        self._write("begin")
        self._wait()

    def __exit__(self, *_: object) -> None:
        self._wait()
        self._write("end")

    def _wait(self) -> None:
        time.sleep(random.uniform(0, self._seconds))

    def _write(self, what: str) -> None:
        event = self._local.event
        os.write(self._out, f"{what} {os.getpid()} {event.event_id} {event.room_id}\n".encode())


def _set_up_django() -> None:
    sys.path.insert(0, str(CHECKOUT))
    sys.path.insert(0, str(CHECKOUT / "tests"))
    import django
    from django.conf import settings

    settings_of = importlib.import_module("state_store.django_project").settings_of

    settings.configure(
        SECRET_KEY="kills", ALLOWED_HOSTS=["*"], USE_TZ=True, ROOT_URLCONF="bindings.django_urls",
        INSTALLED_APPS=["appservice_api.django"],
        # It says how long an answer is.
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
        DATABASES={"default": settings_of(os.environ["STORE"])},
        APPSERVICE={
            "REGISTRATION": dict(REGISTRATION), "BASE_URL": os.environ["HOMESERVER"],
            "SERVER_NAME": SERVER_NAME, "LEASE": float(os.environ["LEASE"]),
        },
    )  # fmt: skip
    django.setup()


# The killer.


class HandlerKiller(Killer):
    """Kills workers that are within a handler, and now and then any. No event is hit three times:
    it would be parked, as one of which processes die."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._hit: Counter[bytes] = Counter()
        self._found = b""

    def _kill_one(self) -> None:
        if self._chooser.random() >= self._busy:
            super()._kill_one()
            return
        while not self.end.wait(0.001):
            pid = self._within_handler()
            if pid in workers_of(self._master):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    self.killed.append(pid)
                    self._hit[self._found] += 1
                    return

    def _within_handler(self) -> int:
        """The worker whose handler began last, and hasn't ended; 0 if there is none."""
        with suppress(OSError, ValueError, IndexError), self._heard.open("rb") as file:
            file.seek(max(0, self._heard.stat().st_size - 300))
            what, pid, name, *_ = file.read().splitlines()[-1].split()
            if what == b"begin" and self._hit[name] < _MOST_HITS:
                self._found = name
                return int(pid)
        return 0


# What came of it.


def _in_rooms(pushed: Iterator[Transaction], rooms: list[str]) -> Iterator[Transaction]:
    """Transactions whose events are in these rooms."""
    for one in pushed:
        yield Transaction(one.number, [
            {**event, "room_id": rooms[int(event["room_id"][5 : event["room_id"].index(":")])]}
            for event in one.events
        ])  # fmt: skip


def _rows(store: str) -> list[str]:
    from sqlalchemy import create_engine, text

    engine = create_engine(store)
    with engine.connect() as connection:
        found = [str(row[0]) for row in connection.execute(text("SELECT event_id FROM done"))]
    engine.dispose()
    return found


def _judge(what: str, found: list[str], names: list[str]) -> bool:
    counts = Counter(found)
    lost = [name for name in names if not counts[name]]
    doubled = [name for name, count in counts.items() if count > 1]
    print(f"{what + ':':<17} {len(found)} of {len(names)}; lost {len(lost)} "
          f"{' '.join(lost[:5])}; doubled {len(doubled)} {' '.join(doubled[:5])}")  # fmt: skip
    return not lost and not doubled and len(found) == len(names)


def run(options: argparse.Namespace) -> bool:
    """Push, kill, judge and print; whether all is well."""
    sys.path.insert(0, str(CHECKOUT))
    from appservice_api.testing import StubHomeserver

    chooser = random.Random(options.seed + 1)
    latest = max(0, options.messages - 2 * LARGEST)
    moments = sorted(chooser.uniform(0, latest) for _ in range(options.kills))
    with (
        tempfile.TemporaryDirectory(prefix="appservice_api-kills-") as name,
        StubHomeserver(as_token="as_token", sender=f"@bot:{SERVER_NAME}") as stub,
    ):
        folder, rooms = Path(name), [stub.room(public=True) for _ in range(ROOMS)]
        pushed = _in_rooms(transactions(options.messages, random.Random(options.seed)), rooms)
        with database(options.store, folder) as url:
            environ = {
                **os.environ, "SITE": options.site, "STORE": url, "HOMESERVER": stub.base_url,
                "LEASE": str(options.lease),
                "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(HERE.parent)]),
            }  # fmt: skip
            command = [sys.executable, "-c", "import handler_kills; handler_kills.prepare()"]
            subprocess.run(command, env=environ, check=True)
            more = {key: environ[key] for key in ("SITE", "HOMESERVER")}
            with site(folder, url, options, "handler_kills:application()", more) as (master, port):
                homeserver = Homeserver(port)
                killer = HandlerKiller(
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
            rows = _rows(url)
        replies = [
            str(one["content"]["body"])
            for room in rooms
            for one in stub.events(room)
            if one["type"] == "m.room.message"
        ]
        began = (folder / "heard").read_text().count("begin ")
    names = [event["event_id"] for one in homeserver.sent for event in one.events]
    print(
        f"{homeserver.acknowledged} messages in {len(homeserver.sent)} transactions, "
        f"{options.site} on {options.store}, {options.workers} workers ({options.worker_class}), "
        f"lease {options.lease:g} s, seed {options.seed}: {taken:.0f} s\n"
        f"kills:            {len(killer.killed)}\n"
        f"repeats:          {homeserver.repeats}; the slowest transaction took "
        f"{homeserver.longest:.1f} s\n"
        f"handlers called:  {began} times"
    )
    well = [_judge("rows", rows, names), _judge("replies", replies, names)]
    return all(well) and len(killer.killed) == int(options.kills)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--site", choices=("django", "sql"), default="sql")
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--worker-class", choices=("sync", "gthread"), default="sync")
    parser.add_argument("--lease", type=float, default=2.0, help="seconds (default: 2)")
    parser.add_argument("--work", type=float, default=10.0, help="ms a handler takes, at least")
    parser.add_argument("--busy", type=float, default=0.8, help="share of kills that hit a handler")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    raise SystemExit(0 if run(parser.parse_args()) else 1)


if __name__ == "__main__":
    main()
