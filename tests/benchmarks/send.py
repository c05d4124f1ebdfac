"""What sending one text message costs the client: CPU and wall time, side by side.

An established ghost sends ``{"msgtype": "m.text", "body": "hello"}`` over one keep-alive
connection, with bare ``http.client``, plain ``requests``, mautrix-python and appservice_api.
Each measurement is a process of its own; a round measures all of them, in rotated order.

    python tests/benchmarks/send.py --mautrix-python PYTHON_THAT_HAS_MAUTRIX
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import http.client
import importlib
import json
import logging
import os
import platform
import pstats
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from homeserver import BOT, GHOST, start

CHECKOUT = Path(__file__).resolve().parents[2]
ROOM = "!room:hs.test"
TOKEN = "as_token"
BODY = "hello"
CONTENT = {"msgtype": "m.text", "body": BODY}
OURS = "appservice_api"
NAMES = ("http.client", "requests", "mautrix", OURS)
PROBES = {
    "requests": "import requests",
    "mautrix": "from mautrix.appservice import AppServiceAPI",
    OURS: f"from {OURS} import AppServiceAPI",
}
RATIOS = (
    (OURS, "mautrix"),
    (OURS, "http.client"),
    (OURS, "requests"),
    ("mautrix", "http.client"),
    ("requests", "http.client"),
)

Send = Callable[[int], str]


# The clients: each gives a function that sends message number N and returns its event ID.


def _transaction_prefix() -> str:
    return f"bench.{os.getpid()}.{time.time_ns()}."


def http_client_sender(url: str) -> Send:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    start_of_path = f"/_matrix/client/v3/rooms/{quote(ROOM)}/send/m.room.message/"
    start_of_path += _transaction_prefix()
    query = f"?user_id={quote(GHOST, safe='')}"
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}

    def send(number: int) -> str:
        path = f"{start_of_path}{number}{query}"
        connection.request("PUT", path, json.dumps(CONTENT).encode(), headers)
        event_id: str = json.loads(connection.getresponse().read())["event_id"]
        return event_id

    return send


def requests_sender(url: str) -> Send:
    import requests

    session = requests.Session()
    start_of_url = f"{url}/_matrix/client/v3/rooms/{quote(ROOM)}/send/m.room.message/"
    start_of_url += _transaction_prefix()

    def send(number: int) -> str:
        response = session.put(
            f"{start_of_url}{number}",
            params={"user_id": GHOST},
            headers={"Authorization": f"Bearer {TOKEN}"},
            json=CONTENT,
        )
        event_id: str = response.json()["event_id"]
        return event_id

    return send


def appservice_api_sender(url: str) -> Send:
    api = importlib.import_module(OURS).AppServiceAPI(url, bot_mxid=BOT, token=TOKEN)
    intent = api.intent(GHOST)

    def send(number: int) -> str:
        event_id: str = intent.send_text(ROOM, BODY)
        return event_id

    return send


async def mautrix_worker(url: str, count: int, warm_up: int) -> dict[str, float]:
    """mautrix-python, set up as its own AppService class sets it up, with state in memory.

    AppServiceAPI makes an aiohttp session, so it needs a running loop; it calls
    ``log.getChild``, so it needs a log (of mautrix's class: imported first). The level stays
    at WARNING: no record is emitted. The warm-up fetches the power levels and the create event.
    """
    appservice: Any = importlib.import_module("mautrix.appservice")
    as_store: Any = importlib.import_module("mautrix.appservice.state_store.memory").ASStateStore
    store: Any = importlib.import_module("mautrix.client.state_store").MemoryStateStore

    def initialize(self: Any) -> None:
        store.__init__(self)
        as_store.__init__(self)

    state = type("MemoryASStateStore", (store, as_store), {"__init__": initialize})()
    await state.registered(GHOST)
    await state.joined(ROOM, GHOST)
    api = appservice.AppServiceAPI(
        url, bot_mxid=BOT, token=TOKEN, log=logging.getLogger("mau"), state_store=state
    )
    intent = api.intent(GHOST)
    try:
        for _ in range(warm_up):
            await intent.send_text(ROOM, BODY)
        reset(url)
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(count):
            event_id = await intent.send_text(ROOM, BODY)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    finally:
        await api.session.close()
    verify(url, count, event_id)
    return {"cpu_us": cpu / count * 1e6, "wall_us": wall / count * 1e6}


SENDERS: dict[str, Callable[[str], Send]] = {
    "http.client": http_client_sender,
    "requests": requests_sender,
    OURS: appservice_api_sender,
}


# A worker: one measurement, in this process.


def _counter(url: str, method: str) -> Any:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    connection.request(method, "/count")
    counted = json.loads(connection.getresponse().read())
    connection.close()
    return counted


def reset(url: str) -> None:
    _counter(url, "DELETE")


def verify(url: str, count: int, event_id: str) -> None:
    """Stop unless COUNT distinct messages, all as told, came over one connection."""
    got = _counter(url, "GET")
    expected = {"requests": count, "sends": count, "distinct": count, "connections": 1}
    problems = [
        f"{name}: {got[name]} instead of {number}"
        for name, number in expected.items()
        if got[name] != number
    ]
    for path, query, token, body in got["kinds"]:
        if unquote(path) != f"/_matrix/client/v3/rooms/{ROOM}/send/m.room.message":
            problems.append(f"path: {path}")
        if parse_qs(query) != {"user_id": [GHOST]}:
            problems.append(f"query: {query}")
        if token != f"Bearer {TOKEN}":
            problems.append(f"Authorization: {token}")
        if json.loads(body) != CONTENT:
            problems.append(f"content: {body}")
    if len(event_id) != 44 or not event_id.startswith("$"):
        problems.append(f"event ID: {event_id!r}")
    if problems:
        raise SystemExit("not what was to be measured: " + "; ".join(problems[:10]))


def sync_worker(name: str, url: str, count: int, warm_up: int) -> dict[str, float]:
    send = SENDERS[name](url)
    for number in range(warm_up):
        send(number)
    reset(url)
    wall, cpu = time.perf_counter(), time.process_time()
    for number in range(warm_up, warm_up + count):
        event_id = send(number)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    verify(url, count, event_id)
    return {"cpu_us": cpu / count * 1e6, "wall_us": wall / count * 1e6}


def work(name: str, url: str, count: int, warm_up: int) -> dict[str, float]:
    if name == "mautrix":
        return asyncio.run(mautrix_worker(url, count, warm_up))
    return sync_worker(name, url, count, warm_up)


def profile(url: str, count: int, warm_up: int) -> None:
    """Show where the time of our own sends goes."""
    send = SENDERS[OURS](url)
    for number in range(warm_up):
        send(number)
    profiler = cProfile.Profile()
    profiler.enable()
    for number in range(count):
        send(number)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(40)


# The comparison: rounds of workers.


def worker_environment() -> dict[str, str]:
    """The same for all: this checkout to import from, and no proxy."""
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    paths = [str(CHECKOUT), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return environment


def why_not(name: str, python: str) -> str | None:
    """Why a client can't be measured with an interpreter, if it can't."""
    if name not in PROBES:
        return None
    command = [python, "-c", PROBES[name]]
    probe = subprocess.run(command, env=worker_environment(), capture_output=True, text=True)
    if probe.returncode == 0:
        return None
    if name == "mautrix":
        return "not installed: pip install mautrix"
    return f"not importable: {probe.stderr.strip().rpartition(chr(10))[2]}"


def measure(name: str, python: str, url: str, count: int, warm_up: int) -> dict[str, float]:
    command = [python, str(Path(__file__).resolve()), "worker", name, url, str(count)]
    command += ["--warm-up", str(warm_up)]
    done = subprocess.run(command, env=worker_environment(), capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{name}: {done.stderr.strip()}")
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def compare(pythons: dict[str, str], rounds: int, count: int, warm_up: int) -> dict[str, Any]:
    missing = {name: why for name in NAMES if (why := why_not(name, pythons[name]))}
    names = [name for name in NAMES if name not in missing]
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    with start() as url:
        for turn in range(rounds):
            at = turn % len(names)
            for name in names[at:] + names[:at]:
                measured[name].append(measure(name, pythons[name], url, count, warm_up))
                print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    clients: dict[str, dict[str, dict[str, Any]]] = {}
    for name, figures in measured.items():
        clients[name] = {}
        for key in ("cpu_us", "wall_us"):
            values = [figure[key] for figure in figures]
            clients[name][key] = {
                "min": min(values),
                "median": statistics.median(values),
                "rounds": values,
            }
    ratios: list[dict[str, Any]] = []
    for one, other in RATIOS:
        if one not in clients or other not in clients:
            continue
        row: dict[str, Any] = {"of": one, "to": other}
        for key in ("cpu_us", "wall_us"):
            pairs = zip(clients[one][key]["rounds"], clients[other][key]["rounds"], strict=True)
            values = [a / b for a, b in pairs]
            row[key.removesuffix("_us")] = {
                "median": statistics.median(values),
                "min": min(values),
                "max": max(values),
            }
        ratios.append(row)
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        "rounds": rounds,
        "sends": count,
        "warm_up": warm_up,
        "clients": clients,
        "missing": missing,
        "ratios": ratios,
    }


def show(result: dict[str, Any]) -> None:
    print(
        f"One text message, in µs: Python {result['python']}, {result['machine']};"
        f" {result['rounds']} rounds of {result['sends']} sends\n"
    )
    print(f"{'':16}{'CPU min':>10}{'CPU median':>12}{'wall min':>10}{'wall median':>13}")
    for name in NAMES:
        if name in result["missing"]:
            print(f"{name:16}  {result['missing'][name]}")
            continue
        cpu, wall = (result["clients"][name][key] for key in ("cpu_us", "wall_us"))
        print(
            f"{name:16}{cpu['min']:10.1f}{cpu['median']:12.1f}"
            f"{wall['min']:10.1f}{wall['median']:13.1f}"
        )
    if result["ratios"]:
        print("\nMedian of the rounds' ratios (least to greatest)")
    for row in result["ratios"]:
        print(f"{row['of'] + ' / ' + row['to']:30}", end="")
        for key in ("cpu", "wall"):
            ratio = row[key]
            print(
                f"  {key:>4} {ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f})",
                end="",
            )
        print()


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def worker_main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="send.py worker")
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("url")
    parser.add_argument("count", type=positive)
    parser.add_argument("--warm-up", type=positive, default=300)
    options = parser.parse_args(arguments)
    print(json.dumps(work(options.name, options.url, options.count, options.warm_up)))


def main() -> None:
    if sys.argv[1:2] == ["worker"]:
        worker_main(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=positive, default=9)
    parser.add_argument("--sends", type=positive, default=1500, help="sends in each measurement")
    parser.add_argument("--warm-up", type=positive, default=300, help="sends before measuring")
    parser.add_argument(
        "--mautrix-python",
        metavar="PATH",
        default=sys.executable,
        help="the interpreter that has mautrix (default: this one)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--profile", action="store_true", help="profile appservice_api instead")
    options = parser.parse_args()
    if options.profile:
        sys.path.insert(0, str(CHECKOUT))
        with start() as url:
            profile(url, options.sends, options.warm_up)
        return
    pythons = {**dict.fromkeys(NAMES, sys.executable), "mautrix": options.mautrix_python}
    result = compare(pythons, options.rounds, options.sends, options.warm_up)
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)


if __name__ == "__main__":
    main()
