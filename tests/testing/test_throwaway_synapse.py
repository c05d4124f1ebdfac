"""The launcher of the real homeserver, above all what it leaves behind: nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from appservice_api.testing import Synapse, SynapseError
from appservice_api.testing import process as process_module
from appservice_api.testing import synapse as synapse_module
from appservice_api.testing.process import installed


def needs_synapse(test: Any) -> Any:
    """Mark a test that starts a homeserver of its own."""
    skip = pytest.mark.skipif(not installed(), reason="Synapse isn't installed")
    return pytest.mark.synapse(skip(test))


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which temporary folders are made: empty means that nothing is left."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def pids(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The processes that were started."""
    seen: list[int] = []

    class Noted(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            seen.append(self.pid)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    return seen


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def gone(pid: int, timeout: float = 10.0) -> bool:
    """Whether a process that isn't our child, or is reaped already, ends in time."""
    until = time.monotonic() + timeout
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not alive(pid)


def get(url: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=10)


def registration(**changes: Any) -> dict[str, Any]:
    return {
        "id": "x",
        "url": None,
        "as_token": "secret_as",
        "hs_token": "secret_hs",
        "sender_localpart": "_x_bot",
        "namespaces": {"users": [], "aliases": [], "rooms": []},
        **changes,
    }


@needs_synapse
def test_the_life_of_a_homeserver(scratch: Path, pids: list[int]) -> None:
    waits: list[float] = []
    synapse = Synapse([registration()], on_wait=waits.append)
    with synapse:
        assert get(f"{synapse.base_url}/_matrix/client/versions").status_code == 200
        assert synapse.running
        assert synapse.pid == pids[0]
        assert synapse.home.parent == scratch
        assert synapse.log_path.exists()
        assert waits == sorted(waits)
        assert waits

        user = synapse.create_user("dora")
        assert user["user_id"] == "@dora:hs.test"
        with pytest.raises(SynapseError, match=r"'dora'.*M_USER_IN_USE"):
            synapse.create_user("dora")

        url, home = synapse.base_url, synapse.home
        synapse.kill()
        assert not synapse.running
        assert synapse.pid is None
        assert home.exists()
        synapse.restart()
        assert (synapse.base_url, synapse.home) == (url, home)
        whoami = requests.get(
            f"{url}/_matrix/client/v3/account/whoami",
            headers={"Authorization": f"Bearer {user['access_token']}"},
            timeout=10,
        )
        assert whoami.json()["user_id"] == "@dora:hs.test"
        synapse.restart()
        assert "secret_as" not in repr(synapse)
    synapse.stop()
    assert len(pids) == 3
    assert not any(map(alive, pids))
    assert list(scratch.iterdir()) == []


@needs_synapse
def test_a_given_folder_stays_and_can_be_used_again(tmp_path: Path) -> None:
    home = tmp_path / "a" / "home"
    with Synapse(home=home, rate_limits=True) as synapse:
        synapse.create_user("dora")
        assert "rc_message" not in (home / "homeserver.yaml").read_text()
        assert (home / "homeserver.yaml").stat().st_mode & 0o077 == 0
    with Synapse(home=home) as synapse, pytest.raises(SynapseError, match="M_USER_IN_USE"):
        synapse.create_user("dora")
    assert (home / "homeserver.db").exists()


@needs_synapse
@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"room_version": "99"}, "Unknown default_room_version: 99"),
        ({"registrations": [registration(hs_token=None)]}, "Required string field: 'hs_token'"),
        ({"registrations": [registration(), registration()]}, "Cannot reuse ID"),
        ({"registrations": [registration(sender_localpart=3)]}, "sender_localpart"),
    ],
)
def test_a_bad_configuration_says_why_and_leaves_nothing(
    scratch: Path, pids: list[int], options: dict[str, Any], cause: str
) -> None:
    synapse = Synapse(**options)
    with pytest.raises(SynapseError, match=cause) as caught:
        synapse.start()
    assert "secret_" not in str(caught.value)
    assert len(pids) == 1
    assert not alive(pids[0])
    assert list(scratch.iterdir()) == []


