"""The contract of deliveries, the same for each state store, and what shared ones keep beside."""

from __future__ import annotations

import math
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ...state_store import (
    Claim,
    ClaimKey,
    ClaimKind,
    Deliveries,
    Note,
    NoteKey,
    NoteKind,
    ParkedEvent,
    ParkedNote,
)

__all__ = ["DeliveriesContract", "Opening", "SharedDeliveriesContract", "txn"]

MINE, BUSY, DONE = Claim.MINE, Claim.BUSY, Claim.DONE
TRANSACTION = ClaimKind.TRANSACTION
ROOM, OTHER = "!r:hs.test", "!o:hs.test"
Opening = Callable[[], Deliveries]

_needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes can't fork here")

EVENTS: dict[str, dict[str, Any]] = {
    "plain": {"type": "m.room.message", "content": {"body": "hi"}, "event_id": "$a"},
    "unicode": {"body": "Ü 🎉 \N{RIGHT-TO-LEFT OVERRIDE}", "\N{SNOWMAN}": 1},
    "nul": {"body": "a\0b", "\0": None},
    "half of a pair": {"body": "\ud83d", "\udc00": 1},
    "no event": {"content": None, "type": 5, "sender": [], "x": [[{}], 1.5, -(2**70), True]},
    "not a number": {"x": math.inf},
    "huge": {"body": "x" * 5_000_000},
    "empty": {},
}


def txn(name: str, digest: str) -> ClaimKey:
    """The key of a transaction."""
    return ClaimKey(ClaimKind.TRANSACTION, name, digest)


