"""Hanging up at once."""

from __future__ import annotations

import asyncio
import contextlib


def hang_up(transport: asyncio.BaseTransport | None) -> None:
    """Reset a connection; a TLS transport that is closed already fails at that in Python 3.11.2."""
    if isinstance(transport, asyncio.WriteTransport):
        with contextlib.suppress(AttributeError):
            transport.abort()
