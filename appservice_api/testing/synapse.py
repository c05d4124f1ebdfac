"""A throw-away Synapse: a real homeserver on a loopback port, for tests and the demo."""

from __future__ import annotations

import hashlib
import hmac
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

from ..compat import Self
from ..errors import MatrixError
from .configuration import MARK, Configuration
from .process import SynapseProcess, free_port, installed

_POLL = 0.1
_PORT_TAKEN = "Failed to listen on TCP port"


class SynapseError(MatrixError, RuntimeError):
    """The throw-away homeserver failed; the text says what to do."""


class _PortTaken(SynapseError):
    """Another process uses the port."""


class Synapse:
    """A real homeserver that is started for a test and removed after it.

    It ends with the process that started it, even if that is killed, unless it is detached.
    It can be used as a context manager. Use it from one thread at a time.

    Args:
        registrations: The application services' registrations, read at every start.
        server_name: The homeserver's name.
        room_version: The version of new rooms.
        home: The folder for its files, which is kept; by default a temporary one.
        start_timeout: Seconds that a start may take.
        on_wait: Called about ten times a second during a start, with the seconds waited.
        rate_limits: Whether Synapse's default rate limits apply.
    """

    def __init__(
        self,
        registrations: Sequence[Mapping[str, Any]] = (),
        *,
        server_name: str = "hs.test",
        room_version: str = "11",
        home: str | os.PathLike[str] | None = None,
        start_timeout: float = 60.0,
        on_wait: Callable[[float], None] | None = None,
        rate_limits: bool = False,
    ) -> None:
        self.registrations = registrations
        self.server_name = server_name
        self._room_version = room_version
        self._given_home = Path(home).absolute() if home is not None else None
        self._start_timeout = start_timeout
        self._on_wait = on_wait
        self._rate_limits = rate_limits
        self._configuration: Configuration | None = None
        self._made_home = False
        self._port = 0
        self._process: SynapseProcess | None = None
        self._http = requests.Session()
        # No proxy of the environment for the loopback interface.
        self._http.trust_env = False

    def __repr__(self) -> str:
        return f"<Synapse {self.server_name} {'running' if self.running else 'stopped'}>"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        """The homeserver's URL, without a trailing slash. Raises SynapseError before a start."""
        if not self._port:
            self._started()
        return f"http://127.0.0.1:{self._port}"

    @property
    def home(self) -> Path:
        """The folder of its files. Raises SynapseError before a start."""
        return self._started().home

    @property
    def log_path(self) -> Path:
        """The file with everything it logs. Raises SynapseError before a start."""
        return self.home / "homeserver.log"

    @property
    def pid(self) -> int | None:
        """The process's ID, None when it isn't running."""
        return self._process.pid if self._process and self._process.running else None

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.running

    def start(self) -> None:
        """Start it, and wait until it responds. Harmless when it is running.

        Raises:
            SynapseError: It isn't installed, doesn't start or doesn't respond in time. No process
                and no temporary folder is left then, nor when the wait is interrupted.
        """
        if self.running:
            return
        if not installed():
            raise SynapseError(
                "Synapse, the homeserver to be started, isn't installed: run "
                "pip install 'appservice_api[demo]'."
            )
        try:
            if self._configuration is None:
                self._prepare()
            try:
                self._run(self._port or free_port())
            except _PortTaken:
                self._run(free_port())
        except BaseException:
            self._discard()
            raise

    def detach(self) -> None:
        """Let it outlive this process. To stop it later, note `pid` and `home`.

        Raises:
            SynapseError: It isn't running.
        """
        if self._process is None or not self.running:
            raise SynapseError("Synapse isn't running: start() it before detach().")
        self._process.detach()

    def stop(self) -> None:
        """Stop it and remove its temporary folder. Harmless when already stopped."""
        try:
            if self._process is not None:
                self._process.terminate()
        finally:
            self._discard()

    def kill(self) -> None:
        """Kill it (SIGKILL), as a crash would; the folder stays for a `restart`."""
        if self._process is not None:
            self._process.kill()

    def restart(self) -> None:
        """Stop it if it runs, then start it with the same folder on the same port.

        Raises:
            SynapseError: As for `start`, but the folder stays; or it was never started.
        """
        self._started()
        if self._process is not None:
            self._process.terminate()
        try:
            self._run(self._port)
        except BaseException:
            self.kill()
            raise

    def create_user(
        self, localpart: str, password: str = "pw", admin: bool = False
    ) -> dict[str, Any]:
        """Register a real user.

        Args:
            localpart: The localpart.
            password: The password.
            admin: Whether the user may use the homeserver's admin API.

        Returns:
            A dict of user_id, access_token and device_id.

        Raises:
            SynapseError: Refused, for example because the name is taken.
        """
        secret = self._started().shared_secret
        url = f"{self.base_url}/_synapse/admin/v1/register"
        nonce = self._http.get(url, timeout=30).json()["nonce"]
        parts = [nonce, localpart, password, "admin" if admin else "notadmin"]
        mac = hmac.new(secret.encode(), "\0".join(parts).encode(), hashlib.sha1).hexdigest()
        body = {
            "nonce": nonce,
            "username": localpart,
            "password": password,
            "admin": admin,
            "mac": mac,
        }
        reply = self._http.post(url, json=body, timeout=30)
        content: dict[str, Any] = reply.json()
        if reply.status_code != 200:
            raise SynapseError(
                f"The homeserver refused to make the user {localpart!r}: "
                f"{content.get('errcode')} {content.get('error')}"
            )
        return {key: content[key] for key in ("user_id", "access_token", "device_id")}

    def _started(self) -> Configuration:
        if self._configuration is None:
            raise SynapseError("This Synapse isn't started: call start() first.")
        return self._configuration

    def _prepare(self) -> None:
        if self._given_home is None:
            home = Path(tempfile.mkdtemp(prefix="appservice-api-synapse-"))
            self._made_home = True
        else:
            home = self._given_home
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._configuration = Configuration(
            home, self.server_name, self._room_version, self._rate_limits, self.registrations
        )

    def _run(self, port: int) -> None:
        configuration = self._started()
        configuration.registrations = self.registrations
        self.kill()
        configuration.write(port)
        self._port = port
        self._process = SynapseProcess(configuration.path, temporary=self._made_home)
        self._await(self._process)

    def _await(self, process: SynapseProcess) -> None:
        since = time.monotonic()
        while True:
            # First the process, then the port: another process may respond there.
            if not process.running:
                end = self._log_end(process)
                kind = _PortTaken if _PORT_TAKEN in end else SynapseError
                raise kind(f"Synapse didn't start; correct what its log ends with: {end}")
            if self._responds():
                return
            waited = time.monotonic() - since
            if waited > self._start_timeout:
                raise SynapseError(
                    f"Synapse didn't answer within {self._start_timeout:g} seconds; give it a "
                    f"longer start_timeout. Its log ends: {self._log_end(process)}"
                )
            if self._on_wait:
                self._on_wait(waited)
            time.sleep(_POLL)

    def _responds(self) -> bool:
        try:
            url = f"{self.base_url}/_matrix/client/versions"
            if self._http.get(url, timeout=1).status_code != 200:
                return False
            url = f"{self.base_url}/.well-known/matrix/client"
            mark = self._http.get(url, timeout=1).json().get(MARK)
        except (requests.RequestException, ValueError):
            return False
        return bool(mark == self._started().mark)

    def _log_end(self, process: SynapseProcess) -> str:
        end = process.log_end()
        for registration in self.registrations:
            for key in ("as_token", "hs_token"):
                if token := registration.get(key):
                    end = end.replace(str(token), f"<{key}>")
        return end

    def _discard(self) -> None:
        """Remove the process and the temporary folder."""
        self.kill()
        if self._made_home and self._configuration is not None:
            shutil.rmtree(self._configuration.home, ignore_errors=True)
            self._made_home = False
            self._configuration = None