def _in_a_child(work: Callable[[], object]) -> int:
    """Do something in a forked child. Returns its exit code."""
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            code = int(bool(work()))
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class DeliveriesContract:
    """Tests of a store's deliveries. Give a subclass of it, named ``Test…``, the fixture
    ``deliveries``: those of an empty store."""

    @pytest.fixture
    def deliveries(self) -> Deliveries:
        """The deliveries that are tested."""
        raise NotImplementedError("give the subclass a fixture named deliveries")

    def leave_thread(self) -> None:
        """Called at the end of each thread of these tests, for stores that hold something for a
        thread."""

    def test_a_transaction_is_claimed_handled_and_done(self, deliveries: Deliveries) -> None:
        assert deliveries.claim(txn("1", "x"), 60) is MINE
        assert deliveries.claim(txn("1", "x"), 60) is BUSY
        deliveries.finish(txn("1", "x"))
        assert deliveries.claim(txn("1", "x"), 60) is DONE
        assert deliveries.claim(txn("1", "x"), 0) is DONE

    def test_a_number_that_comes_again_with_another_body_is_another_transaction(
        self,
        deliveries: Deliveries,
    ) -> None:
        assert deliveries.claim(txn("1", "x"), 60) is MINE
        assert deliveries.claim(txn("1", "y"), 60) is MINE
        assert deliveries.claim(txn("2", "x"), 60) is MINE
        deliveries.finish(txn("1", "x"))
        assert deliveries.claim(txn("1", "x"), 60) is DONE
        assert deliveries.claim(txn("1", "y"), 60) is BUSY

    def test_a_claim_that_is_over_is_the_next_ones(self, deliveries: Deliveries) -> None:
        assert deliveries.claim(txn("1", "x"), 0) is MINE
        assert deliveries.claim(txn("1", "x"), 0) is MINE
        assert deliveries.claim(txn("1", "x"), 60) is MINE
        assert deliveries.claim(txn("1", "x"), 60) is BUSY

    def test_a_claim_is_renewed(self, deliveries: Deliveries) -> None:
        assert deliveries.claim(txn("1", "x"), 0) is MINE
        deliveries.renew(txn("1", "x"), 60)
        assert deliveries.claim(txn("1", "x"), 60) is BUSY
        deliveries.renew(txn("1", "x"), 0)
        assert deliveries.claim(txn("1", "x"), 60) is MINE

    def test_what_is_done_stays_done(self, deliveries: Deliveries) -> None:
        assert deliveries.claim(txn("1", "x"), 60) is MINE
        deliveries.finish(txn("1", "x"))
        deliveries.renew(txn("1", "x"), 60)
        deliveries.give_up(txn("1", "x"))
        deliveries.finish(txn("1", "x"))
        assert deliveries.claim(txn("1", "x"), 60) is DONE

    def test_a_claim_is_given_back(self, deliveries: Deliveries) -> None:
        assert deliveries.claim(txn("1", "x"), 60) is MINE
        deliveries.give_up(txn("1", "x"))
        assert deliveries.claim(txn("1", "x"), 60) is MINE
        deliveries.give_up(txn("unknown", "x"))
        deliveries.renew(txn("unknown", "x"), 60)
        assert deliveries.claim(txn("unknown", "x"), 60) is MINE

    def test_what_was_never_claimed_may_be_finished(self, deliveries: Deliveries) -> None:
        deliveries.finish(txn("1", "x"))
        assert deliveries.claim(txn("1", "x"), 60) is DONE

    def test_what_is_claimed_is_in_flight_until_it_ends(self, deliveries: Deliveries) -> None:
        assert deliveries.in_flight(TRANSACTION) == set()
        for number in ("1", "2", "3"):
            assert deliveries.claim(txn(number, "x"), 60) is MINE
        assert deliveries.claim(txn("4", ""), 0) is MINE  # it is over at once
        assert deliveries.in_flight(TRANSACTION) == {txn(one, "x") for one in "123"}
        deliveries.finish(txn("1", "x"))
        deliveries.give_up(txn("2", "x"))
        assert deliveries.in_flight(TRANSACTION) == {txn("3", "x")}

    @pytest.mark.parametrize("name", ["", "ü🎉", "a b/c%00", "x" * 10_000, "nul \0", "half \ud83d"])
    def test_names_of_any_kind(self, name: str, deliveries: Deliveries) -> None:
        assert deliveries.claim(txn(name, name), 60) is MINE
        assert deliveries.claim(txn(name + "!", name), 60) is MINE
        assert deliveries.claim(txn(name, name), 60) is BUSY
        deliveries.finish(txn(name, name))
        assert deliveries.claim(txn(name, name), 60) is DONE
        deliveries.note_handled(name, name)
        assert deliveries.handled([name, name + "!"]) == {name}
        deliveries.note_handled("$event", name)
        assert deliveries.last_handled(name) == "$event"
        deliveries.set_checkpoint(name, "$event")
        assert deliveries.checkpoint(name) == "$event"

    def test_a_room_begins_with_the_first_event_that_is_remembered(
        self, deliveries: Deliveries
    ) -> None:
        assert deliveries.first_handled(ROOM) is None
        deliveries.note_handled("$o", OTHER)
        deliveries.note_all_handled([Note("$a", ROOM, 9), Note("$b", ROOM, 1)])
        deliveries.note_handled("$a", ROOM, 9)
        assert deliveries.first_handled(ROOM) == "$a"
        assert deliveries.last_handled(ROOM) == "$b"
        assert deliveries.first_handled(OTHER) == "$o"

    def test_a_room_has_a_checkpoint(self, deliveries: Deliveries) -> None:
        assert deliveries.checkpoint(ROOM) is None
        deliveries.set_checkpoint(ROOM, "$a")
        deliveries.set_checkpoint(OTHER, "$o")
        deliveries.set_checkpoint(ROOM, "$b")
        assert (deliveries.checkpoint(ROOM), deliveries.checkpoint(OTHER)) == ("$b", "$o")
        assert deliveries.handled(["$a", "$b"]) == set()

    def test_when_all_rooms_were_looked_after(self, deliveries: Deliveries) -> None:
        deliveries.ping()
        assert deliveries.caught_up() is None
        for ts in (1_700_000_000_000, 2**50, 5):
            deliveries.set_caught_up(ts)
            assert deliveries.caught_up() == ts
        deliveries.ping()

    def test_claims_of_different_kinds_are_different(self, deliveries: Deliveries) -> None:
        keys = [ClaimKey(kind, name, "x") for kind in ClaimKind for name in ("1", "2")]
        for key in keys:
            assert deliveries.claim(key, 60) is MINE
        assert [deliveries.claim(key, 60) for key in keys] == [BUSY] * len(keys)
        for kind in ClaimKind:
            assert deliveries.in_flight(kind) == {key for key in keys if key.kind is kind}
        deliveries.renew(keys[0], 0)
        deliveries.give_up(keys[2])
        assert [deliveries.claim(key, 60) for key in keys[:4]] == [MINE, BUSY, MINE, BUSY]

    def test_notes_of_different_kinds_are_different(self, deliveries: Deliveries) -> None:
        notes = [NoteKey(kind, "$a") for kind in NoteKind]
        assert deliveries.handled(["$a", *notes]) == set()
        deliveries.note_handled(notes[0])
        deliveries.note_handled(notes[0])
        assert deliveries.handled(["$a", *notes]) == {notes[0]}
        deliveries.note_handled("$a", ROOM)
        assert deliveries.handled(["$a", *notes]) == {"$a", notes[0]}
        deliveries.note_all_handled([Note("$b", ROOM), *map(Note, notes)])
        assert deliveries.handled(["$a", "$b", "$c", *notes]) == {"$a", "$b", *notes}
        assert deliveries.last_handled(ROOM) == "$b"
        assert deliveries.is_noted(Note(notes[1]))
        assert not deliveries.is_noted(Note(NoteKey(notes[1].kind, "$c")))
        long = [NoteKey(NoteKind.SENT, name * 300) for name in "xy"]
        deliveries.note_handled(long[0])
        assert deliveries.handled(long) == {long[0]}

    def test_one_of_20_threads_gets_it(self, deliveries: Deliveries) -> None:
        assert sorted(self._claimed_at_once(deliveries, "1", threads=20)) == sorted(["1"])

    def test_events_that_were_handled(self, deliveries: Deliveries) -> None:
        assert deliveries.handled([]) == set()
        assert deliveries.handled(["$a", "$b"]) == set()
        deliveries.note_handled("$a", ROOM, 5)
        deliveries.note_handled("$a", ROOM, 5)
        deliveries.note_handled("to-device:1")
        assert deliveries.handled(["$a", "$b", "to-device:1", "$a"]) == {"$a", "to-device:1"}
        assert deliveries.handled(f"${number}" for number in range(2000)) == set()

    def test_the_last_event_of_a_room(self, deliveries: Deliveries) -> None:
        assert deliveries.last_handled(ROOM) is None
        deliveries.note_handled("$1", ROOM, 3000)
        deliveries.note_handled("$other", OTHER, 9000)
        deliveries.note_handled("none")
        deliveries.note_handled("$2", ROOM, 1000)  # clocks of homeservers differ: the order counts
        assert deliveries.last_handled(ROOM) == "$2"
        assert deliveries.last_handled(OTHER) == "$other"
        assert deliveries.last_handled("!unknown:h") is None

    def test_many_events_are_noted_at_once(self, deliveries: Deliveries) -> None:
        deliveries.note_all_handled([])
        deliveries.note_handled("$known", ROOM)
        events = [
            Note(f"${number}", ROOM if number % 2 else OTHER, number) for number in range(700)
        ]
        deliveries.note_all_handled([*events, Note("$1", ROOM, 1), Note("none")])
        keys = [key for key, *_ in events]
        assert deliveries.handled([*keys, "$x"]) == set(keys)
        assert deliveries.handled(["$known", "none"]) == {"$known", "none"}
        assert deliveries.last_handled(OTHER) == "$698"

    @pytest.mark.parametrize("ts", [-1, 2**53, 10**30, -(10**30), None, "5", 1.5])
    def test_an_invented_time_does_no_harm(self, ts: Any, deliveries: Deliveries) -> None:
        deliveries.note_handled("$a", ROOM, ts)
        assert deliveries.last_handled(ROOM) == "$a"

    @pytest.mark.parametrize("kind", EVENTS)
    def test_an_event_comes_back_as_it_was(self, kind: str, deliveries: Deliveries) -> None:
        event = EVENTS[kind]
        number = deliveries.park(event, "Traceback\n  ValueError: ü 🎉")
        assert deliveries.parked() == [
            ParkedEvent(
                number, event, "Traceback\n  ValueError: ü 🎉", deliveries.parked()[0].parked_at
            )
        ]
        taken = deliveries.unpark(number)
        assert taken is not None
        assert (taken.id, taken.event) == (number, event)
        assert 1.7e12 < taken.parked_at < 4e12
        assert deliveries.parked() == []

    def test_the_oldest_comes_first_and_numbers_are_never_used_again(
        self, deliveries: Deliveries
    ) -> None:
        numbers = [deliveries.park({"n": number}, "") for number in range(4)]
        assert [event.event["n"] for event in deliveries.parked()] == [0, 1, 2, 3]
        assert deliveries.count_parked() == 4
        assert [event.id for event in deliveries.parked()] == sorted(numbers)
        assert deliveries.parked_event(numbers[3]) == deliveries.parked()[3]
        assert deliveries.unpark(numbers[3]) is not None
        assert deliveries.parked_event(numbers[3]) is None
        assert deliveries.parked_event(10**30) is None
        assert deliveries.unpark(numbers[3]) is None
        assert deliveries.unpark(10**30) is None
        assert deliveries.park({}, "") not in numbers

    def _claimed_at_once(self, deliveries: Deliveries, *numbers: str, threads: int) -> list[str]:
        """Which transactions threads get that all ask for all of them; those that fail, too."""
        got: list[str] = []
        begin = threading.Barrier(threads)

        def ask() -> None:
            try:
                begin.wait(60)
                got.extend(one for one in numbers if deliveries.claim(txn(one, "x"), 60) is MINE)
            except BaseException as error:
                got.append(repr(error))
                raise
            finally:
                self.leave_thread()

        asking = [threading.Thread(target=ask) for _ in range(threads)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        return got

    def test_parked_events_keep_which_handlers_are_done(self, deliveries: Deliveries) -> None:
        note = Note("$a", ROOM, 1)
        first = deliveries.park({"type": "m"}, "x", key="$a", done=["one"], note=note)
        assert deliveries.handled(["$a"]) == {"$a"}
        assert deliveries.last_handled(ROOM) == "$a"
        deliveries.note(ParkedNote(first, ("one",), ("one", "two")))
        [parked] = deliveries.parked()
        assert (parked.key, parked.done) == ("$a", ("one", "two"))
        done = ["one", "two"]
        second = deliveries.park({"type": "m"}, "y", key="$a", done=done, instead_of=first)
        assert [one.id for one in deliveries.parked()] == [second]
        deliveries.note(ParkedNote(second, ("one", "two"), None))
        assert deliveries.parked() == []
        plain = deliveries.park({}, "z")
        found = deliveries.parked_event(plain)
        assert found is not None
        assert (found.key, found.done) == (None, ())


class SharedDeliveriesContract(DeliveriesContract):
    """Tests of deliveries that processes share. Give a subclass of it, named ``Test…``, the
    fixture ``another``: a function that opens the deliveries of one empty store again and again,
    each time as a new process does."""

    @pytest.fixture
    def another(self) -> Opening:
        """Opens the deliveries that are tested."""
        raise NotImplementedError("give the subclass a fixture named another")

    @pytest.fixture
    def deliveries(self, another: Opening) -> Deliveries:
        """The deliveries that are tested, opened once."""
        return another()

    def test_another_process_sees_what_is_in_flight(self, another: Opening) -> None:
        mine, other = another(), another()
        everywhere = ClaimKey(ClaimKind.ROOM, "")
        assert mine.claim(everywhere, 60) is MINE
        assert other.in_flight(ClaimKind.ROOM) == {everywhere}
        assert other.in_flight(TRANSACTION) == set()

    @pytest.mark.parametrize("lease", [-1, math.nan, math.inf])
    def test_what_is_no_lease(self, lease: float, another: Opening) -> None:
        deliveries = another()
        with pytest.raises(ValueError, match="a lease must be"):
            deliveries.claim(txn("1", "x"), lease)
        with pytest.raises(ValueError, match="a lease must be"):
            deliveries.renew(txn("1", "x"), lease)

    @_needs_fork
    def test_one_of_20_threads_in_4_processes_gets_it(
        self, another: Opening, tmp_path: Path
    ) -> None:
        deliveries = another()
        numbers = [str(number) for number in range(20)]
        deliveries.handled(["$x"])  # a connection that the children mustn't use
        begin_read, begin_write = os.pipe()
        children = []
        for child in range(4):
            pid = os.fork()
            if pid == 0:
                try:
                    os.close(begin_write)
                    os.read(begin_read, 1)  # ends when the parent closes its end
                    got = self._claimed_at_once(deliveries, *numbers, threads=5)
                    (tmp_path / str(child)).write_text(" ".join(got))
                finally:
                    os._exit(0)
            children.append(pid)
        os.close(begin_write)
        for pid in children:
            os.waitpid(pid, 0)
        os.close(begin_read)
        got = [one for child in range(4) for one in (tmp_path / str(child)).read_text().split()]
        assert sorted(got) == sorted(numbers)
        assert {deliveries.claim(txn(number, "x"), 60) for number in numbers} == {BUSY}

    @_needs_fork
    def test_killed_between_claim_and_finish(self, another: Opening) -> None:
        def die(number: str, lease: float) -> None:
            deliveries = another()
            assert deliveries.claim(txn(number, "x"), lease) is MINE
            deliveries.note_handled(f"$first-of-{number}", ROOM)
            os.kill(os.getpid(), signal.SIGKILL)

        deliveries = another()
        assert _in_a_child(lambda: die("1", 60)) == -signal.SIGKILL
        assert _in_a_child(lambda: die("2", 0)) == -signal.SIGKILL
        assert deliveries.claim(txn("1", "x"), 60) is BUSY
        assert deliveries.claim(txn("2", "x"), 60) is MINE
        assert deliveries.handled(["$first-of-1", "$first-of-2", "$second-of-2"]) == {
            "$first-of-1", "$first-of-2",
        }  # fmt: skip

    def test_who_has_lost_a_claim_does_not_give_it_up(self, another: Opening) -> None:
        slow, quick = another(), another()
        assert slow.claim(txn("1", "x"), 0) is MINE
        assert quick.claim(txn("1", "x"), 60) is MINE
        slow.renew(txn("1", "x"), 0)
        slow.give_up(txn("1", "x"))
        assert another().claim(txn("1", "x"), 60) is BUSY
        slow.finish(txn("1", "x"))
        assert quick.claim(txn("1", "x"), 60) is DONE

    @_needs_fork
    def test_a_forked_child_is_somebody_else(self, another: Opening) -> None:
        deliveries = another()
        assert deliveries.claim(txn("1", "x"), 60) is MINE
        assert _in_a_child(lambda: deliveries.give_up(txn("1", "x"))) == 0
        assert deliveries.claim(txn("1", "x"), 60) is BUSY

    def test_many_threads_note_at_once(self, another: Opening) -> None:
        deliveries = another()

        def work(number: int) -> None:
            for turn in range(20):
                deliveries.note_handled(f"${number}-{turn}", f"!{number}:h")
                deliveries.note_handled(f"$all-{turn}", ROOM)
            self.leave_thread()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        expected = {f"${number}-{turn}" for number in range(8) for turn in range(20)}
        expected |= {f"$all-{turn}" for turn in range(20)}
        assert deliveries.handled([*expected, "$x"]) == expected
        assert {deliveries.last_handled(f"!{number}:h") for number in range(8)} == {
            f"${number}-19" for number in range(8)
        }

    @pytest.mark.parametrize("error", ["", "a\0b", "\ud83d", "x" * 1_000_000])
    def test_a_traceback_of_any_kind(self, error: str, another: Opening) -> None:
        deliveries = another()
        number = deliveries.park({}, error)
        taken = deliveries.unpark(number)
        assert taken is not None
        assert len(taken.error) == len(error)

    def test_one_of_many_takes_an_event_back(self, another: Opening) -> None:
        deliveries = another()
        number = deliveries.park({}, "")
        got: list[ParkedEvent | None] = []

        def take() -> None:
            got.append(deliveries.unpark(number))
            self.leave_thread()

        threads = [threading.Thread(target=take) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(got) == 8
        assert len([one for one in got if one is not None]) == 1

    def test_the_next_process_knows_it(self, another: Opening) -> None:
        before = another()
        assert before.claim(txn("1", "x"), 60) is MINE
        before.finish(txn("1", "x"))
        assert before.claim(txn("2", "x"), 60) is MINE
        before.note_handled("$a", ROOM)
        number = before.park({"type": "m"}, "why")
        after = another()
        assert after.claim(txn("1", "x"), 60) is DONE
        assert after.claim(txn("2", "x"), 60) is BUSY
        assert after.handled(["$a"]) == {"$a"}
        assert after.last_handled(ROOM) == "$a"
        assert [(event.id, event.event, event.error) for event in after.parked()] == [
            (number, {"type": "m"}, "why")
        ]
