"""The command line as a process: its start, its output, its end."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from cli_runner import AS_TOKEN, BOT, assert_no_token, run, settings

import appservice_api
from appservice_api.operations.outcome import one_line
from appservice_api.testing import StubHomeserver, answer, hang

_EXTRA = """
import sys
import threading
sys.modules[{missing!r}] = None
sys.argv = ["appservice-api", *{args!r}]
from appservice_api.cli import main
main()
"""


@pytest.fixture
def hs() -> Iterator[StubHomeserver]:
    with StubHomeserver(as_token=AS_TOKEN) as server:
        yield server


def environment(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Our own environment, without settings of an application service."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("APPSERVICE_")}
    root = str(Path(appservice_api.__file__).parents[1])
    return {**own, "PYTHONPATH": root, **(env or {})}


def process(
    *args: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """Run Python."""
    done = subprocess.run(
        [sys.executable, *args], env=environment(env), capture_output=True, text=True, timeout=60
    )
    assert_no_token(done.stdout + done.stderr)
    return done


def cli(*args: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line as a module."""
    return process("-m", "appservice_api", *args, env=env)


@pytest.mark.parametrize(
    "missing, args", [("click", ["--help"]), ("click", ["demo"]), ("rich", ["demo"])]
)
def test_a_missing_extra_is_one_sentence(missing: str, args: list[str]) -> None:
    done = process("-c", _EXTRA.format(missing=missing, args=args))
    assert done.returncode == 2
    assert done.stdout == ""
    assert (
        done.stderr == "appservice-api needs the extra 'cli': pip install 'appservice_api[cli]'\n"
    )


def test_nothing_but_the_demo_needs_rich() -> None:
    done = process("-c", _EXTRA.format(missing="rich", args=["check", "--help"]))
    assert done.returncode == 0


def test_the_demo_names_its_extra_where_synapse_is_missing() -> None:
    done = process("-c", _EXTRA.format(missing="synapse", args=["demo"]))
    assert done.returncode == 2
    assert done.stderr == (
        "appservice-api: the demo needs the extra 'demo': pip install 'appservice_api[demo]'\n"
    )


def test_the_package_alone_imports_neither_click_nor_rich() -> None:
    code = "import sys, appservice_api.cli; print({'click', 'rich'} & set(sys.modules))"
    assert process("-c", code).stdout == "set()\n"


def test_version_and_help() -> None:
    assert cli("--version").stdout == f"appservice-api, version {appservice_api.__version__}\n"
    text = cli("--help").stdout
    for name in ("demo", "register", "check", "send", "request", "state", "parked", "75"):
        assert f"  {name} " in text


@pytest.mark.parametrize(
    "name", ["demo", "register", "check", "send", "request", "state", "parked"]
)
def test_every_command_has_help_and_no_option_for_a_token(name: str) -> None:
    outcome = run(name, "--help")
    assert outcome.code == 0
    assert "--token" not in outcome.out


def test_an_unknown_command_is_wrong_usage() -> None:
    outcome = run("dance")
    assert outcome.code == 2
    assert "No such command 'dance'" in outcome.err


def test_requests_are_logged_without_tokens(hs: StubHomeserver) -> None:
    done = cli("request", "GET", "account/whoami", "-v", env=settings(hs))
    assert done.returncode == 0
    assert "GET /_matrix/client/v3/account/whoami" in done.stderr
    assert BOT in done.stdout


def test_tracebacks_are_shown_only_on_demand(hs: StubHomeserver) -> None:
    for option, shown in (("-v", False), ("-vv", True)):
        done = cli("request", "GET", "no/such/thing", option, env=settings(hs))
        assert done.returncode == 1
        assert ("Traceback" in done.stderr) == shown
        assert done.stderr.splitlines()[-1].startswith("appservice-api: the homeserver refused: ")


def test_a_broken_pipe_is_quiet(hs: StubHomeserver) -> None:
    hs.script("GET", "/thing", answer(200, {"list": ["x" * 100] * 10_000}))
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "appservice_api", "request", "GET", "thing"],
            env=environment(settings(hs)),
            stdout=writer,
            stderr=subprocess.PIPE,
            timeout=60,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_output_that_knows_no_umlauts_gets_escapes(hs: StubHomeserver) -> None:
    hs.script("GET", "/thing", answer(200, {"name": "Zoë 👋"}))
    env = {**settings(hs), "PYTHONIOENCODING": "latin-1"}
    assert '"Zo\\u00eb \\ud83d\\udc4b"' in cli("request", "GET", "thing", env=env).stdout


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_is_quiet(hs: StubHomeserver) -> None:
    released = threading.Event()
    hs.script("GET", "/thing", hang(released))
    running = subprocess.Popen(
        [sys.executable, "-m", "appservice_api", "request", "GET", "thing"],
        env=environment(settings(hs)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        hs.wait_for_calls(1, timeout=30)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
    finally:
        running.kill()
        released.set()
    assert (running.returncode, out, err) == (130, b"", b"")


def test_texts_of_others_cannot_steer_the_terminal() -> None:
    assert one_line("a\x1b]0;x\x07\n\tb\u202ec") == "a\ufffd]0;x\ufffd b\ufffdc"


@pytest.mark.parametrize(
    ("closed", "arguments", "code"),
    [
        (">&-", "--version", 0),
        (">&-", "register demo --no-url --server-name hs.test --output made.yaml", 0),
        ("<&-", "send '!r:hs.test' -", 2),
        (">/dev/full", "register demo --no-url --server-name hs.test --output made.yaml", 2),
    ],
)
def test_streams_that_are_closed_or_full(
    closed: str, arguments: str, code: int, tmp_path: Path
) -> None:
    root = Path(__file__).resolve().parents[2]
    environment = {
        **os.environ, "PYTHONPATH": str(root), "APPSERVICE_BASE_URL": "http://127.0.0.1:9",
        "APPSERVICE_TOKEN": "as_token", "APPSERVICE_BOT_MXID": "@bot:hs.test",
    }  # fmt: skip
    command = f"exec {shlex.quote(sys.executable)} -m appservice_api {arguments} {closed}"
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert done.returncode == code, done.stderr
