"""``demo`` on a real Synapse, above all what it leaves behind."""

from __future__ import annotations

import os
import re
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import appservice_api
from appservice_api.cli.demo.conversation import picture
from appservice_api.cli.demo.interruption import Interruption
from appservice_api.cli.demo.timeline import legend, timeline
from appservice_api.cli.progress import Progress
from appservice_api.testing.process import installed

_CLI = [sys.executable, "-m", "appservice_api", "demo"]


def needs_synapse(test: Any) -> Any:
    """Mark a test that starts a homeserver of its own."""
    skip = pytest.mark.skipif(not installed(), reason="Synapse isn't installed")
    return pytest.mark.synapse(skip(test))


@pytest.fixture
def env(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment whose temporary folder is the test's own; nothing outlives the test."""
    root = str(Path(appservice_api.__file__).parents[1])
    # A proxy that isn't there: the loopback interface must be reached without it.
    proxy = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    yield {**os.environ, **proxy, "PYTHONPATH": root, "TMPDIR": str(tmp_path)}
    for pid in processes(tmp_path):
        os.kill(pid, signal.SIGKILL)


def processes(folder: Path) -> list[int]:
    """The Synapses whose files are in a folder."""
    found = subprocess.run(["ps", "-ewwo", "pid=,args="], capture_output=True, text=True).stdout
    lines = [line.split(None, 1) for line in found.splitlines() if str(folder) in line]
    return [int(pid) for pid, args in lines if "synapse" in args]


def between(text: str, start: str, end: str) -> str:
    """What stands between two texts."""
    return text.partition(start)[2].partition(end)[0]


def nothing_is_left(folder: Path) -> bool:
    """Whether all processes end soon, and all files are gone."""
    until = time.monotonic() + 10
    while (processes(folder) or any(folder.iterdir())) and time.monotonic() < until:
        time.sleep(0.05)
    return not processes(folder) and not any(folder.iterdir())


@needs_synapse
def test_the_conversation_is_shown_and_nothing_is_left(env: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(_CLI, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    # On a busy machine it takes more than one line.
    assert re.fullmatch(r"Starting Synapse \.\.\.\n(Starting Synapse \.\.\. \d+ s\n)*", done.stderr)
    rows = [re.split(r"\s{2,}", line.strip()) for line in done.stdout.splitlines()]
    rows = [row for row in rows if len(row) == 5]
    shown = {tuple(row[2:4]) for row in rows}
    for name in ("Alice", "Bob", "Carol", "Dora", "Demo bot", "Erin"):
        assert {(name, "m.room.member"), (name, "m.room.message")} <= shown
    assert ("Bob", "m.reaction") in shown
    for text in ("invites Alice", "sunset.png, 64 by 64", "edits “Teh", "replies to “Same"):
        assert text in done.stdout
    [old] = [row for row in rows if "I wrote this yesterday" in row[-1]]
    assert re.fullmatch(r"\w+ \d\d 21:15", old[0])
    # All that was sent came back; all that was received is Erin's.
    assert {(row[1], row[2] == "Erin") for row in rows[1:]} == {("→ ✓", False), ("←", True)}
    asked, answered, last = rows[-3:]
    assert (asked[2], asked[4][:9]) == ("Erin", "I use an ")
    assert (answered[2], answered[4][:17]) == ("Alice", "replies to “I use")
    assert (last[2], last[4]) == ("Demo bot", "That was all.")
    assert "6 members, 26 events shown" in done.stdout
    counts = re.search(r"Sent: (\d+) req.* Received: (\d+) events in (\d+) tra", done.stdout)
    assert counts
    assert int(counts[1]) >= 26
    assert int(counts[2]) >= 26
    assert 0 < int(counts[3]) <= int(counts[2])
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "\x1b" not in done.stdout
    assert nothing_is_left(tmp_path)


@needs_synapse
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("options", [[], ["--keep"]])
@pytest.mark.parametrize("when", ["starting", "talking"])
def test_a_signal_leaves_nothing(
    env: dict[str, str], tmp_path: Path, number: signal.Signals, options: list[str], when: str
) -> None:
    args = [*_CLI, "-v", *options]
    with subprocess.Popen(
        args, env=env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as running:
        assert running.stderr
        # What is logged tells how far it has come.
        wanted = "Starting" if when == "starting" else "createRoom"
        for line in running.stderr:
            if wanted in line:
                break
        if when == "starting":
            until = time.monotonic() + 30
            while not processes(tmp_path) and time.monotonic() < until:
                time.sleep(0.02)
            assert processes(tmp_path)
        running.send_signal(number)
        running.send_signal(number)
        end = running.stderr.read()
        assert running.wait(60) == 128 + number
    assert end.splitlines()[-1].startswith("Interrupted: ")
    assert "Traceback" not in end
    assert nothing_is_left(tmp_path)


@needs_synapse
def test_an_error_leaves_nothing(env: dict[str, str], tmp_path: Path) -> None:
    args = [*_CLI, "--keep", "--room-version", "no-such-version"]
    done = subprocess.run(args, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "M_UNSUPPORTED_ROOM_VERSION" in done.stderr
    assert nothing_is_left(tmp_path)


@needs_synapse
def test_keep_leaves_a_homeserver_to_play_with(env: dict[str, str], tmp_path: Path) -> None:
    args = [*_CLI, "--keep", "--room-version", "12"]
    done = subprocess.run(args, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    assert len(processes(tmp_path)) == 1
    # What is told knows nothing of the proxy of this test.
    plain = {key: value for key, value in env.items() if "proxy" not in key.lower()}
    settings = dict(re.findall(r"(homeserver|registration|room) +(\S+)", done.stdout))
    room = settings["room"]

    talk = between(done.stdout, "in Python:\n", "\nThe receiver")
    read = f"print(alice.get_messages({room!r}, limit=1)['chunk'][0]['content']['body'])"
    assert python(talk, read, env=plain) == "Hello again\n"

    # While nobody receives, what is written waits.
    write = between(done.stdout, "an ordinary user:\n", "\nA moment later")
    assert python(talk, write, env=plain) == ""
    with told_receiver(done.stdout, plain):
        # What is told asks nobody to wait; a script must.
        wait = f"""
since = erin.sync(timeout=0).next_batch
while next(erin.messages({room!r})).sender == erin.mxid:
    since = erin.sync(since=since, timeout=10_000).next_batch
"""
        write = write.partition("erin.send_text")[0]
        read = between(done.stdout, "has answered:\n", "\nStop Synapse")
        assert python(talk.partition("alice =")[0], write, wait, read, env=plain) == (
            "I have read it.\n"
        )
        check = [sys.executable, "-m", "appservice_api", "check"]
        options = ["--base-url", settings["homeserver"], "--registration", settings["registration"]]
        assert subprocess.run([*check, *options], env=plain, timeout=60).returncode == 0

    stop = re.search(r"kill .*", done.stdout)
    assert stop
    assert subprocess.run(stop[0], shell=True, timeout=60).returncode == 0
    assert nothing_is_left(tmp_path)


def python(*parts: str, env: dict[str, str]) -> str:
    """What a script prints."""
    command = [sys.executable, "-c", "\n".join(parts)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done.stdout


@contextmanager
def told_receiver(text: str, env: dict[str, str]) -> Iterator[None]:
    """Run the receiver by the command that a text tells."""
    command = between(text, "second terminal:\n\n", "\n")
    this = f"&& exec {sys.executable} -m appservice_api"
    assert "&& appservice-api serve answer:app --port" in command
    with subprocess.Popen(
        command.replace("&& appservice-api", this), shell=True, env=env, stderr=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stderr
            assert process.stderr.readline().startswith("Serving demo at http://127.0.0.1:")
            yield
        finally:
            process.terminate()


def test_the_picture_is_a_png() -> None:
    data = picture()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (64, 64)
    length = struct.unpack(">I", data[33:37])[0]
    assert len(zlib.decompress(data[41 : 41 + length])) == 64 * (1 + 3 * 64)


def render(
    *events: dict[str, Any], width: int = 80, sent: str = "", received: str = "",
    ascii_only: bool = False,
) -> str:  # fmt: skip
    console = Console(width=width, highlight=False)
    names = {"@a:hs.test": "[b]Ann[/b]\x1b"}
    with console.capture() as capture:
        console.print(timeline(
            events, names, sent.split(), received.split(), width=width, ascii_only=ascii_only
        ))  # fmt: skip
    return capture.get()


@pytest.mark.parametrize("ascii_only, marks", [(False, "→ ✓|→|←|"), (True, "> *|>|<|")])
@pytest.mark.parametrize("width", [40, 60, 80])
def test_what_was_sent_and_what_was_received(width: int, ascii_only: bool, marks: str) -> None:
    events = [
        {"event_id": f"${number}", "sender": "Ann", "type": "m", "content": {"name": "x"}}
        for number in range(4)
    ]
    text = render(
        *events, width=width, sent="$0 $1", received="$0 $2", ascii_only=ascii_only
    )  # fmt: skip
    rows = [line.partition("Ann")[0].strip() for line in text.splitlines()[2:]]
    assert rows == marks.split("|")
    assert ("Type" in text, "Time" in text) == (width >= 72, width >= 50)
    assert {sign for mark in marks.split("|")[:3] for sign in mark.split()} <= set(
        legend(ascii_only)
    )
    assert legend(ascii_only).isascii() == ascii_only
    assert max(map(len, legend().splitlines())) < 60


def test_a_malformed_event_is_shown_as_far_as_it_goes() -> None:
    text = render(
        {},
        {"type": 3, "sender": None, "content": [], "origin_server_ts": "x"},
        {"type": "m.reaction", "sender": "@a:hs.test", "content": {"m.relates_to": "x"}},
        {"type": "m.room.message", "content": {"m.relates_to": {"m.in_reply_to": 3}}},
        {"type": "m.room.message", "content": {"msgtype": "m.image", "info": None}},
        {"type": "m.room.member", "content": {"membership": ["x"]}},
    )
    assert "[b]Ann[/b]\ufffd" in text


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_table_fits(width: int) -> None:
    event = {"type": "m.room.message", "sender": "@a:hs.test", "content": {"body": "word " * 99}}
    assert max(map(len, render(event, width=width).splitlines())) <= width


def test_progress_is_a_plain_line_now_and_then_where_there_is_no_terminal() -> None:
    console = Console(width=80, force_terminal=False)
    with console.capture() as capture, Progress(console, "Working") as progress:
        for tenth in range(120):
            progress.waited(tenth / 10)
    assert capture.get() == "Working ...\nWorking ... 5 s\nWorking ... 10 s\n"


def test_an_interruption_waits_until_it_is_allowed() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(SystemExit) as stopped, interruption.allowed():
            pytest.fail("it comes at once")
        assert stopped.value.code == 143
        os.kill(os.getpid(), signal.SIGINT)
        interruption.check()  # only the first counts
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_interruption_acts_at_once_where_it_is_allowed() -> None:
    def interrupted() -> None:
        with Interruption() as interruption, interruption.allowed():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)

    with pytest.raises(SystemExit) as stopped:
        interrupted()
    assert stopped.value.code == 130
