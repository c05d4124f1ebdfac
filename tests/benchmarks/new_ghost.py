"""Processes that send a first message as the same new ghost at the same moment, on a real Synapse.

    python tests/benchmarks/new_ghost.py [--processes 8] [--rounds 10] [--device ID]

Each round has an invite-only room of its own, in which only the bot is, and a ghost whom nobody
has registered. Every process finds itself refused, registers the ghost, invites it, joins, and
sends; most of that another process has done meanwhile. Exit code 1 if any message was refused,
lost or doubled.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from appservice_api import AppServiceAPI, Registration
from appservice_api.testing import Synapse

# What a process does: "ROOM GHOST" comes in, an event ID or an error goes out.
_WORKER = """
import sys
from appservice_api import AppServiceAPI, MatrixError
path, base_url, name, device = sys.argv[1:]
api = AppServiceAPI.from_registration(path, base_url, device_id=device or None)
print("ready", flush=True)
for line in sys.stdin:
    room, ghost = line.split()
    try:
        print(api.intent(ghost).send_text(room, f"from {name}"), flush=True)
    except MatrixError as error:
        print(f"{type(error).__name__}: {error}", flush=True)
"""


class Processes:
    """Processes that share nothing but the registration.

    Args:
        count: How many.
        registration: The registration.
        base_url: The homeserver's URL.
        folder: Where the registration may be written.
        device_id: The device that they act as, None for none.
    """

    def __init__(
        self, count: int, registration: Registration, base_url: str, folder: Path,
        device_id: str | None = None,
    ) -> None:  # fmt: skip
        path = folder / "registration.json"
        path.write_text(json.dumps(registration.as_dict()))
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-c", _WORKER, str(path), base_url, str(number), device_id or ""],
                text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )
            for number in range(count)
        ]  # fmt: skip
        self._answers()

    def send(self, room: str, ghost: str) -> list[str]:
        """Have each send a message; event IDs, or what was refused."""
        for process in self._processes:
            assert process.stdin
            process.stdin.write(f"{room} {ghost}\n")
            process.stdin.flush()
        return self._answers()

    def _answers(self) -> list[str]:
        return [process.stdout.readline().strip() for process in self._processes if process.stdout]

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.communicate()


def first_messages(
    processes: Processes, api: AppServiceAPI, ghost: str
) -> tuple[list[str], Counter[str]]:
    """Let processes send as a new ghost into a new room.

    Returns:
        What they were answered, and how often each message is in the room.
    """
    room = api.bot_intent().create_room(preset="private_chat")
    answers = processes.send(room, ghost)
    bodies = [
        str(one.content.get("body")) for one in api.bot_intent().messages(room, limit=500)
        if one.type == "m.room.message" and one.content
    ]  # fmt: skip
    return answers, Counter(bodies)


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--device", help="the device that they act as")
    options = parser.parse_args()
    registration = Registration.generate(
        "race", url=None, server_name="hs.test", ghost_prefix="_race_"
    )
    wrong: list[Any] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Synapse([registration.as_dict()]) as synapse,
        AppServiceAPI.from_registration(registration, synapse.base_url) as api,
        Processes(
            options.processes, registration, synapse.base_url, Path(folder), options.device
        ) as processes,
    ):
        since = time.monotonic()
        for number in range(options.rounds):
            answers, there = first_messages(processes, api, f"@_race_{number}:hs.test")
            wrong += [one for one in answers if not one.startswith("$")]
            expected = Counter(f"from {one}" for one in range(options.processes))
            wrong += [f"round {number}: {there}"] if there != expected else []
        taken = time.monotonic() - since
    for one in wrong:
        print(one)
    count = options.processes * options.rounds
    print(f"{len(wrong)} of {count} refused, lost or doubled, in {taken:.1f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
