"""What a held ghost costs in memory, and what is left of it when it is dropped."""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import sys
import tracemalloc
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]


def traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def measure(count: int) -> tuple[float, float]:
    """Bytes for each ghost while its child and intent are held, and once they're dropped."""
    package: Any = importlib.import_module("appservice_api")
    api = package.AppServiceAPI("http://127.0.0.1:1", bot_mxid="@bot:hs.test", token="as_token")
    mxids = [f"@_ghost{number}:hs.test" for number in range(count)]
    children: list[Any] = [None] * count
    intents: list[Any] = [None] * count
    # What is made only once is no ghost's cost.
    api.user("@_first:hs.test")
    api.intent("@_first:hs.test")

    tracemalloc.start()
    before = traced()
    for number in range(count):
        children[number] = api.user(mxids[number])
        intents[number] = api.intent(mxids[number])
    held = traced() - before
    for number in range(count):
        children[number] = intents[number] = None
    dropped = traced() - before
    tracemalloc.stop()
    return held / count, dropped / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ghosts", type=int, default=10_000)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if options.ghosts < 1:
        parser.error("--ghosts must be at least 1")

    sys.path.insert(0, str(CHECKOUT))
    held, dropped = measure(options.ghosts)
    if options.json:
        print(json.dumps({"ghosts": options.ghosts, "held": held, "dropped": dropped}))
        return
    print(f"{options.ghosts} ghosts, each with its child and its intent")
    print(f"bytes per ghost held:          {held:8.1f}")
    print(f"bytes per ghost after dropped: {dropped:8.1f}")


if __name__ == "__main__":
    main()
