"""The world beyond the desk: an SMTP server in a thread that keeps every mail with its envelope, and misbehaves on demand."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from typing import Any, TypeVar

from aiosmtpd.smtp import SMTP

from tests.hangup import hang_up

T = TypeVar("T")
PATIENCE = 60.0
"""Seconds to wait for a mail: far more than a desk needs, because the machine may be busy with other tests."""


@dataclass(frozen=True)
class Received:
    """A mail as it was handed over. `at` in seconds of the monotonic clock."""

    sender: str
    recipient: str
    raw: bytes
    at: float

    @cached_property
    def mail(self) -> EmailMessage:
        parsed = message_from_bytes(self.raw, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    def __getitem__(self, name: str) -> str:
        """A header, decoded; "" when it is missing."""
        return str(self.mail[name] or "")

    @property
    def text(self) -> str:
        return self._body("plain")

    @property
    def html(self) -> str:
        return self._body("html")

    def _body(self, kind: str) -> str:
        part = self.mail.get_body((kind,))
        return str(part.get_content()) if part is not None else ""

    @property
    def number(self) -> int:
        """The ticket's number in the subject."""
        found = re.search(r"\[\w+ #(\d+)\]", self["Subject"])
        assert found, f"no tag in {self['Subject']!r}"
        return int(found[1])

    @property
    def reply_address(self) -> str:
        return self.mail["Reply-To"].addresses[0].addr_spec

    def everything(self) -> str:
        """All that anybody could find in it, in lower case: the raw octets, decoded headers, and every part decoded."""
        parts = [self.raw.decode("latin-1"), *(f"{name}: {value}" for name, value in self.mail.items())]
        for part in self.mail.walk():
            parts += [f"{name}: {value}" for name, value in part.items()]
            content = part.get_payload(decode=True)
            if isinstance(content, bytes):
                parts.append(content.decode("utf-8", "replace"))
        return "\n".join(parts).lower()


@dataclass
class _Handler:
    """What aiosmtpd asks. `refusals`: reply by recipient, at RCPT. `drops`: how often the connection is cut after the dot."""

    arrived: threading.Condition = field(default_factory=threading.Condition)
    mails: list[Received] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    drops: dict[str, int] = field(default_factory=dict)
    dropped: list[Received] = field(default_factory=list)
    transports: set[asyncio.Transport] = field(default_factory=set)
    alarms: dict[tuple[str, str], Callable[[], None]] = field(default_factory=dict)

    async def handle_EHLO(self, server: Any, session: Any, _envelope: Any, hostname: str, lines: list[str]) -> list[str]:  # fmt: skip
        session.host_name = hostname
        self.transports.add(server.transport)
        return lines

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, options: list[str]) -> str:  # fmt: skip
        self.alarm("rcpt", address)
        refusal = self.refusals.get(address.lower())
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:
        sender = "" if envelope.mail_from in (None, "<>") else envelope.mail_from
        got = [Received(sender, to, envelope.content, time.monotonic()) for to in envelope.rcpt_tos]
        if self.drops.get(got[0].recipient.lower(), 0):
            self.drops[got[0].recipient.lower()] -= 1
            self.dropped += got
            hang_up(server.transport)
            return "250 2.0.0 nobody reads this"
        with self.arrived:
            self.mails += got
            self.arrived.notify_all()
        self.alarm("dot", got[0].recipient)
        return "250 2.0.0 ok"

    def alarm(self, step: str, address: str) -> None:
        self.alarms.pop((step, address.lower()), lambda: None)()


class Relay:
    """Listens on one port of loopback from the start; `down` and `up` close and open it again."""

    def __init__(self) -> None:
        self._handler = _Handler()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.up()

    def up(self) -> None:
        async def start() -> None:
            self._server = await self._loop.create_server(
                lambda: SMTP(self._handler, hostname="world.test", loop=self._loop),
                "127.0.0.1",
                self.port,
            )
            self.port = self._server.sockets[0].getsockname()[1]

        self._run(start())

    def down(self) -> None:
        async def stop() -> None:
            assert self._server is not None
            self._server.close()
            for transport in self._handler.transports:
                hang_up(transport)
            self._handler.transports.clear()
            await self._server.wait_closed()
            self._server = None

        self._run(stop())

    def close(self) -> None:
        if self._server is not None:
            self.down()

        async def end() -> None:
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

        self._run(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    @property
    def mails(self) -> list[Received]:
        with self._handler.arrived:
            return list(self._handler.mails)

    @property
    def dropped(self) -> list[Received]:
        """Mails that were handed over whole and got no answer."""
        return list(self._handler.dropped)

    def to(self, address: str) -> list[Received]:
        """What arrived for an address, oldest first."""
        return [mail for mail in self.mails if mail.recipient.lower() == address.lower()]

    def wait_for(self, wanted: Callable[[Received], bool], seconds: float = PATIENCE) -> Received:
        """The first mail that is wanted, among those that arrived or will."""
        return self.wait_for_some(wanted, 1, seconds)[0]

    def wait_for_some(
        self, wanted: Callable[[Received], bool], number: int, seconds: float = PATIENCE
    ) -> list[Received]:
        """As soon as so many wanted mails have arrived: these, oldest first."""
        arrived = self._handler.arrived

        def found() -> list[Received]:
            return [mail for mail in self._handler.mails if wanted(mail)]

        with arrived:
            if not arrived.wait_for(lambda: len(found()) >= number, seconds):
                seen = "\n".join(f"  to {mail.recipient}: {mail['Subject']}" for mail in self._handler.mails)
                raise AssertionError(f"the mail did not come within {seconds} s; these did:\n{seen}")
            return found()[:number]

    def mail_to(self, address: str, nth: int = 1, seconds: float = PATIENCE) -> Received:
        """The `nth` mail for an address, counted from 1."""
        return self.wait_for_some(lambda mail: mail.recipient.lower() == address.lower(), nth, seconds)[-1]

    @contextlib.contextmanager
    def refusing(self, address: str, reply: str) -> Any:
        """Answers RCPT for this address so."""
        self._handler.refusals[address.lower()] = reply
        try:
            yield
        finally:
            del self._handler.refusals[address.lower()]

    def when(self, step: str, address: str, act: Callable[[], None]) -> None:
        """Act once, before the reply, when somebody is at this step for this address: "rcpt", or "dot" with the whole mail here."""
        self._handler.alarms[step, address.lower()] = act

    def drop(self, address: str, times: int = 1) -> None:
        """Cuts the connection after the dot of the next mails to this address."""
        self._handler.drops[address.lower()] = times
