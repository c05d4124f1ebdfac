"""What the homeserver pushes: requests in, answers out, whatever server carries them."""

from __future__ import annotations

from .receiver import MAX_BODY, Receiver
from .request import Answer, Request
from .transaction import Item, Transaction

__all__ = ["MAX_BODY", "Answer", "Item", "Receiver", "Request", "Transaction"]
