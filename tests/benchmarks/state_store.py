"""What a state store costs, and what it stands.

Prints the time of ``is_joined`` on a warm cache, what a million memberships in SQLite take to load,
to answer and on the disk; with ``--soak`` the outcome of 4 processes of 8 threads with 2,000 mixed
reads and writes each, compared with a model; with ``--kills`` that of kill -9 during writes.
PostgreSQL is one of our own, started for the occasion.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import timeit
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))
os.environ["PYTHONPATH"] = str(CHECKOUT)  # for the writers

from appservice_api import Membership, MemoryStateStore
from appservice_api.state_store import ASStateStore, open_state_store
from appservice_api.state_store.sql import SQLStateStore
from appservice_api.testing.postgres import Postgres

fork = multiprocessing.get_context("fork")
PROCESSES, THREADS, TURNS = 4, 8, 2000
WRITER = """
import sys
from appservice_api.state_store import open_state_store
store = open_state_store(sys.argv[1])
number = int(sys.argv[2])
while True:
    members = {f"@{number}-{one}:h": {"displayname": "x"} for one in range(5)}
    store.set_members("!r:h", members, "join")
    store.joined("!all:h", f"@{number}:h")
    print(number, flush=True)
    number += 1
"""


@contextmanager
def databases(kinds: list[str]) -> Iterator[list[tuple[str, str]]]:
    """The name and the URL of an empty database of each kind."""
    folder = Path(tempfile.mkdtemp(prefix="appservice_api-benchmark-"))
    server = Postgres() if "postgresql" in kinds else None
    try:
        yield [
            (kind, server.new_database() if server and kind == "postgresql"
             else f"sqlite:///{folder}/state.db")
            for kind in kinds
        ]  # fmt: skip
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder)


def warm_read(name: str, store: ASStateStore) -> None:
    """Print what ``is_joined`` costs when the answer is known."""
    store.joined("!room:example.org", "@ghost:example.org")
    assert store.is_joined("!room:example.org", "@ghost:example.org")
    ask = lambda: store.is_joined("!room:example.org", "@ghost:example.org")  # noqa: E731
    taken = min(timeit.repeat(ask, number=100_000, repeat=5)) / 100_000
    print(f"is_joined on a warm cache, {name}: {taken * 1e6:.2f} µs")
    store.close()


def million(rooms: int, members: int) -> None:
    """Load a million memberships into SQLite, and ask for some."""
    with databases(["sqlite"]) as [(_, url)]:
        store = SQLStateStore(url)
        users = [f"@_bridge_user{number:06}:example.org" for number in range(members * 5)]
        start = time.perf_counter()
        for room in range(rooms):
            chosen = random.Random(room).sample(users, members)
            profiles = {
                user: {
                    "displayname": f"Remote user {user[13:19]}",
                    "avatar_url": f"mxc://example.org/{user[13:19]:>024}",
                }
                for user in chosen
            }
            store.set_members(f"!{room:018}:example.org", profiles, Membership.JOIN)
        loaded = time.perf_counter() - start
        file = Path(url.removeprefix("sqlite:///"))
        store.close()
        size = sum(one.stat().st_size for one in file.parent.iterdir())
        store = SQLStateStore(url)
        chooser = random.Random(1)
        asked = 2000
        start = time.perf_counter()
        for _ in range(asked):
            room = chooser.randrange(rooms)
            user = chooser.choice(users)
            store.is_joined(f"!{room:018}:example.org", user)
        cold = (time.perf_counter() - start) / asked
        start = time.perf_counter()
        shared = store.find_shared_rooms(users[0], users[1])
        queried = time.perf_counter() - start
        count = len(store.get_members("!000000000000000000:example.org"))
        store.close()
        print(
            f"{rooms * members:,} memberships in SQLite: loaded in {loaded:.1f} s "
            f"({rooms * members / loaded:,.0f} a second), {size / 1e6:.0f} MB; "
            f"a cold is_joined {cold * 1e6:.0f} µs, shared rooms of two users ({len(shared)}) "
            f"{queried * 1e3:.1f} ms, members of a room {count}"
        )


def turn(store: ASStateStore, chooser: random.Random, who: str) -> None:
    """One of the soak's reads and writes; what is written depends on the writer only."""
    room, user = f"!{chooser.randrange(20)}:h", f"@{who}-{chooser.randrange(50)}:h"
    deed = chooser.randrange(8)
    if deed < 2:
        store.set_member(room, user, {"membership": "join", "displayname": f"{deed}"})
    elif deed == 2:
        store.left(room, user)
    elif deed == 3:
        store.registered(user)
    elif deed == 4:
        store.set_power_levels(f"!{who}:h", {"ban": chooser.randrange(100)})
    elif deed == 5:
        store.get_members(room)
    else:
        store.is_joined(room, user)


