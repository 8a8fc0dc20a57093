"""Whom the desk talks to: relays, mailboxes; its own listeners; and a mail on its way out and back in."""

from __future__ import annotations

import asyncio
import os
import secrets
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final

from maild import outgoing
from maild.clock import utc_now
from maild.delivery.opening import NotConnected, Opener, Place, Relay
from maild.delivery.outcome import Letter
from maild.doctoring import certificates
from maild.doctoring.findings import Finding, fault, misconfigured, ok, warning
from maild.errors import NotNow
from maild.identity import identity
from maild.intake.imap.connection import opened
from maild.intake.imap.credentials import Credentials
from maild.intake.imap.login import Password
from maild.intake.imap.wire import Declined, LoginRefused, Lost
from maild.settings import Imap, Listen, Settings, mailboxes
from store import Store
from store.rows import Node

SECONDS: Final = 15.0
BACK_WITHIN: Final = 60.0
_LINE: Final = 4096


async def relay(relay: Relay, now: datetime) -> list[Finding]:
    """Connection, TLS and log-in as the sender does it; nothing is sent. Raises OSError for a `ca_file` that cannot be read."""
    what = relay.address
    opener = Opener(replace(relay, timeout=SECONDS))
    try:
        connection = await opener.open()
    except NotConnected as error:
        do = (
            "see user and password_file of [[relay]], and what the relay's own log says"
            if error.log_in
            else "is address right, does the relay run, does tls fit it?"
        )
        return [fault("relay", what, str(error), do)]
    found = [ok("relay", what, "connected" + (f", logged in as {relay.user}" if relay.user else ""))]
    found += _encrypted(what, relay, connection.peer_certificate, now)
    connection.close()
    return found


def _encrypted(what: str, relay: Relay, certificate: bytes | None, now: datetime) -> Iterator[Finding]:
    if certificate is not None:
        yield certificates.judged(
            "relay", f"{what} TLS", certificate, now, "whoever runs the relay has to renew it"
        )
    elif relay.tls == "opportunistic" and not Place.of(relay.address).local:
        says = "the relay offers no encryption: mail crosses the network in clear"
        yield warning("relay", f"{what} TLS", says, 'use a relay that does (tls = "required")')


async def mailbox(imap: Imap, store: Store | None) -> list[Finding]:
    """Log-in and SELECT; nothing is fetched or changed. An access token is got as the daemon does it."""
    what = imap.name
    try:
        if imap.oauth is None:
            proof: Any = Password(mailboxes.password(imap, os.environ))
        elif store is None:
            return [
                warning(
                    "mailbox",
                    what,
                    "was not tried: tokens are kept in the database",
                    "see the database first",
                )
            ]
        else:
            proof = await Credentials(imap, store, utc_now).proof()
        connection = await opened(imap, proof)
    except LoginRefused as error:
        return [fault("mailbox", what, str(error), "see user, password_file or oauth of this [[imap]]")]
    except (Lost, Declined) as error:
        return [fault("mailbox", what, str(error), "are host, port and tls right, and does the server run?")]
    try:
        await connection.select()
    except Declined as error:
        return [misconfigured("mailbox", what, str(error), "see mailbox in this [[imap]]")]
    except Lost as error:
        return [fault("mailbox", what, str(error), "try again")]
    finally:
        await connection.close()
    return [ok("mailbox", what, f"logged in to {imap.place} as {imap.user}, {imap.mailbox} can be read")]


def listener_certificates(settings: Settings, now: datetime) -> Iterator[Finding]:
    for one in settings.listen:
        if one.tls != "none" and isinstance(one.certificate, Path):
            yield certificates.of_file("listener", f"{one.protocol} {one.address} TLS", one.certificate, now)


async def listeners(settings: Settings, nodes: Sequence[Node]) -> list[Finding]:
    """As a mail server would: greeting, MAIL and RCPT on each listener of the daemon on this host, then RSET; nothing is sent."""
    if not settings.listen:
        return [ok("listener", "all", "none is configured; mail is fetched, or delivered by a pipe")]
    if not nodes:
        return [
            warning("listener", "all", "no daemon runs here", "start it: maild run, or systemctl start maild")
        ]
    places = [place for node in nodes for place in _listening(node.detail)]
    tasks = [_asked(place, settings) for place in dict.fromkeys(places)]
    return [finding for found in await asyncio.gather(*tasks) for finding in found]


def _listening(detail: Mapping[str, object]) -> list[str]:
    found = detail.get("listening")
    return [str(one) for one in found] if isinstance(found, list) else []


def _configured(protocol: str, address: str, settings: Settings) -> Listen | None:
    """The [[listen]] of a socket that is open: by its address, or (a free port, a socket of systemd's) by what is spoken there."""
    fitting = [one for one in settings.listen if one.protocol == protocol]
    exact = [one for one in fitting if one.address == address]
    return next(iter((*exact, *fitting)), None)


async def _asked(place: str, settings: Settings) -> list[Finding]:
    protocol, _, address = place.partition(" ")
    try:
        async with asyncio.timeout(SECONDS):
            return await _dialogue(
                place, protocol, address, _configured(protocol, address, settings), settings
            )
    except TimeoutError:
        return [fault("listener", place, f"no answer within {SECONDS:.0f} seconds", "see the daemon's log")]
    except OSError as error:
        return [
            fault(
                "listener",
                place,
                error.strerror or str(error),
                "does another program stand there? see the daemon's log",
            )
        ]


