"""The bot's account: who serves makes it, so that people find the bot and can invite it."""

from __future__ import annotations

import threading

from ..appservice import AppServiceAPI
from ..errors import MatrixError, StateStoreError
from .runtime import Runtime

__all__ = ["Account"]


class Account:
    """Registers the bot once in a process, unless it is known to be registered, in a thread:
    nothing waits for it. If that fails, the log says so, and the bot's first join or room tries
    again.
    """

    def __init__(self, api: AppServiceAPI, runtime: Runtime) -> None:
        self._api = api
        self._runtime = runtime
        self.begun = False

    def begin(self) -> None:
        """Begin it, unless :attr:`begun` says that this was done."""
        self.begun = True
        api = self._api
        try:
            if api.bot_mxid is not None and api.state_store.is_registered(api.bot_mxid):
                return
        except StateStoreError as error:
            api.log.debug("not known whether the bot is registered: %s", error)
        threading.Thread(target=self._run, name="bot's account", daemon=True).start()

    def _run(self) -> None:
        api = self._api
        try:
            api.bot_intent()._ensure_account({})
        except (MatrixError, ValueError) as error:
            if not self._runtime.closed.is_set():
                api.log.warning("the bot can't be registered now: %s", error)
        finally:
            api.state_store.leave_thread()
