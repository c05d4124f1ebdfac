"""The clock that tests turn by hand."""

from __future__ import annotations

import threading

import pytest

from appservice_api.testing import ManualClock


def in_thread(
    clock: ManualClock, event: threading.Event, seconds: float
) -> tuple[threading.Thread, list[bool]]:
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(clock.wait(event, seconds)))
    thread.start()
    clock.wait_for_waiters(1)
    return thread, results


def test_both_times_advance_alike() -> None:
    clock = ManualClock()
    monotonic, wall = clock.monotonic(), clock.time()
    clock.advance(2.5)
    assert clock.monotonic() - monotonic == 2.5
    assert clock.time() - wall == 2.5


def test_time_never_passes_by_itself() -> None:
    assert ManualClock().time() == ManualClock().time()


def test_it_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="-1"):
        ManualClock().advance(-1)


def test_a_wait_ends_when_its_time_has_come() -> None:
    clock = ManualClock()
    thread, results = in_thread(clock, threading.Event(), 10)
    clock.advance(9.9)
    assert clock.waiters == 1
    clock.advance(0.1)
    thread.join(5)
    assert results == [False]
    assert clock.waiters == 0


def test_a_wait_ends_when_its_event_is_set() -> None:
    clock, event = ManualClock(), threading.Event()
    thread, results = in_thread(clock, event, 10)
    event.set()
    thread.join(5)
    assert results == [True]
    assert clock.monotonic() == 0


def test_an_event_that_is_set_is_not_waited_for() -> None:
    clock, event = ManualClock(auto=True), threading.Event()
    event.set()
    assert clock.wait(event, 10)
    assert clock.monotonic() == 0
    assert clock.waits == [10]


def test_auto_passes_the_time_at_once() -> None:
    clock = ManualClock(auto=True)
    assert not clock.wait(threading.Event(), 30)
    assert not clock.wait(threading.Event(), 12)
    assert clock.monotonic() == 42
    assert clock.waits == [30, 12]


def test_missing_waiters_are_an_error() -> None:
    with pytest.raises(AssertionError, match="0 of 1 threads"):
        ManualClock().wait_for_waiters(1, timeout=0.01)


def test_sixteen_threads_wake_together() -> None:
    clock = ManualClock()
    threads = [threading.Thread(target=clock.wait, args=(threading.Event(), 5)) for _ in range(16)]
    for thread in threads:
        thread.start()
    clock.wait_for_waiters(16)
    clock.advance(5)
    for thread in threads:
        thread.join(5)
    assert not any(thread.is_alive() for thread in threads)
    assert clock.waits == [5] * 16
