"""``state import``: what it prints, and how it ends."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from cli_runner import run

from appservice_api.state_store import open_state_store

pytest.importorskip("sqlalchemy", reason="the extra sql isn't installed")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the command runs in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save_json(folder: Path) -> str:
    members = {"!r:h": {"@a:h": {"membership": "join"}, "@b:h": {}}}
    (folder / "old.json").write_text(json.dumps({"members": members, "registered": {}}))
    return "old.json"


def save_sqlite(folder: Path) -> str:
    connection = sqlite3.connect(folder / "old.db")
    connection.execute("CREATE TABLE mx_user_profile (room_id, user_id, membership)")
    connection.execute("INSERT INTO mx_user_profile VALUES ('!r:h', '@a:h', 'join')")
    connection.execute("INSERT INTO mx_user_profile VALUES ('!r:h', '@b:h', NULL)")
    connection.commit()
    connection.close()
    return "old.db"


@pytest.mark.parametrize("save, kind", [
    (save_json, ""), (save_sqlite, ""), (save_sqlite, "sqlite:"), (save_sqlite, "sqlite:///"),
])  # fmt: skip
def test_it_imports_and_counts(save: object, kind: str, folder: Path) -> None:
    assert callable(save)
    source = kind + save(folder)
    for _ in range(2):
        outcome = run("state", "import", source, "--into", "sqlite:///state.db")
        assert outcome.code == 0
        assert [line.split(None, 1) for line in outcome.out.splitlines()[:4]] == [
            ["1", "rooms"], ["1", "members"], ["0", "state events"], ["0", "registered users"],
        ]  # fmt: skip
        assert outcome.out.splitlines()[4:] == ["Left out, since they couldn't be read: member: 1"]
        assert outcome.err == "Importing ...\n"
    with open_state_store("sqlite:///state.db") as store:
        assert store.is_joined("!r:h", "@a:h") is True


@pytest.mark.parametrize("source, into, said", [
    ("missing.json", "sqlite:///state.db", "'missing.json': No such file"),
    ("sqlite:///missing.db", "sqlite:///state.db", "'missing.db': No such file"),
    ("text", "sqlite:///state.db", "'text' is neither"),
    ("other.json", "sqlite:///state.db", "'other.json' is JSON, but no state store"),
    ("old.json", "nonsense", "the state store's URL"),
    ("old.json", "sqlite:///no/such/folder/state.db", "unable to open"),
    ("old.db", "sqlite:///old.db", "the same file"),
    ("mysql://h/x", "sqlite:///state.db", "mysql"),
])  # fmt: skip
def test_wrong_usage_makes_no_store(source: str, into: str, said: str, folder: Path) -> None:
    save_json(folder)
    save_sqlite(folder)
    (folder / "text").write_text("some text")
    (folder / "other.json").write_text('{"a": 1}')
    before = (folder / "old.db").read_bytes()
    outcome = run("state", "import", source, "--into", into)
    assert outcome.code == 2
    assert said in outcome.err
    assert not (folder / "state.db").exists()
    assert (folder / "old.db").read_bytes() == before


def test_help() -> None:
    assert "import" in run("state", "--help").out
    assert "--into" in run("state", "import", "--help").out
    assert run("state", "import", "x").code == 2
