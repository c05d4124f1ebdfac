"""The process of a throw-away Synapse: its start, its log, its end."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

# Runs in the child. Its stdin is a pipe from the parent: at its end, the parent is dead, and the
# child kills itself and removes its folder if that is temporary. A byte in the pipe lets the child
# outlive the parent. (PR_SET_PDEATHSIG would act when the thread that called start() ends.)
_LAUNCHER = """
import os, runpy, shutil, signal, sys, threading
def watch(folder):
    if os.read(0, 1):
        return
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
    os.kill(os.getpid(), signal.SIGKILL)
threading.Thread(target=watch, args=(sys.argv.pop(1),), daemon=True).start()
runpy.run_module("synapse.app.homeserver", run_name="__main__", alter_sys=True)
"""
_STOP_TIMEOUT = 5.0


def installed() -> bool:
    """Whether Synapse is installed for this interpreter; it is looked for, not imported."""
    spec = importlib.util.find_spec("synapse")
    folders = spec.submodule_search_locations if spec else None
    return any(Path(one, "app", "homeserver.py").is_file() for one in folders or ())


def free_port() -> int:
    """A loopback port that is free at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _environment() -> dict[str, str]:
    """The environment of this process, without a proxy for the loopback interface."""
    env = dict(os.environ)
    # Synapse uses urllib, which reads the name in capitals only if the other isn't set.
    named = env.get("no_proxy", env.get("NO_PROXY", ""))
    if named != "*":
        env["no_proxy"] = ",".join(filter(None, [named, "127.0.0.1", "localhost", "::1"]))
    return env


class SynapseProcess:
    """One run of Synapse, in a session of its own.

    Args:
        configuration: Its configuration file; the log goes beside it.
        temporary: Whether the file's folder is removed when this process dies without stopping it.

    Raises:
        OSError: It can't be started, or its log can't be written.
    """

    def __init__(self, configuration: Path, *, temporary: bool) -> None:
        home = configuration.parent
        self.log_path = home / "homeserver.log"
        self._log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        start = ["-c", _LAUNCHER, str(home) if temporary else ""]
        with open(self.log_path, "ab") as log:
            self._popen = subprocess.Popen(
                [sys.executable, *start, "-c", str(configuration)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=home,
                env=_environment(),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process's ID."""
        return self._popen.pid

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._popen.poll() is None

    def detach(self) -> None:
        """Let it outlive this process."""
        if self._popen.stdin and not self._popen.stdin.closed:
            self._popen.stdin.write(b"d")
            self._popen.stdin.close()

    def log_end(self) -> str:
        """The last four lines that this run has logged."""
        text = self.log_path.read_bytes()[self._log_start :].decode(errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip(" *^~")]
        lines = [line for line in lines if "There may be more information in the" not in line]
        return "\n".join(lines[-4:]) or "(it is empty)"

    def terminate(self) -> None:
        """Terminate it, and kill it if it runs 5 seconds later."""
        try:
            if self.running:
                self._popen.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._popen.wait(_STOP_TIMEOUT)
        finally:
            self.kill()

    def kill(self) -> None:
        """Kill it and its children. Harmless when it has ended."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()
        # Last: the launcher takes the end of this pipe for the death of this process.
        if self._popen.stdin:
            self._popen.stdin.close()
