"""The registration: the file that introduces an application service to its homeserver.

It holds the two secrets and the namespaces, and both sides read the same file.
Spec: Application Service API, "Registration".
"""

from __future__ import annotations

from .namespaces import Namespace, Namespaces
from .registration import Registration

__all__ = ["Namespace", "Namespaces", "Registration"]
