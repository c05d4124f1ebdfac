"""The registration: the file that makes an application service known to its homeserver.

It holds the two tokens and the namespaces. The homeserver and the application service read the
same file.
Spec: Application Service API, "Registration".
"""

from __future__ import annotations

from .namespaces import Namespace, Namespaces
from .registration import Registration

__all__ = ["Namespace", "Namespaces", "Registration"]