@needs_synapse
@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ZeroDivisionError])
def test_an_interrupted_start_leaves_nothing(
    scratch: Path, pids: list[int], interruption: type[BaseException]
) -> None:
    def interrupt(waited: float) -> None:
        raise interruption

    with pytest.raises(interruption):
        Synapse(on_wait=interrupt).start()
    assert len(pids) == 1
    assert not alive(pids[0])
    assert list(scratch.iterdir()) == []


@needs_synapse
def test_a_start_that_takes_too_long(scratch: Path, pids: list[int]) -> None:
    with pytest.raises(SynapseError, match="start_timeout"):
        Synapse(start_timeout=0.05).start()
    assert not alive(pids[0])
    assert list(scratch.iterdir()) == []


@needs_synapse
def test_a_taken_port_is_replaced_once(monkeypatch: pytest.MonkeyPatch, scratch: Path) -> None:
    # Whoever has the port answers like a homeserver, and is not taken for ours.
    with Synapse() as first:
        taken = int(first.base_url.rpartition(":")[2])
        real = process_module.free_port
        ports = iter([taken])
        monkeypatch.setattr(synapse_module, "free_port", lambda: next(ports, None) or real())
        with Synapse() as second:
            assert second.base_url != first.base_url
            assert get(f"{second.base_url}/_matrix/client/versions").status_code == 200


@needs_synapse
@pytest.mark.parametrize("detached", [False, True])
def test_what_outlives_a_killed_parent(tmp_path: Path, detached: bool) -> None:
    script = (
        "import sys, time\n"
        "from appservice_api.testing import Synapse\n"
        "s = Synapse()\n"
        "s.start()\n"
        f"{'s.detach()' if detached else ''}\n"
        "print(s.pid, s.home, s.base_url, flush=True)\n"
        "time.sleep(600)\n"
    )
    root = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": root}
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment
    )
    with parent:
        assert parent.stdout
        pid, home, url = parent.stdout.readline().split()
        parent.kill()
    if detached:
        try:
            assert get(f"{url}/_matrix/client/versions").status_code == 200
        finally:
            os.kill(int(pid), signal.SIGTERM)
    assert gone(int(pid))
    assert os.path.exists(home) == detached


@needs_synapse
def test_it_outlives_the_thread_that_started_it(scratch: Path) -> None:
    synapse = Synapse()
    thread = threading.Thread(target=synapse.start)
    thread.start()
    thread.join()
    with synapse:
        assert get(f"{synapse.base_url}/_matrix/client/versions").status_code == 200


def test_without_synapse_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, scratch: Path) -> None:
    monkeypatch.setattr(synapse_module, "installed", lambda: False)
    with pytest.raises(SynapseError, match=r"pip install 'appservice_api\[demo\]'"):
        Synapse().start()
    assert list(scratch.iterdir()) == []


def test_before_a_start_there_is_nothing() -> None:
    synapse = Synapse()
    assert not synapse.running
    assert synapse.pid is None
    synapse.stop()
    for name in ("base_url", "home", "log_path"):
        with pytest.raises(SynapseError, match="start"):
            getattr(synapse, name)
    with pytest.raises(SynapseError, match="start"):
        synapse.restart()


@pytest.mark.parametrize(
    "named, wanted",
    [
        ({}, "127.0.0.1,localhost,::1"),
        ({"NO_PROXY": "a.test"}, "a.test,127.0.0.1,localhost,::1"),
        ({"NO_PROXY": "a.test", "no_proxy": "b.test"}, "b.test,127.0.0.1,localhost,::1"),
        ({"no_proxy": "*"}, "*"),
    ],
)
def test_no_proxy_stands_before_application_services(
    named: dict[str, str], wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    env = process_module._environment()
    assert (env["no_proxy"], env["http_proxy"]) == (wanted, "http://127.0.0.1:9")


def test_a_free_port_can_be_bound() -> None:
    port = process_module.free_port()
    with socket.create_server(("127.0.0.1", port)) as listener:
        assert listener.getsockname()[1] == port
