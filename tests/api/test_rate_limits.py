"""Rate limits: what the homeserver tells one thread holds for all that speak as the same user."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

import pytest

from appservice_api import (
    AppServiceAPI,
    MatrixConnectionError,
    MatrixRequestError,
    MLimitExceeded,
    Path,
    RetryPolicy,
)
from appservice_api.testing import Answer, ManualClock, Recorded, StubHomeserver, answer

VERSIONS = "GET /_matrix/client/versions"


class Clock(ManualClock):
    """A clock that a test turns, and that tells of each wait."""

    def __init__(self) -> None:
        super().__init__()
        self._begun = threading.Semaphore(0)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self._begun.release()
        return super().wait(event, seconds)

    def wait_for_wait(self, waiters: int) -> None:
        """Wait until one more wait has begun, and so many threads wait."""
        assert self._begun.acquire(timeout=10)
        self.wait_for_waiters(waiters)


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Asking:
    """A request in a thread of its own."""

    def __init__(self, api: AppServiceAPI, **options: Any) -> None:
        self._outcomes: queue.SimpleQueue[Any] = queue.SimpleQueue()
        arguments = (api, options)
        threading.Thread(target=self._ask, args=arguments, daemon=True).start()

    def _ask(self, api: AppServiceAPI, options: Any) -> None:
        try:
            self._outcomes.put(api.request("GET", Path.versions, **options))
        except Exception as error:
            self._outcomes.put(error)

    def outcome(self) -> Any:
        """The JSON of the answer, or the error."""
        return self._outcomes.get(timeout=10)


def limited(seconds: int) -> Answer:
    return answer(429, {"errcode": "M_LIMIT_EXCEEDED"}, {"Retry-After": str(seconds)})


def after(event: threading.Event, reply: Answer) -> Callable[[Recorded], Answer]:
    """An answer that comes when a test lets it come."""

    def replied(request: Recorded) -> Answer:
        assert event.wait(10)
        return reply

    return replied


def test_who_repeats_nothing_waits_for_nobody(
    stub: StubHomeserver, api: AppServiceAPI, clock: Clock
) -> None:
    stub.script("GET", "/versions", limited(10))
    waiting = Asking(api)
    clock.wait_for_wait(1)
    assert "versions" in Asking(api, retry_count=0).outcome()
    assert stub.calls() == [VERSIONS] * 2
    clock.advance(10)
    assert "versions" in waiting.outcome()


def test_close_ends_the_wait_of_each_thread(
    stub: StubHomeserver, api: AppServiceAPI, clock: Clock
) -> None:
    stub.script("GET", "/versions", limited(10))
    waiting = [Asking(api)]
    clock.wait_for_wait(1)
    for waiters in (2, 3):
        waiting.append(Asking(api))
        clock.wait_for_wait(waiters)
    api.close()
    for one in waiting:
        error = one.outcome()
        assert isinstance(error, MatrixConnectionError)
        assert "the API was closed" in str(error)
        assert not error.sent
    assert stub.calls() == [VERSIONS]


def test_a_shorter_wait_does_not_end_a_longer_one(
    stub: StubHomeserver, api: AppServiceAPI, clock: Clock
) -> None:
    late = threading.Event()
    stub.script("GET", "/versions", after(late, limited(1)), limited(20))
    first = Asking(api)
    stub.wait_for_calls(1)
    second = Asking(api)
    clock.wait_for_wait(1)
    late.set()
    clock.wait_for_wait(2)
    clock.advance(1)
    clock.wait_for_wait(2)
    third = Asking(api)
    clock.wait_for_wait(3)
    assert stub.calls() == [VERSIONS] * 2
    clock.advance(19)
    for one in (first, second, third):
        assert "versions" in one.outcome()
    assert clock.waits == [20, 1, 19, 19]


def test_a_longer_wait_is_added_to_a_shorter_one(
    stub: StubHomeserver, api: AppServiceAPI, clock: Clock
) -> None:
    late = threading.Event()
    stub.script("GET", "/versions", after(late, limited(20)), limited(1))
    first = Asking(api)
    stub.wait_for_calls(1)
    second = Asking(api)
    clock.wait_for_wait(1)
    late.set()
    clock.wait_for_wait(2)
    clock.advance(1)
    clock.wait_for_wait(2)
    assert stub.calls() == [VERSIONS] * 2
    clock.advance(19)
    for one in (first, second):
        assert "versions" in one.outcome()


def test_what_was_waited_for_is_over(
    stub: StubHomeserver, api: AppServiceAPI, clock: Clock
) -> None:
    for _ in range(2):
        stub.script("GET", "/versions", limited(1))
        waiting = Asking(api)
        clock.wait_for_wait(1)
        clock.advance(1)
        assert "versions" in waiting.outcome()
        clock.advance(5)
    assert "versions" in Asking(api).outcome()
    assert clock.waits == [1, 1]
    assert len(stub.requests) == 5


def test_a_wait_for_a_restart_holds_up_nobody_else(
    stub: StubHomeserver, api: AppServiceAPI, clock: Clock
) -> None:
    stub.script("GET", "/versions", answer(502, b""))
    waiting = Asking(api)
    clock.wait_for_wait(1)
    assert "versions" in Asking(api).outcome()
    clock.advance(1)
    assert "versions" in waiting.outcome()


def test_a_wait_as_long_as_the_time_left_is_not_begun(
    stub: StubHomeserver, api: AppServiceAPI, clock: Clock
) -> None:
    stub.script("GET", "/versions", limited(10), limited(10))
    error = Asking(api, deadline=10).outcome()
    assert isinstance(error, MLimitExceeded)
    assert (error.retry_after, error.attempts) == (10, 1)
    assert clock.waits == []
    waiting = Asking(api)
    clock.wait_for_wait(1)
    error = Asking(api, deadline=10).outcome()
    assert isinstance(error, MLimitExceeded)
    assert (error.http_status, error.errcode) == (429, "M_LIMIT_EXCEEDED")
    assert (error.retry_after, error.attempts) == (10, 0)
    clock.advance(10)
    assert "versions" in waiting.outcome()


def test_a_limit_that_nobody_waits_out_holds_up_nobody(
    stub: StubHomeserver, api: AppServiceAPI, clock: Clock
) -> None:
    stub.script("GET", "/versions", limited(100))
    assert isinstance(Asking(api, deadline=10).outcome(), MLimitExceeded)
    assert "versions" in Asking(api).outcome()


@pytest.mark.parametrize("deadline", [1, 3, 7])
def test_no_repeat_begins_after_the_deadline(deadline: float, stub: StubHomeserver) -> None:
    clock = ManualClock(auto=True)
    stub.script("GET", "/versions", answer(502, b""), forever=True)
    retry = RetryPolicy(deadline=deadline)
    with AppServiceAPI(stub.base_url, "@bot:hs.test", clock=clock, retry=retry) as api:
        with pytest.raises(MatrixRequestError) as caught:
            api.request("GET", Path.versions)
        assert caught.value.http_status == 502
        assert caught.value.attempts == len(clock.waits) + 1 == len(stub.requests)
        assert deadline / 2 - 0.5 < sum(clock.waits) < deadline
