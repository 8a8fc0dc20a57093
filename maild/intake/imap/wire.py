"""aioimaplib's protocol with its defects worked around, and what can go wrong with a mailbox.

A lost connection is noticed at once by everything that waits (`lost`); many lines in one read do not exhaust the stack; a server that
sends what nobody asked for is cut off; a refused SASL exchange is brought to its end; new mail is noticed whatever is being done.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import re
import ssl
from collections import deque
from typing import Any, Final

from aioimaplib import IMAP4ClientProtocol
from aioimaplib.aioimaplib import CONNECTED, NONAUTH

from maild.errors import MaildError

_LINES: Final = 100
_PIECE: Final = 1024
"""Octets the parser gets at a time: it calls itself for each line, and 1024 octets are 512 lines at most."""

CHATTER: Final = 32 << 20
"""Octets a server may send in answer to one command, besides the mails that were asked for."""

_GREETING: Final = 64 << 10
_LINE: Final = 8 << 20
"""Octets of a greeting, and of a line: the UIDs of a million mails are one."""

_EXISTS = re.compile(rb"\* \d+ EXISTS", re.IGNORECASE)
_BYE = re.compile(rb"\* BYE\s*(.*)", re.IGNORECASE | re.DOTALL)
_CODE = re.compile(r"\[([A-Z0-9-]+)[^\]]*\]", re.IGNORECASE)

logging.getLogger("aioimaplib").setLevel(logging.WARNING)  # below that it logs passwords and whole mails


class MailboxFault(MaildError):
    """A mailbox cannot be read now. `str()` is a sentence for the admin."""


class Lost(MailboxFault):
    """The connection is gone, silent, or its state unknown: it is never used again."""


class Declined(MailboxFault):
    """The server said NO or BAD; the connection can still be used. `code`: its response code (RFC 5530) in upper case, or ""."""

    def __init__(self, what: str, text: str) -> None:
        super().__init__(f"the server refuses {what}: {text or 'it gives no reason'}")
        found = _CODE.match(text)
        self.code = found[1].upper() if found else ""


class LoginRefused(MailboxFault):
    """Who we say we are is not believed, or may not log in: to try again at once would lock the account."""


class Protocol(IMAP4ClientProtocol):  # type: ignore[misc]
    """One connection. `lost` is set when it ends, with `reason`; `news` whenever the server announces mail; `greeted` by its first line.

    `heard_at`: when the last octets came (loop time). `allowed`: how many more may come before it is cut off; set for each command.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.lost, self.news, self.greeted = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.reason = ""
        self.heard_at = loop.time()
        self.allowed = _GREETING
        self.challenge = ""
        self._replies: deque[str] = deque()

    def data_received(self, data: bytes) -> None:
        self.heard_at = self.loop.time()
        self.allowed -= len(data)
        if self.allowed < 0 or len(self.incomplete_line) > _LINE:
            self.end("the server sends far more than it was asked for")
            return
        few = data.count(b"\n") <= _LINES
        try:
            for at in (0,) if few else range(0, len(data), _PIECE):
                super().data_received(data if few else data[at : at + _PIECE])
        except Exception as fault:  # noqa: BLE001  the parser stumbles over whatever is no IMAP, in many ways
            self.end(f"the server sends what is no IMAP ({type(fault).__name__})")

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone(_closed(exc))

    def end(self, reason: str) -> None:
        """Cut the connection off, for this reason."""
        self._gone(reason)
        if self.transport is not None:
            self.transport.abort()

    def _gone(self, reason: str) -> None:
        self.reason = self.reason or reason
        self.lost.set()

    def authenticating(self, replies: list[str]) -> None:
        """What to send each time the server asks in the AUTHENTICATE that comes next; then it is called off."""
        self._replies = deque(replies)
        self.challenge = ""

    def start_tls_on(self, transport: asyncio.Transport) -> None:
        """Go on over this encrypted transport. Lost when something was said before that may have been slipped in."""
        if self.incomplete_line:
            raise Lost("the server spoke on before TLS was on")
        self.transport = transport

    # -- what the parser calls

    def _handle_line(self, line: bytes, current_cmd: Any) -> Any:
        if self.state == CONNECTED and line:
            self._greet(line)
            return None
        return super()._handle_line(line, current_cmd)

    def _greet(self, line: bytes) -> None:
        if line.upper().startswith(b"* OK"):
            self.state = NONAUTH
            self.greeted.set()
        elif line.upper().startswith(b"* PREAUTH"):
            self.end("the server takes us for somebody before we log in (PREAUTH)")
        else:
            bye = _BYE.match(line)
            said = readable(bye[1] if bye else line)
            self.end(f"the server turns us away: {said}" if bye else f"no IMAP server answers there: {said}")

    def _untagged_response(self, line: bytes) -> Any:
        if _EXISTS.match(line):
            self.news.set()
        elif (bye := _BYE.match(line)) is not None and self.state != "LOGOUT":
            self.reason = self.reason or f"the server says good-bye: {readable(bye[1])}"
        return super()._untagged_response(line)

    def _continuation(self, line: bytes) -> None:
        pending = self.pending_sync_command
        if pending is None or pending.name != "AUTHENTICATE":
            super()._continuation(line)
            return
        self.challenge = _decoded(line[1:].strip()) or self.challenge
        # RFC 3501 §6.2.2: "*" calls the exchange off
        self.transport.write((self._replies.popleft() if self._replies else "*").encode() + b"\r\n")


def readable(octets: bytes) -> str:
    """What a server wrote, for a log or a mail: one line, not too long."""
    text = octets.decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() else " " for sign in text).strip()[:300]


def _decoded(coded: bytes) -> str:
    try:
        return readable(base64.b64decode(coded, validate=True))
    except (ValueError, binascii.Error):
        return ""


def _closed(exc: Exception | None) -> str:
    if exc is None:
        return "the server closed the connection"
    return f"the connection broke: {explained(exc)}"


def explained(fault: BaseException) -> str:
    """An error of the network in words."""
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {fault.verify_message}"
    if isinstance(fault, ssl.SSLError):
        return (fault.reason or str(fault)).replace("_", " ").lower()
    if isinstance(fault, OSError):
        return fault.strerror or str(fault) or type(fault).__name__
    return str(fault) or type(fault).__name__
