"""What the homeserver pushes: requests in, responses out, whatever server carries them."""

from __future__ import annotations

from .receiver import MAX_BODY, Receiver
from .request import Request
from .response import Response
from .transaction import Item, Transaction

__all__ = ["MAX_BODY", "Item", "Receiver", "Request", "Response", "Transaction"]
