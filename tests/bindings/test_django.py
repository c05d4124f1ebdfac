"""The Django binding: settings, system checks, signals, transactions, commands."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("django", reason="the extra django isn't installed")

from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import override_settings

from appservice_api import HandlerPolicy, Registration, RegistrationError
from appservice_api.application import AppService
from appservice_api.testing import StubHomeserver
from appservice_api.testing.stub import hang

from ..receiver.conftest import event, registration
from . import project
from .carriers import Carrier, Reply, over_django


@pytest.fixture
def carrier(django_site: Any) -> Carrier:
    return Carrier(over_django())


@pytest.fixture
def saved(tmp_path: Path) -> str:
    """A registration file."""
    path = str(tmp_path / "registration.json")
    registration().save(path)
    return path


def messages() -> list[tuple[str, str]]:
    """What the system checks say."""
    from appservice_api.django.checks import check_settings

    return [(one.id, one.msg) for one in check_settings(None)]


def test_a_signal_of_each_event(carrier: Carrier, app: AppService) -> None:
    from appservice_api.django.signals import matrix_event

    got: list[Any] = []

    def receive(event: Any, app: AppService, **_: Any) -> None:
        got.append((event.content.body, app))

    matrix_event.connect(receive)
    try:
        assert carrier.push(event()).status == 200
    finally:
        matrix_event.disconnect(receive)
    assert got == [("hi 1", app)]


def test_a_receiver_of_the_signal_that_raises_is_a_handler_that_raises(
    carrier: Carrier, app: AppService
) -> None:
    from appservice_api.django.signals import matrix_event

    calls = []

    def receive(**_: Any) -> None:
        calls.append(1)
        raise KeyError("boom")

    matrix_event.connect(receive)
    try:
        assert carrier.push(event()).status == 200
    finally:
        matrix_event.disconnect(receive)
    assert len(calls) == 3
    assert len(app.state_store.deliveries.parked()) == 1


def test_the_signal_is_sent_once_after_the_settings_were_changed(
    carrier: Carrier, app: AppService
) -> None:
    from appservice_api.django.conf import appservice
    from appservice_api.django.signals import matrix_event

    got = []

    def receive(**_: Any) -> None:
        got.append(1)

    assert appservice() is app
    with override_settings(APPSERVICE={"APP": f"{project.__name__}.app"}):
        assert appservice() is app
    matrix_event.connect(receive)
    try:
        carrier.push(event())
    finally:
        matrix_event.disconnect(receive)
    assert got == [1]


def test_each_handler_has_a_transaction_and_no_other_spans_a_delivery(
    carrier: Carrier, app: AppService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections["default"].settings_dict, "ATOMIC_REQUESTS", True)
    spanned = []

    @app.on("*")
    def handle(event: Any) -> None:
        connection = connections["default"]
        spanned.append((event.event_id, len(connection.atomic_blocks)))
        if len(spanned) == 1:
            raise RuntimeError("once")

    assert carrier.push(event(1), event(2)).status == 200
    assert spanned == [("$event1", 1), ("$event1", 1), ("$event2", 1)]
    assert not connections["default"].in_atomic_block


def test_deliveries_are_kept_in_the_projects_database(
    django_site: Any, saved: str, stub: StubHomeserver
) -> None:
    from appservice_api.django.conf import appservice
    from appservice_api.django.state_store import DjangoStateStore

    setting = {"REGISTRATION": saved, "BASE_URL": stub.base_url, "SERVER_NAME": "hs.test"}
    with override_settings(APPSERVICE=setting):
        app = appservice()
        assert isinstance(app.state_store, DjangoStateStore)
        assert app.registration.id == "irc"
        got = []

        @app.on("*")
        def handle(event: Any) -> None:
            got.append(event.event_id)

        carrier = Carrier(over_django())
        first = event(event_id="$kept")
        assert [carrier.push(first).status for _ in range(2)] == [200, 200]
        assert got == ["$kept"]
        assert app.state_store.deliveries.handled(["$kept"]) == {"$kept"}
        app.close()


@pytest.mark.parametrize(
    "setting",
    [None, "bridge.app", {}, {"APP": "a.b", "BASE_URL": "http://hs"}, {"REGISTRATION": "x.yaml"}],
)
def test_settings_that_lead_nowhere(django_site: Any, setting: Any) -> None:
    from appservice_api.django.conf import appservice

    with override_settings(APPSERVICE=setting):
        with pytest.raises(ImproperlyConfigured, match="must be a dict of either APP, or"):
            appservice()
        [(id, text)] = messages()
        assert id == "appservice_api.E001"
        assert "APPSERVICE" in text


def test_an_app_that_is_none(django_site: Any) -> None:
    with override_settings(APPSERVICE={"APP": "tests.bindings.carriers.AUTH"}):
        [(id, text)] = messages()
    assert id == "appservice_api.E001"
    assert "isn't an AppService" in text


def test_an_app_that_cannot_be_imported(django_site: Any) -> None:
    with override_settings(APPSERVICE={"APP": "nowhere.matrix.app"}):
        [(id, text)] = messages()
    assert id == "appservice_api.E001"
    assert "No module named 'nowhere'" in text


def test_an_unknown_setting(django_site: Any, saved: str) -> None:
    setting = {"REGISTRATION": saved, "BASE_URL": "http://127.0.0.1:1", "COLOR": "red"}
    with override_settings(APPSERVICE=setting):
        [(id, text)] = messages()
    assert id == "appservice_api.E001"
    assert "color" in text


def test_a_registration_that_is_not_there_yet(django_site: Any, tmp_path: Path) -> None:
    setting = {"REGISTRATION": str(tmp_path / "no.yaml"), "BASE_URL": "http://127.0.0.1:1"}
    with override_settings(APPSERVICE=setting):
        from appservice_api.django.conf import appservice

        with pytest.raises(RegistrationError):
            appservice()
        # Only a warning: the command that writes one, and migrate, must run.
        assert [id for id, _ in messages()] == ["appservice_api.W001"]


def test_a_host_that_is_not_allowed(django_site: Any) -> None:
    assert messages() == []
    with override_settings(ALLOWED_HOSTS=["example.org"]):
        [(id, text)] = messages()
    assert id == "appservice_api.W002"
    assert "127.0.0.1" in text


def test_without_a_setting_nothing_is_checked(django_ready: None) -> None:
    assert messages() == []


def test_the_checks_are_run(django_site: Any) -> None:
    with (
        override_settings(APPSERVICE={}),
        pytest.raises(CommandError, match=r"appservice_api\.E001"),
    ):
        call_command("check")


def test_the_command_that_checks(django_site: Any, stub: StubHomeserver) -> None:
    out = io.StringIO()
    call_command("appservice_check", stdout=out, no_color=True)
    lines = out.getvalue().splitlines()
    assert [line.split()[0] for line in lines if line[:1] != " "] == ["ok"] * 6
    stub.stop()
    with pytest.raises(SystemExit) as ended:
        call_command("appservice_check", stdout=out)
    assert ended.value.code == 75


def test_the_command_that_catches_up(django_site: Any, stub: StubHomeserver) -> None:
    from appservice_api.django.conf import appservice

    app = appservice()
    stub.sender = stub.memory.sender = str(app.api.bot_mxid)
    room = stub.room(members=[stub.sender])
    app.state_store.deliveries.note_handled(stub.events(room)[-2]["event_id"], room)
    out, err = io.StringIO(), io.StringIO()
    call_command("appservice_catch_up", stdout=out, stderr=err, no_color=True)
    assert out.getvalue() == f"{room}  1\n"
    assert err.getvalue().startswith("Rooms looked after: 1; events that were missed")
    with pytest.raises(CommandError, match="'nonsense'"):
        call_command("appservice_catch_up", "nonsense")
    stub.stop()
    with pytest.raises(CommandError, match="joined_rooms") as ended:
        call_command("appservice_catch_up")
    assert ended.value.returncode == 75


def test_the_command_that_looks_after_parked_events(
    django_site: Any, saved: str, stub: StubHomeserver
) -> None:
    out, err = io.StringIO(), io.StringIO()

    def run(*args: str) -> list[str]:
        out.seek(0)
        out.truncate()
        call_command("appservice_parked", *args, stdout=out, stderr=err, no_color=True)
        return out.getvalue().splitlines()

    from appservice_api.django.conf import appservice

    setting = {"REGISTRATION": saved, "BASE_URL": stub.base_url, "SERVER_NAME": "hs.test",
               "HANDLER_POLICY": HandlerPolicy(attempts=1)}  # fmt: skip
    with override_settings(APPSERVICE=setting), appservice() as app:
        got = []

        @app.on("*")
        def handle(event: Any) -> None:
            if event.event_id == "$event1":
                raise KeyError("still")
            got.append(event.event_id)

        deliveries = app.state_store.deliveries
        numbers = [deliveries.park(event(number), "ValueError: boom") for number in range(3)]
        assert [line.split()[0] for line in run("list")] == [str(number) for number in numbers]
        assert run("show", str(numbers[0]))[-1] == "ValueError: boom"
        assert run("drop", str(numbers[0])) == ["Dropped: 1"]
        with pytest.raises(SystemExit) as ended:
            run("retry", "--all")
        assert ended.value.code == 1
        assert got == ["$event2"]
        [left] = deliveries.parked()
        handled, failed = out.getvalue().splitlines()
        assert handled == f"{numbers[2]}  handled"
        assert failed == f"{numbers[1]}  parked again as {left.id}: KeyError: 'still'"
        assert run("drop", "--all") == ["Dropped: 1"]
        assert run("list") == []
        assert err.getvalue() == "Handled: 1; parked again: 1\nNothing is parked.\n"
        for args in (["show", "99"], ["drop", "99"], ["retry", "99"]):
            with pytest.raises(CommandError, match="99") as refused:
                run(*args)
            assert refused.value.returncode == 2
        for args in ([], ["drop"], ["retry", "1", "--all"], ["show", "x"]):
            with pytest.raises(CommandError):
                run(*args)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_that_registers(django_ready: None, folder: Path) -> None:
    args = ("appservice_register", "irc", "--server-name", "hs.test", "--prefix", "irc_")
    out = io.StringIO()
    # Its settings lead to the file that is to be written.
    setting = {"REGISTRATION": "registration.yaml", "BASE_URL": "http://127.0.0.1:1"}
    with override_settings(APPSERVICE=setting):
        call_command(*args, "--url", "http://127.0.0.1:8000/bridge", stdout=out)
    made = Registration.load("registration.yaml")
    assert (made.id, made.url) == ("irc", "http://127.0.0.1:8000/bridge")
    assert made.owns_user("@irc_bob:hs.test")
    assert "What to do next" in out.getvalue()
    assert made.as_token not in out.getvalue()
    with pytest.raises(CommandError, match="--force"):
        call_command(*args, "--no-url", stdout=out)
    with pytest.raises(CommandError, match="either --url or --no-url"):
        call_command(*args, stdout=out)


@pytest.mark.parametrize("stage", ["/send/", "/register", "/join/", "/invite"])
def test_a_page_ends_though_the_homeserver_hangs(
    stage: str, carrier: Carrier, stub: StubHomeserver
) -> None:
    """Wherever that happens while a new ghost says its first word."""
    release = threading.Event()
    outcome: list[Reply] = []
    room = stub.room(members=[stub.sender])
    stub.script("*", stage, hang(release), forever=True)

    def visit() -> None:
        outcome.append(carrier.send("GET", f"/say?ghost=@_irc_new:hs.test&room={room}", b"", {}))

    thread = threading.Thread(target=visit, daemon=True)
    thread.start()
    thread.join(60)
    said = [one for one in stub.events(room) if one["type"] == "m.room.message"]
    release.set()  # what hangs is done now
    assert [reply.status for reply in outcome] == [503]
    assert b"in time" in outcome[0].data
    assert not said
