"""Requests: who makes them, and how they are sent."""

from __future__ import annotations

from .http import HTTPAPI
from .path import APIPath, ClientPath, MediaPath, Method, Path, PathBuilder, SynapseAdminPath
from .retry import RetryPolicy

__all__ = [
    "HTTPAPI",
    "APIPath",
    "ClientPath",
    "MediaPath",
    "Method",
    "Path",
    "PathBuilder",
    "RetryPolicy",
    "SynapseAdminPath",
]