async def _dialogue(
    place: str, protocol: str, address: str, listen: Listen | None, settings: Settings
) -> list[Finding]:
    tls = listen.tls if listen else "none"
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # whom we talk to is known: ourselves
    first = context if tls == "implicit" else None
    if address.startswith("unix:"):
        reader, writer = await asyncio.open_unix_connection(
            address.removeprefix("unix:"), ssl=first, server_hostname="localhost" if first else None
        )
    else:
        host, _, port = address.rpartition(":")
        local = {"0.0.0.0": "127.0.0.1", "[::]": "::1", "": "127.0.0.1"}.get(host, host.strip("[]"))  # noqa: S104  not bound to
        reader, writer = await asyncio.open_connection(local, int(port), ssl=first)
    try:
        hello = f"{'LHLO' if protocol == 'lmtp' else 'EHLO'} localhost"
        lines: list[str | None] = [None, hello]
        for line in lines:
            code, text = await _said(reader, writer, line)
            if code >= 400:
                return [
                    fault(
                        "listener",
                        place,
                        f"answers {code} {text} to {line or 'a connection'}",
                        "see the daemon's log",
                    )
                ]
        if tls == "starttls":
            code, text = await _said(reader, writer, "STARTTLS")
            if code >= 400:
                return [
                    fault(
                        "listener",
                        place,
                        f"answers {code} {text} to STARTTLS",
                        "see certificate and key of this [[listen]]",
                    )
                ]
            await writer.start_tls(context)
            await _said(reader, writer, hello)
        for line in ("MAIL FROM:<>", f"RCPT TO:<{settings.desk.address}>", "RSET"):
            code, text = await _said(reader, writer, line)
            if code >= 400:
                return [fault("listener", place, f"answers {code} {text} to {line}", "see the daemon's log")]
        writer.write(b"QUIT\r\n")
        await writer.drain()
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    return [ok("listener", place, f"takes mail for {settings.desk.address}")]


async def _said(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: str | None
) -> tuple[int, str]:
    """(code, text) of the answer to a command; None: of the greeting. Raises OSError."""
    if line is not None:
        writer.write(f"{line}\r\n".encode())
        await writer.drain()
    while True:
        try:
            answer = await reader.readline()
        except ValueError as error:
            raise OSError(0, "what answers there is no mail server") from error
        if len(answer) < 4 or not answer[:3].isdigit():
            raise OSError(
                0, "what answers there is no mail server" if answer else "the connection was closed"
            )
        if answer[3:4] != b"-":
            return int(answer[:3]), answer[4:].decode("ascii", "replace").strip()


async def round_trip(settings: Settings, to: str, store: Store | None) -> list[Finding]:
    """A real mail to `to` through the first relay; where that is an address of the desk, until it has come back in."""
    raw, message_id = _letter(settings, to)
    signed = await asyncio.to_thread(outgoing.signer(settings).sign, raw, utc_now())
    first = outgoing.relays(settings)[0]
    what = f"to {to}"
    try:
        connection = await Opener(replace(first, timeout=SECONDS)).open()
    except NotConnected as error:
        return [fault("round trip", what, str(error), "see the relay")]
    with closing(connection):
        outcome = await connection.hand_over(Letter(signed, settings.desk.address, to))
    if outcome.kind != "sent":
        return [fault("round trip", what, f"the relay says {outcome.text}", "see the relay's log")]
    found = [ok("round trip", what, f"handed over as {message_id}: {outcome.text}")]
    if not identity(settings).accepts(to):
        return [
            *found,
            ok("round trip", "arrival", f"look for it in the mailbox of {to}, also among the spam"),
        ]
    if store is None:
        return [
            *found,
            warning("round trip", "arrival", "cannot be seen without the database", "see the database"),
        ]
    return [*found, await _arrival(store, message_id)]


def _letter(settings: Settings, to: str) -> tuple[bytes, str]:
    """A mail that says what it is, and that no robot answers (RFC 3834 §5)."""
    desk = settings.desk
    message_id = f"<doctor.{secrets.token_hex(8)}@{desk.address.rpartition('@')[2]}>"
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(desk.name, addr_spec=desk.address)
    mail["To"] = to
    mail["Subject"] = "A test by maild doctor"
    mail["Date"] = format_datetime(utc_now())
    mail["Message-ID"] = message_id
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content("This mail was sent by `maild doctor --send`. Nothing needs to be done about it.\n")
    return mail.as_bytes(), message_id


async def _arrival(store: Store, message_id: str) -> Finding:
    """Until the mail has come back in."""
    began = asyncio.get_running_loop().time()
    while True:
        with suppress(NotNow):
            arrivals = await asyncio.to_thread(_arrived, store, message_id)
            took = asyncio.get_running_loop().time() - began
            if arrivals:
                return ok("round trip", "arrival", f"came back within {took:.0f} s by {', '.join(arrivals)}")
        if took > BACK_WITHIN:
            says = f"did not come back within {BACK_WITHIN:.0f} seconds"
            return fault(
                "round trip",
                "arrival",
                says,
                f"follow {message_id} in the logs of the relay and of the server that MX names",
            )
        await asyncio.sleep(0.5)


def _arrived(store: Store, message_id: str) -> list[str]:
    with store.read() as work:
        return [f"{one.route} from {one.peer}" for one in work.arrivals(message_id)]
