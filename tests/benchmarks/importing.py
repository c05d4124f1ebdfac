"""What ``import appservice_api`` costs beside ``import requests, tenacity``.

Each import is timed in a fresh process, interpreter start-up excluded, with compiled files
warmed by a first, unmeasured turn. Heavy modules that the import loads are listed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
OURS = "import appservice_api"
# All that a program has loaded when it sends its first message.
WHOLE = "from appservice_api import AppServiceAPI, IntentAPI, MemoryStateStore"
BASELINE = "import requests, tenacity"
UNWANTED = (
    "asyncio",
    "click",
    "rich",
    "yaml",
    "sqlalchemy",
    "flask",
    "django",
    "aiohttp",
    "attr",
    "pandas",
    "prometheus_client",
    "synapse",
    "twisted",
)
CHILD = """\
import sys, time
before = set(sys.modules)
start = time.perf_counter_ns()
{statement}
taken = time.perf_counter_ns() - start
loaded = set(sys.modules) - before
import json
print(json.dumps([taken / 1e6, len(loaded), sorted(loaded & {unwanted!r})]))
"""


def run(statement: str) -> tuple[float, int, list[str]]:
    """Import in a fresh process: milliseconds, modules loaded, and the unwanted of them."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    paths = [str(CHECKOUT), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    code = CHILD.format(statement=statement, unwanted=set(UNWANTED))
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{statement}: {done.stderr.strip().rpartition(chr(10))[2]}")
    taken, loaded, unwanted = json.loads(done.stdout)
    return taken, loaded, unwanted


def ratio(of: list[float], to: list[float]) -> dict[str, float]:
    """What the ratios of two statements' rounds are."""
    ratios = [a / b for a, b in zip(of, to, strict=True)]
    return {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")

    statements = (OURS, WHOLE, BASELINE)
    first = {statement: run(statement) for statement in statements}
    times: dict[str, list[float]] = {statement: [] for statement in statements}
    for turn in range(options.rounds):
        for statement in statements if turn % 2 else statements[::-1]:
            times[statement].append(run(statement)[0])
    result: dict[str, Any] = {
        "rounds": options.rounds,
        "imports": {
            statement: {
                "min_ms": min(times[statement]),
                "median_ms": statistics.median(times[statement]),
                "modules": first[statement][1],
                "unwanted": first[statement][2],
            }
            for statement in statements
        },
        "ratio": ratio(times[OURS], times[BASELINE]),
        "whole_ratio": ratio(times[WHOLE], times[BASELINE]),
    }
    if options.json:
        print(json.dumps(result, indent=2))
        return
    print(f"{'':71}{'min ms':>9}{'median ms':>11}{'modules':>9}  unwanted modules loaded")
    for statement, figures in result["imports"].items():
        print(
            f"{statement:71}{figures['min_ms']:9.1f}{figures['median_ms']:11.1f}"
            f"{figures['modules']:9}  {', '.join(figures['unwanted']) or 'none'}"
        )
    print(f"Median of {options.rounds} rounds' ratios (least to greatest)")
    for statement, key in ((OURS, "ratio"), (WHOLE, "whole_ratio")):
        shown = result[key]
        print(f"{statement:71}{shown['median']:9.3f} ({shown['min']:.3f} to {shown['max']:.3f})")


if __name__ == "__main__":
    main()