def soak_process(url: str, process: int) -> None:
    """One of the processes of the soak; its exit code is the number of errors."""
    store = open_state_store(url)
    errors: list[BaseException] = []

    def work(thread: int) -> None:
        chooser = random.Random(process * 100 + thread)
        for _ in range(TURNS):
            try:
                turn(store, chooser, f"{process}-{thread}")
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(THREADS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    for error in errors[:3]:
        print(f"  {error!r}", file=sys.stderr)
    store.close()
    os._exit(min(len(errors), 255))


def soak(kinds: list[str]) -> int:
    """Run the soak; how many stores ended with errors or another state than the model's."""
    model = MemoryStateStore()
    for process in range(PROCESSES):
        for thread in range(THREADS):
            chooser = random.Random(process * 100 + thread)
            for _ in range(TURNS):
                turn(model, chooser, f"{process}-{thread}")
    failed = 0
    with databases(kinds) as urls:
        for kind, url in urls:
            open_state_store(url).close()
            start = time.perf_counter()
            workers = [fork.Process(target=soak_process, args=(url, n)) for n in range(PROCESSES)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            taken = time.perf_counter() - start
            errors = sum(worker.exitcode or 0 for worker in workers)
            with open_state_store(url) as store:
                different = list(differences(store, model))
            total = PROCESSES * THREADS * TURNS
            print(
                f"soak on {kind}: {PROCESSES} processes of {THREADS} threads, {total:,} reads and "
                f"writes in {taken:.1f} s ({total / taken:,.0f} a second), {errors} errors, "
                f"{len(different)} differences from the model"
            )
            failed += bool(errors or different)
    return failed


def differences(store: ASStateStore, model: ASStateStore) -> Iterator[str]:
    """What a store knows otherwise than the model."""
    everyone = tuple(Membership)
    for number in range(20):
        room = f"!{number}:h"
        known, right = (one.get_member_profiles(room, everyone) for one in (store, model))
        if known != right:
            yield f"members of {room}"
    for process in range(PROCESSES):
        for thread in range(THREADS):
            who = f"{process}-{thread}"
            if store.get_power_levels(f"!{who}:h") != model.get_power_levels(f"!{who}:h"):
                yield f"power levels of !{who}:h"
            for number in range(50):
                user = f"@{who}-{number}:h"
                if store.is_registered(user) != model.is_registered(user):
                    yield f"registration of {user}"


def kills(kinds: list[str], count: int) -> int:
    """Kill writers; how many stores couldn't be read or had lost what was acknowledged."""
    bad = 0
    with databases(kinds) as urls:
        for kind, url in urls:
            open_state_store(url).close()
            acknowledged: set[str] = set()
            unreadable = lost = torn = 0
            for number in range(count):
                process = subprocess.Popen(
                    [sys.executable, "-c", WRITER, url, str(number * 1_000_000)],
                    stdout=subprocess.PIPE, text=True,
                )  # fmt: skip
                assert process.stdout is not None
                first = process.stdout.readline()
                time.sleep(random.Random(number).random() * 0.05)
                process.send_signal(signal.SIGKILL)
                rest, _ = process.communicate()
                done = [first.strip(), *(line for line in rest.splitlines() if line)]
                acknowledged |= {f"@{one}:h" for one in done}
                try:
                    with open_state_store(url) as store:
                        lost += len(acknowledged - set(store.get_members("!all:h")))
                        torn += len(store.get_members("!r:h", ("join",))) != 5
                except Exception as error:
                    print(f"  {error!r}", file=sys.stderr)
                    unreadable += 1
            print(
                f"{count} kill -9 on {kind}: {len(acknowledged):,} acknowledged writes, "
                f"{unreadable} unreadable stores, {lost} lost writes, {torn} half-done ones"
            )
            bad += unreadable + lost + torn
    return bad


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rooms", type=int, default=200)
    parser.add_argument("--members", type=int, default=5000, help="members of each room")
    parser.add_argument("--soak", action="store_true")
    parser.add_argument("--kills", type=int, default=0, metavar="COUNT")
    arguments = parser.parse_args()
    kinds = ["sqlite", "postgresql"]
    if arguments.soak or arguments.kills:
        failed = soak(kinds) if arguments.soak else 0
        return 1 if failed + (kills(kinds, arguments.kills) if arguments.kills else 0) else 0
    warm_read("memory", MemoryStateStore())
    with databases(kinds) as urls:
        for kind, url in urls:
            warm_read(kind, open_state_store(url))
    million(arguments.rooms, arguments.members)
    return 0


if __name__ == "__main__":
    sys.exit(main())
