"""Hands finished mails to the relay over a few kept connections and says what became of each."""

from __future__ import annotations

import asyncio
import re
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

import aiosmtplib

from maild.message.write import clean, mailbox, shorten

IDLE_SECONDS = 20.0
USES_MAX = 100
TEXT_MAX = 500
DATA_PATIENCE = 10  # RFC 5321 §4.5.3.2.6: ten minutes after the dot, where other replies get one `timeout`
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})\b")
# RFC 4954 §6 and RFC 3207 §4: what is wrong with our log-in or TLS is the site's fault, not the recipient's;
# RFC 5321 §4.2.2: 503 says that the dialogue is out of step
_OUR_FAULT = frozenset((503, 530, 534, 535, 538))


@dataclass(frozen=True)
class Relay:
    """Where mail is handed over. `address` is HOST:PORT or unix:PATH, `hostname` our name in EHLO.

    `tls`: "opportunistic" takes STARTTLS when offered and believes any certificate; "required" (STARTTLS) and
    "implicit" verify it, against `ca_file` (PEM) if given, else the system's. `timeout` in seconds for each reply.
    """

    address: str
    tls: Literal["none", "opportunistic", "required", "implicit"] = "opportunistic"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    hostname: str = "localhost"
    connections: int = 4
    timeout: float = 60
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mail. "later": try again; "unknown": it may have arrived, try again with the same bytes.

    `text` is printable, at most 500 characters; `status` the enhanced code (RFC 3463), if one was given.
    """

    kind: Literal["sent", "later", "failed", "unknown"]
    text: str
    status: str | None = None


@dataclass(eq=False, slots=True)
class _Connection:
    client: aiosmtplib.SMTP
    uses: int = 0
    timer: asyncio.TimerHandle | None = None


class _Gone(Exception):
    """A kept connection was closed by the relay before the mail was handed over."""


class Sender:
    """Sends over at most `relay.connections` connections at a time; further calls of `send` wait for one."""

    def __init__(self, relay: Relay) -> None:
        """Raises ValueError for an address that is neither HOST:PORT nor unix:PATH, OSError for an unreadable `ca_file`."""
        self._relay = relay
        self._place = _place(relay.address)
        self._context = _context(relay)
        self._slots = asyncio.Semaphore(relay.connections)
        self._idle: list[_Connection] = []
        self._closed = False

    async def send(self, raw: bytes, sender: str, recipient: str) -> Outcome:
        """Hands one mail over for one recipient. `sender` "" is the null sender. Raises nothing but cancellation."""
        if not _usable(recipient) or (sender and not _usable(sender)):
            return Outcome("failed", _text("5.1.3 an address of the envelope is none"), "5.1.3")
        async with self._slots:
            while self._idle:
                kept = self._idle.pop()
                if kept.timer is not None:
                    kept.timer.cancel()
                if not kept.client.is_connected:
                    continue
                with suppress(_Gone):
                    return await self._hand_over(kept, raw, sender, recipient)
            try:
                fresh = _Connection(await self._connect())
            except (aiosmtplib.SMTPException, OSError, ValueError) as error:
                return _not_connected(error)
            return await self._hand_over(fresh, raw, sender, recipient)

    async def close(self) -> None:
        """Ends the idle connections; those at work end with their mail."""
        self._closed = True
        while self._idle:
            self._end(self._idle.pop())

    async def _connect(self) -> aiosmtplib.SMTP:
        relay = self._relay
        client = aiosmtplib.SMTP(
            hostname=self._place.host,
            port=self._place.port,
            socket_path=self._place.path,
            username=relay.user,
            password=relay.password,
            local_hostname=relay.hostname,
            timeout=relay.timeout,
            use_tls=relay.tls == "implicit",
            start_tls={"required": True, "opportunistic": None}.get(relay.tls, False),
            tls_context=self._context,
        )
        await client.connect()
        try:
            if client.is_ehlo_or_helo_needed:
                await _greet(client)
        except BaseException:
            client.close()
            raise
        return client

    async def _hand_over(self, connection: _Connection, raw: bytes, sender: str, recipient: str) -> Outcome:
        """One transaction. Raises `_Gone` when a connection used before turns out to be closed."""
        client = connection.client
        in_data = keep = False
        try:
            refusal, options = _options(client, raw, sender, recipient)
            if refusal is not None:
                keep = True
                return refusal
            encoding = "utf-8" if "SMTPUTF8" in options else "ascii"
            await client.mail(mailbox(sender) if sender else "", options=options, encoding=encoding)
            await client.rcpt(mailbox(recipient), encoding=encoding)
            in_data = True
            response = await client.data(raw, timeout=self._relay.timeout * DATA_PATIENCE)
            keep = True
            return _answered(response.code, response.message)
        except aiosmtplib.SMTPResponseException as error:
            if error.code == 421 and connection.uses and not in_data:
                raise _Gone from error
            keep = await _reset(client)
            return _answered(error.code, error.message, in_data)
        except (aiosmtplib.SMTPException, OSError) as error:
            lost = not isinstance(error, TimeoutError)
            if lost and connection.uses and not in_data:
                raise _Gone from error
            where = "after the mail was handed over" if in_data else "before the mail was handed over"
            return Outcome("unknown" if in_data else "later", _text(f"{_reason(error)} ({where})"))
        except ValueError as error:
            # aiosmtplib refuses whatever would break its command line
            return Outcome("failed", _text(f"5.1.3 {error}"), "5.1.3")
        finally:
            connection.uses += 1
            self._give_back(connection, keep)

    def _give_back(self, connection: _Connection, keep: bool) -> None:
        if not keep or self._closed or connection.uses >= USES_MAX or not connection.client.is_connected:
            self._end(connection, polite=keep)
            return
        connection.timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._retire, connection)
        self._idle.append(connection)

    def _retire(self, connection: _Connection) -> None:
        self._idle.remove(connection)
        self._end(connection)

    def _end(self, connection: _Connection, polite: bool = True) -> None:
        """Closes without waiting; politely with QUIT (RFC 5321 §4.1.1.10)."""
        if connection.timer is not None:
            connection.timer.cancel()
        protocol = connection.client.protocol
        if polite and protocol is not None:
            with suppress(aiosmtplib.SMTPServerDisconnected):
                protocol.write(b"QUIT\r\n")
        connection.client.close()


@dataclass(frozen=True, slots=True)
class _Place:
    host: str
    port: int | None = None
    path: str | None = None


def _place(address: str) -> _Place:
    if address.startswith("unix:"):
        return _Place("localhost", path=address.removeprefix("unix:"))
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(f"{address!r} is neither HOST:PORT nor unix:PATH")
    return _Place(host.strip("[]"), int(port))


def _context(relay: Relay) -> ssl.SSLContext | None:
    if relay.tls == "none":
        return None
    context = ssl.create_default_context(cafile=relay.ca_file)
    if relay.tls == "opportunistic":
        # RFC 7435 §3: encrypted to anybody is better than in the clear to anybody
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def _greet(client: aiosmtplib.SMTP) -> None:
    """EHLO, or HELO with a relay that does not know it (RFC 5321 §3.2)."""
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        if not client.is_connected:
            raise
        await client.helo()


def _options(
    client: aiosmtplib.SMTP, raw: bytes, sender: str, recipient: str
) -> tuple[Outcome | None, list[str]]:
    """The parameters of MAIL, or why this relay cannot take this mail."""
    options: list[str] = []
    if client.supports_extension("size"):
        limit = client.esmtp_extensions["size"].strip()
        if limit.isdecimal() and 0 < int(limit) < len(raw):  # RFC 1870 §4: 0 is no limit
            text = f"552 5.3.4 the relay takes at most {limit} octets, this mail has {len(raw)}"
            return Outcome("failed", text, "5.3.4"), options
        options.append(f"SIZE={len(raw)}")
    eight_bit = not raw.isascii()
    if eight_bit and client.supports_extension("8bitmime"):
        options.append("BODY=8BITMIME")
    header = raw.partition(b"\r\n\r\n")[0] if eight_bit else b""
    locals_ = (sender.rpartition("@")[0], recipient.rpartition("@")[0])
    if not header.isascii() or not all(local.isascii() for local in locals_):
        if not client.supports_extension("smtputf8"):
            # RFC 6531 §3.5
            return Outcome("failed", "5.6.7 the relay takes no addresses with such letters", "5.6.7"), options
        options.append("SMTPUTF8")
    return None, options


async def _reset(client: aiosmtplib.SMTP) -> bool:
    """Makes the connection ready for another mail after a refusal; whether that worked."""
    if not client.is_connected:
        return False
    try:
        await client.rset()
    except (aiosmtplib.SMTPException, OSError):
        return False
    return True


def _answered(code: int, message: str, in_data: bool = False) -> Outcome:
    """The verdict of a reply. One that is no SMTP reply (code -1) says nothing of a mail that was handed over."""
    if code < 200:
        return Outcome("unknown" if in_data else "later", _text(f"no SMTP reply: {message}"))
    found = _ENHANCED.match(message)
    kind: Literal["sent", "later", "failed"] = "later"
    if code < 300:
        kind = "sent"
    elif code >= 500 and code not in _OUR_FAULT:
        kind = "failed"
    return Outcome(kind, _text(f"{code} {message}"), found[1] if found else None)


def _not_connected(error: Exception) -> Outcome:
    """Whatever goes wrong before there is a session may be right again later."""
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        text = f"the relay refused our log-in: {error.code} {error.message}"
    elif isinstance(error, aiosmtplib.SMTPResponseException):
        text = f"the relay refused the connection: {error.code} {error.message}"
    else:
        text = f"no connection to the relay: {_reason(error)}"
    found = _ENHANCED.match(getattr(error, "message", ""))
    return Outcome("later", _text(text), found[1] if found else None)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _usable(address: str) -> bool:
    local, _, domain = address.rpartition("@")
    return bool(local and domain) and clean(address) == address


def _text(text: str) -> str:
    return shorten(text, TEXT_MAX)
