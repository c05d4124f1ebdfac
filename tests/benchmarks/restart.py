"""A homeserver is away for a while: how many of the messages that are sent meanwhile arrive?

    python tests/benchmarks/restart.py [--absence 30] [--threads 40] [--way refused]

With the defaults, each thread sends one message as a ghost of its own while the homeserver is
away: its port refuses connections (``refused``), or a proxy answers 502, 503 and 504 (``gateway``),
or connections are taken and nothing is said (``silent``).

Exit code 1 if a message was lost, or arrived twice.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import statistics
import sys
import threading
import time
from collections import Counter
from typing import Any

from appservice_api import AppServiceAPI, MatrixError
from appservice_api.testing import StubHomeserver, answer

BOT = "@bot:hs.test"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--absence", type=float, default=30.0, help="in seconds")
    parser.add_argument("--threads", type=int, default=40)
    parser.add_argument("--way", choices=["refused", "gateway", "silent"], default="refused")
    options = parser.parse_args()
    logging.getLogger("appservice_api").setLevel(logging.ERROR)
    ghosts = [f"@_ghost{number}:hs.test" for number in range(options.threads)]
    with StubHomeserver() as stub:
        room = stub.room(members=[BOT, *ghosts])
        for ghost in ghosts:
            stub.add_user(ghost)
        back, statuses = threading.Event(), itertools.cycle((502, 503, 504))

        def away(request: Any) -> Any:
            if back.is_set():
                return None
            if options.way == "silent":
                back.wait()
                return answer(502, b"")
            return answer(next(statuses), b"<html>away</html>")

        if options.way == "refused":
            stub.stop()
        else:
            stub.script("*", "", away, forever=True)
        api = AppServiceAPI(stub.base_url, BOT, "as_token")
        lost: list[str] = []
        ends: list[float] = []

        def send(ghost: str) -> None:
            try:
                api.intent(ghost).send_text(room, ghost)
                ends.append(time.monotonic())
            except MatrixError as error:
                lost.append(str(error))

        threads = [threading.Thread(target=send, args=(ghost,)) for ghost in ghosts]
        for thread in threads:
            thread.start()
        time.sleep(options.absence)
        begun = time.monotonic()
        back.set()
        if options.way == "refused":
            stub.start()
        for thread in threads:
            thread.join()
        bodies = [one["content"].get("body") for one in stub.events(room)
                  if one["type"] == "m.room.message"]  # fmt: skip
        api.close()
    doubled = sum(count - 1 for count in Counter(bodies).values())
    print(f"{options.way}: away for {options.absence:g} s, {options.threads} threads: "
          f"{len(set(bodies))} sent, {len(lost)} lost, {doubled} doubled")  # fmt: skip
    if ends:
        waits = [end - begun for end in ends]
        print(f"after it was back: median {statistics.median(waits):.1f} s, "
              f"most {max(waits):.1f} s")  # fmt: skip
    for reason in sorted(set(lost))[:3]:
        print(reason)
    return int(bool(lost) or doubled > 0 or len(set(bodies)) != options.threads)


if __name__ == "__main__":
    sys.exit(main())
