"""What a listener is, and what it allows: values from the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Listener:
    """One `[[listen]]`. `address` is `host:port`, `[v6]:port` (no host: every interface) or `unix:PATH`; port 0 picks a free one.

    `certificate` (PEM, with its chain) and `key` (None: it is in `certificate`) are needed unless `tls` is none.
    `require_tls`: nothing but STARTTLS is served before TLS.
    """

    protocol: Literal["smtp", "lmtp"]
    address: str
    tls: Literal["none", "starttls", "implicit"] = "none"
    certificate: Path | None = None
    key: Path | None = None
    require_tls: bool = False


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """Bounds of the listeners.

    `message_size` in octets. `connections` in all, `connections_per_address` for one IPv4 address or one IPv6 /64.
    `errors`: refusals (5xx) since the last mail that end the session. `idle_commands`: commands since the last mail that lead
    to none (greetings, NOOP, RSET, VRFY, STARTTLS). `timeout`: idle seconds, between commands and between blocks of a mail.
    `recipients` of one mail (RFC 5321 §4.5.3.1.8: at least 100).
    """

    message_size: int
    connections: int = 200
    connections_per_address: int = 20
    errors: int = 10
    idle_commands: int = 50
    timeout: float = 300
    recipients: int = 100
