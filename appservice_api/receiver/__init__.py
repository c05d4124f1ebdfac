"""What the homeserver pushes: requests in, responses out, whatever server carries them."""

from __future__ import annotations

from .http import Request, Response
from .receiver import MAX_BODY, Receiver
from .transaction import Item, Transaction

__all__ = ["MAX_BODY", "Item", "Receiver", "Request", "Response", "Transaction"]
