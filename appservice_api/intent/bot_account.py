"""The account of the application service's bot.

Homeservers let an application service's sender act without an account, so no refusal ever says
that there is none: it has no profile then, and nobody finds it.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ..errors import MatrixRequestError, MUnknownToken

if TYPE_CHECKING:
    from .ensuring import Ensuring

__all__ = ["ensure_account"]


def ensure_account(bot: Ensuring, patience: dict[str, Any]) -> None:
    """Register the bot, unless it is known to be registered. A homeserver that refuses doesn't
    keep it from acting, and isn't asked again by this process.

    Args:
        bot: The intent of the bot.
        patience: How the request is repeated.

    Raises:
        MatrixConnectionError: The homeserver couldn't be reached.
    """
    shared = bot.api._shared
    if shared.bot_refused or bot.api.state_store.is_registered(bot.mxid):
        return
    try:
        bot._register_once(None, patience)
    except MUnknownToken:
        # An ordinary user's token, which has an account.
        shared.bot_refused = True
    except MatrixRequestError as refused:
        shared.bot_refused = not refused.temporary
        if refused.http_status != HTTPStatus.TOO_MANY_REQUESTS:
            bot.api.log.warning("%s goes on without an account of its own: %s", bot.mxid, refused)
