"""Opens a session with a relay: connection, TLS, greeting, log-in (aiosmtplib), and hands its transport to a `Connection`."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal

import aiosmtplib

from maild.delivery.connection import Connection
from maild.delivery.outcome import TEXT_MAX, status_of
from maild.errors import ConfigError
from maild.message.write import shorten

Tls = Literal["none", "opportunistic", "required", "implicit"]
_IN_CLEAR: Final = (
    "the relay offers no encryption, and the password is not sent in clear: "
    "no log-in (password_in_clear = true allows it)"
)


@dataclass(frozen=True)
class Relay:
    """Where mail is handed over. `address` is HOST:PORT or unix:PATH, `hostname` our name in EHLO.

    `tls`: "opportunistic" takes STARTTLS when offered and believes any certificate; "required" (STARTTLS) and
    "implicit" verify it, name and chain, against `ca_file` (PEM) if given, else the system's. `timeout` in seconds for each reply.
    `password` is asked for each log-in, in a thread, and may raise ConfigError. It is sent in clear only over loopback and
    Unix sockets, or with `in_clear`.
    """

    address: str
    tls: Tls = "opportunistic"
    user: str | None = None
    password: Callable[[], str | None] = lambda: None
    hostname: str = "localhost"
    connections: int = 4
    timeout: float = 60
    ca_file: str | None = None
    in_clear: bool = False


class NotConnected(Exception):
    """There is no session with a relay; str() says why, printable. `log_in`: the relay is there but does not let us in."""

    def __init__(self, text: str, status: str | None = None, *, log_in: bool = False) -> None:
        super().__init__(shorten(text, TEXT_MAX))
        self.status, self.log_in = status, log_in


@dataclass(frozen=True, slots=True)
class Place:
    """Where a relay listens."""

    host: str
    port: int | None = None
    path: str | None = None

    @classmethod
    def of(cls, address: str) -> Place:
        """From HOST:PORT or unix:PATH. Raises ValueError for anything else."""
        if address.startswith("unix:"):
            return cls("localhost", path=address.removeprefix("unix:"))
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal():
            raise ValueError(f"{address!r} is neither HOST:PORT nor unix:PATH")
        return cls(host.strip("[]"), int(port))

    @property
    def local(self) -> bool:
        """Whether what is said to it stays on this machine."""
        if self.path is not None or self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


class Opener:
    """Opens sessions with one relay, one after the other or at once."""

    def __init__(self, relay: Relay) -> None:
        """Raises ValueError for an address that is neither HOST:PORT nor unix:PATH, OSError for an unusable `ca_file`."""
        self.relay = relay
        self._place = Place.of(relay.address)
        self._changed = _changed(relay.ca_file)
        self._context = _context(relay)

    async def open(self) -> Connection:
        """A connection that is ready for mail. Raises NotConnected."""
        try:
            return await self._open(self.relay.tls)
        except _NoHandshake as fault:
            # RFC 7435 §3: no encryption is better than no mail where none was asked for
            if self.relay.tls != "opportunistic":
                raise _not_connected(fault.__cause__) from fault
        try:
            return await self._open("none")
        except _NoHandshake as fault:
            raise _not_connected(fault.__cause__) from fault

    async def _open(self, tls: Tls) -> Connection:
        relay = self.relay
        try:
            context = await asyncio.to_thread(self._current_context) if relay.ca_file else self._context
            client = aiosmtplib.SMTP(
                hostname=self._place.host,
                port=self._place.port,
                socket_path=self._place.path,
                local_hostname=relay.hostname,
                timeout=relay.timeout,
                use_tls=tls == "implicit",
                start_tls=False,
                tls_context=context,
            )
            await client.connect()
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise _not_connected(error) from error
        try:
            return await self._greeted(client, tls)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            client.close()
            raise _not_connected(error) from error
        except BaseException:
            client.close()
            raise

    async def _greeted(self, client: aiosmtplib.SMTP, tls: Tls) -> Connection:
        await _greet(client)
        if tls == "required" or (tls == "opportunistic" and client.supports_extension("starttls")):
            try:
                await client.starttls()
            except (aiosmtplib.SMTPException, OSError) as error:
                raise _NoHandshake from error
            await _greet(client)  # RFC 3207 §4.2: what was said before counts no more
        if self.relay.user is not None:
            await self._log_in(client, self.relay.user)
        transport = client.transport
        if not isinstance(transport, asyncio.Transport):
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        return Connection(transport, client.esmtp_extensions, self.relay.timeout)

    async def _log_in(self, client: aiosmtplib.SMTP, user: str) -> None:
        """AUTH with what is offered (RFC 4954); the password leaves in clear only where that was allowed."""
        try:
            password = await asyncio.to_thread(self.relay.password)
        except ConfigError as fault:
            raise NotConnected(f"no log-in at the relay: {fault}", log_in=True) from fault
        secret = (
            client.get_transport_info("sslcontext") is not None or self._place.local or self.relay.in_clear
        )
        try:
            if secret:
                await client.login(user, password or "")
            elif "cram-md5" in client.server_auth_methods:
                await client.auth_crammd5(user, password or "")
            else:
                raise NotConnected(_IN_CLEAR, log_in=True)
        except aiosmtplib.SMTPAuthenticationError as error:
            text = f"the relay refused our log-in: {error.code} {error.message}"
            raise NotConnected(text, status_of(error.message), log_in=True) from error
        except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError):
            raise
        except aiosmtplib.SMTPException as error:
            raise NotConnected(f"no log-in at the relay: {error}", log_in=True) from error

    def _current_context(self) -> ssl.SSLContext | None:
        """The certificates of `ca_file` as they are now."""
        changed = _changed(self.relay.ca_file)
        if changed != self._changed:
            self._context, self._changed = _context(self.relay), changed
        return self._context


class _NoHandshake(Exception):
    """STARTTLS was offered, or asked for, and did not come about; its cause says why."""


def _context(relay: Relay) -> ssl.SSLContext | None:
    if relay.tls == "none":
        return None
    context = ssl.create_default_context(cafile=relay.ca_file)
    if relay.tls == "opportunistic":
        # RFC 7435 §3: encrypted to anybody is better than in the clear to anybody
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _changed(file: str | None) -> int:
    return Path(file).stat().st_mtime_ns if file else 0


async def _greet(client: aiosmtplib.SMTP) -> None:
    """EHLO, or HELO with a relay that does not know it (RFC 5321 §3.2)."""
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError as error:
        if not client.is_connected or error.code == 421:
            raise
        await client.helo()


def _not_connected(error: BaseException | None) -> NotConnected:
    """Whatever goes wrong before there is a session may be right again later."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        text = f"the relay refused the connection: {error.code} {error.message}"
        return NotConnected(text, status_of(error.message))
    return NotConnected(f"no connection to the relay: {str(error) or type(error).__name__}")
