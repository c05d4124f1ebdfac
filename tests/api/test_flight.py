"""Taking turns: each thread's own work is done, one after the other."""

from __future__ import annotations

import threading

import pytest

from appservice_api import MatrixTimeoutError, RetryPolicy
from appservice_api.api.call import Calls
from appservice_api.api.flight import SingleFlight
from appservice_api.testing import ManualClock


def test_nobody_overlaps_and_everybody_is_served() -> None:
    flights, inside, done = SingleFlight(Calls(ManualClock(), RetryPolicy)), threading.Lock(), []

    def work(number: int) -> int:
        assert inside.acquire(blocking=False)
        done.append(number)
        inside.release()
        return number * 2

    results: dict[int, int] = {}

    def run(number: int) -> None:
        results[number] = flights.in_turn("key", lambda: work(number))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == {number: number * 2 for number in range(32)}
    assert sorted(done) == list(range(32))


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt()])
def test_an_error_is_nobody_elses(error: BaseException) -> None:
    flights = SingleFlight(Calls(ManualClock(), RetryPolicy))
    entered, go = threading.Event(), threading.Event()
    caught: list[BaseException] = []
    results: list[int] = []

    def fail() -> int:
        entered.set()
        go.wait(30)
        raise error

    def first() -> None:
        try:
            flights.in_turn("key", fail)
        except BaseException as raised:
            caught.append(raised)

    threads = [threading.Thread(target=first)]
    threads[0].start()
    entered.wait(30)
    threads.append(
        threading.Thread(target=lambda: results.append(flights.in_turn("key", lambda: 7)))
    )
    threads[1].start()
    go.set()
    for thread in threads:
        thread.join(30)
    assert caught == [error]
    assert results == [7]


def test_a_turn_that_never_ends() -> None:
    calls = Calls(ManualClock(), RetryPolicy)
    flights = SingleFlight(calls)
    entered, go = threading.Event(), threading.Event()

    def slow() -> bool:
        entered.set()
        return go.wait(30)

    thread = threading.Thread(target=flights.in_turn, args=("key", slow))
    thread.start()
    entered.wait(30)
    with calls.within(0.01):
        with pytest.raises(MatrixTimeoutError, match="deadline"):
            flights.in_turn("key", lambda: None)
        # Who waits for this thread in turn may have more time.
        assert calls.now is not None
        assert calls.now.expired
    assert calls.now is None
    go.set()
    thread.join(30)


def test_who_has_more_time_goes_on_where_another_thread_had_none_left() -> None:
    calls = Calls(ManualClock(), RetryPolicy)
    flights = SingleFlight(calls)
    entered, go = threading.Event(), threading.Event()
    caught: list[BaseException] = []
    results: list[int | None] = []

    def hurried() -> int:
        entered.set()
        go.wait(30)
        assert calls.now is not None
        calls.now.expired = True
        raise MatrixTimeoutError("no time is left")

    def first() -> None:
        try:
            with calls.within(1):
                flights.run("key", hurried)
        except MatrixTimeoutError as error:
            caught.append(error)

    def second() -> None:
        with calls.within(10):
            results.append(flights.run("key", lambda: 7))

    threads = [threading.Thread(target=first)]
    threads[0].start()
    entered.wait(30)
    threads.append(threading.Thread(target=second))
    threads[1].start()
    go.set()
    for thread in threads:
        thread.join(30)
    assert len(caught) == 1
    assert results == [7]
