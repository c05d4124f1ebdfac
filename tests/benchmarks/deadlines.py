"""When does a call end whose homeserver hangs, by the way in which it does?

    python tests/benchmarks/deadlines.py [--deadline 2]

Each call is the first message of a new ghost. It is made by our own session, with a session of the
caller's, and in a Django view whose homeserver hangs in the middle of the repair. Then: how long
``close()`` takes to end a call that waits for data.

Exit code 1 if a call of our own session, or the view, passes its deadline by more than 0.5 s.
"""

from __future__ import annotations

import argparse
import logging
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import requests

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))

from appservice_api import AppServiceAPI, MatrixError
from appservice_api.testing import StubHomeserver
from appservice_api.testing.stub import hang
from tests.api.hanging import WAYS, hanging

BOT, GHOST, ROOM = "@bot:hs.test", "@_ghost:hs.test", "!room:hs.test"
# What requests reads by itself, without a clock.
UNBOUNDED = ("a dripped head", "a dripped chunk", "100 Continue without end")
MOST = 0.5


def taken(work: Callable[[], Any]) -> float:
    """Seconds until a piece of work fails."""
    started = time.monotonic()
    try:
        work()
    except MatrixError:
        return time.monotonic() - started
    raise SystemExit("it should have failed")


def calls(deadline: float) -> list[str]:
    """Print how long each call takes; the ways that take too long."""
    late = []

    for way, own in [(way, own) for way in WAYS for own in (True, False)]:
        if not own and way in UNBOUNDED:
            continue
        session = None if own else requests.Session()
        with hanging(way) as (url, _):
            api = AppServiceAPI(url, BOT, "as_token", client_session=session)
            ghost = api.intent(GHOST)
            seconds = taken(partial(ghost.send_text, ROOM, "x", deadline=deadline))
            api.close()
        print(f"{way:28} {'our session' if own else 'requests.Session':18} {seconds:6.2f} s")
        if own and seconds > deadline + MOST:
            late.append(way)
    return late


def view(deadline: float) -> float:
    """Seconds that a Django view takes whose homeserver hangs at the third request of a first
    message: the ghost is registered, the join hangs."""
    import django
    from django.conf import settings
    from django.http import HttpResponse
    from django.test import RequestFactory

    settings.configure(ALLOWED_HOSTS=["testserver"], DATABASES={})
    django.setup()
    with StubHomeserver() as stub:
        room, release = stub.room(members=[BOT]), threading.Event()
        stub.script("POST", "/join/", hang(release), forever=True)
        api = AppServiceAPI(stub.base_url, BOT, "as_token")

        def said(request: Any) -> HttpResponse:
            try:
                api.intent(GHOST).send_text(room, "x", deadline=deadline)
            except MatrixError as error:
                return HttpResponse(str(error), status=503)
            return HttpResponse("sent")

        started = time.monotonic()
        answer = said(RequestFactory().get("/"))
        seconds = time.monotonic() - started
        release.set()
        api.close()
        if answer.status_code != 503 or len(stub.calls()) != 3:
            raise SystemExit(f"not what was to be measured: {answer.status_code} {stub.calls()}")
    return seconds


def closing() -> float:
    """Seconds that a call that waits for data goes on after ``close()``."""
    with hanging("silence") as (url, server):
        api = AppServiceAPI(url, BOT, "as_token", timeout=60)
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(taken, lambda: api.intent(GHOST).send_text(ROOM, "x"))
            while not server.connections:
                time.sleep(0.01)
            time.sleep(0.2)
            started = time.monotonic()
            api.close()
            call.result()
        return time.monotonic() - started


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--deadline", type=float, default=2.0)
    deadline = parser.parse_args().deadline
    logging.getLogger("appservice_api").setLevel(logging.ERROR)
    late = calls(deadline)
    seconds = view(deadline)
    print(f"{'a Django view, new ghost':47} {seconds:6.2f} s")
    print(f"{'close() ends a call in':47} {closing():6.2f} s")
    if seconds > deadline + MOST:
        late.append("the view")
    if late:
        print(f"more than {MOST} s late: {', '.join(late)}")
    return bool(late)


if __name__ == "__main__":
    sys.exit(main())
