"""What is spoken: SMTP (RFC 5321) and LMTP (RFC 2033), from the greeting to the answer for a mail."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final, cast

import structlog
from structlog.typing import FilteringBoundLogger

from maild.desk.facts import Envelope
from maild.errors import Refused
from maild.intake import arguments, reply
from maild.intake.connection import Connection, PeerGone
from maild.intake.content import Content, DotDecoder
from maild.intake.reply import Reply
from maild.message.identity import peek

log: FilteringBoundLogger = structlog.get_logger("maild.intake")

IN_MEMORY: Final = 256 * 1024
"""Octets of a mail that are held in memory; a bigger one is spooled to disk."""

_HEAD: Final = 1 << 16

_BEFORE_TLS = ("EHLO", "LHLO", "NOOP", "STARTTLS", "QUIT")  # RFC 3207 §4
_IDLE = ("EHLO", "HELO", "LHLO", "NOOP", "RSET", "VRFY", "STARTTLS")
_NOT_OFFERED = ("AUTH", "BDAT", "ETRN", "EXPN", "HELP", "SAML", "SEND", "SOML", "TURN")


@dataclass(slots=True)
class Transaction:
    """A mail from MAIL to the end of DATA."""

    sender: arguments.Sender
    recipients: list[str] = field(default_factory=list)
    asked: bool = False
    """Whether a recipient was named, be he taken or not."""


class Session(Connection):
    """One client's dialogue."""

    _greeted = False
    _helo_name = ""
    _transaction: Transaction | None = None
    _errors = 0
    _idle_commands = 0

    @property
    def _lmtp(self) -> bool:
        return self.port.listener.protocol == "lmtp"

    @property
    def in_transaction(self) -> bool:
        """One whose recipients were all refused is no mail, though some peers leave it open as long as they keep the connection."""
        found = self._transaction
        return found is not None and (not found.asked or bool(found.recipients))

    async def converse(self) -> None:
        name = "LMTP" if self._lmtp else "ESMTP"
        last = Reply(220, "", f"{self.service.hostname} {name} maild")
        if self.service.closing:
            last = reply.SHUTTING_DOWN
        await self.answer(last)
        while not last.final:
            if self.service.closing and not self.in_transaction:
                replies: tuple[Reply, ...] = (reply.SHUTTING_DOWN,)
            elif self._errors >= self.service.limits.errors:
                replies = (reply.TOO_MANY_ERRORS,)
            else:
                replies = await self._next()
            if replies:
                await self.answer(*replies)
                last = replies[-1]

    async def _next(self) -> tuple[Reply, ...]:
        """Read a command and obey -> what to answer; nothing when it is answered already."""
        verb = ""
        try:
            verb, argument = _command(await self.read_line())
            return await self._obey(verb, argument)
        except PeerGone:
            raise
        except Exception as error:  # noqa: BLE001 - whatever fails, the peer gets an answer and the session goes on
            answer = reply.reply_to(error)
        self._errors += answer.code >= 500
        known = verb if verb in _VERBS or verb in _NOT_OFFERED else ""
        log.info("refused", peer=self.peer.name, command=known, reply=bytes(answer).decode("ascii").rstrip())
        return (answer,)

    async def _obey(self, verb: str, argument: str) -> tuple[Reply, ...]:
        if self.port.listener.require_tls and not self.secured and verb not in _BEFORE_TLS:
            raise Refused(530, "5.7.0", "Must issue a STARTTLS command first")
        if verb in _IDLE:
            self._idle_commands += 1
            if self._idle_commands > self.service.limits.idle_commands:
                return (reply.TOO_MANY_COMMANDS,)
        if verb in _NOT_OFFERED:
            raise Refused(502, "5.5.1", "Command not implemented")
        if verb not in _VERBS:
            raise Refused(500, "5.5.2", "Command not recognized")
        if argument and verb in _ALONE:
            raise Refused(501, "5.5.4", "No argument allowed")
        return await _VERBS[verb](self, argument)

    # Greeting

    async def _ehlo(self, argument: str) -> tuple[Reply, ...]:
        if self._lmtp:
            raise Refused(500, "5.5.1", "This is LMTP, use LHLO")  # RFC 2033 §4.1
        return (self._greet(argument),)

    async def _lhlo(self, argument: str) -> tuple[Reply, ...]:
        if not self._lmtp:
            raise Refused(500, "5.5.1", "This is SMTP, use EHLO")
        return (self._greet(argument),)

    async def _helo(self, argument: str) -> tuple[Reply, ...]:
        return (Reply(250, "", (await self._ehlo(argument))[0].text),)

    def _greet(self, argument: str) -> Reply:
        if not argument:
            raise Refused(501, "5.5.4", "A host name is needed")
        self._greeted = True
        self._helo_name = argument[:255] if argument.isascii() and argument.isprintable() else ""
        self._transaction = None
        keywords = [
            f"SIZE {self.service.limits.message_size}",
            "8BITMIME",
            "SMTPUTF8",
            "PIPELINING",
            "ENHANCEDSTATUSCODES",
        ]
        if self._tls_offered:
            keywords.append("STARTTLS")
        return Reply(250, "", self.service.hostname, tuple(keywords))

    @property
    def _tls_offered(self) -> bool:
        return self.port.listener.tls == "starttls" and not self.secured

    async def _starttls(self, argument: str) -> tuple[Reply, ...]:
        if self.secured:
            raise Refused(503, "5.5.1", "TLS is on already")
        if not self._tls_offered:
            raise Refused(502, "5.5.1", "Command not implemented")
        await self.secure(reply.READY_FOR_TLS)
        self._greeted = False  # RFC 3207 §4.2: what was said before TLS is forgotten
        self._helo_name = ""
        self._transaction = None
        return ()

    # A mail

    async def _mail(self, argument: str) -> tuple[Reply, ...]:
        if not self._greeted:
            raise Refused(503, "5.5.1", "Say LHLO first" if self._lmtp else "Say EHLO first")
        if self._transaction is not None:
            raise Refused(503, "5.5.1", "Nested MAIL command")
        self._transaction = Transaction(arguments.sender(argument, self.service.limits.message_size))
        return (reply.SENDER_OK,)

    async def _rcpt(self, argument: str) -> tuple[Reply, ...]:
        if self._transaction is None:
            raise Refused(503, "5.5.1", "Need MAIL command")
        self._transaction.asked = True
        address = arguments.recipient(argument, utf8=self._transaction.sender.utf8)
        if len(self._transaction.recipients) >= self.service.limits.recipients:
            raise Refused(452, "4.5.3", "Too many recipients")  # RFC 5321 §4.5.3.1.10
        if not self.service.receiver.accepts(address):
            self.port.counters.refused += 1
            raise Refused(550, "5.1.1", "No such address here")
        self._transaction.recipients.append(address)
        return (reply.RECIPIENT_OK,)

    async def _data(self, argument: str) -> tuple[Reply, ...]:
        transaction = self._transaction
        if transaction is None or not transaction.recipients:
            raise Refused(503, "5.5.1", "Need RCPT command")  # RFC 2033 §4.2 too
        await self.answer(reply.START_MAIL)
        with tempfile.SpooledTemporaryFile(IN_MEMORY, dir=self.service.spool_dir) as spool:
            content = Content(spool, self.service.limits.message_size)
            await self._read_mail(content)
            answer = await self._keep(cast("BinaryIO", spool), content, transaction)
        self._transaction = None
        self._count(answer)
        # RFC 2033 §4.2: LMTP answers once for each recipient that was accepted, in their order.
        return (answer,) * (len(transaction.recipients) if self._lmtp else 1)

    async def _read_mail(self, content: Content) -> None:
        decoder = DotDecoder()
        while decoder.rest is None:
            content.write(decoder.feed(await self.read_block()))
        self.unread(decoder.rest)

    async def _keep(self, spool: BinaryIO, content: Content, transaction: Transaction) -> Reply:
        self.committing = True
        try:
            content.check()
            envelope = Envelope(
                sender=transaction.sender.address,
                recipients=tuple(transaction.recipients),
                route=self.port.listener.protocol,
                peer=self.peer.name,
                received_at=self.service.clock(),
                trusted=self.peer.trusted,
                helo=self._helo_name,
            )
            await self.service.receiver.receive(spool, content.size, content.sha256, envelope)
        except Exception as error:  # noqa: BLE001 - whatever fails, every recipient gets his answer
            answer = reply.reply_to(error)
            spool.seek(0)
            log.info(
                "mail not kept", peer=self.peer.name, message_id=peek(spool.read(_HEAD)), reply=f"{answer.code} {answer.enhanced} {answer.text}"
            )  # fmt: skip
            return answer
        finally:
            self.committing = False
            self._reset_timeout()
        return reply.KEPT

    def _count(self, answer: Reply) -> None:
        counters = self.port.counters
        if answer.code >= 500:
            counters.refused += 1
            self._errors += 1
        elif answer.code >= 400:
            counters.deferred += 1
        else:
            counters.accepted += 1
            self._errors = self._idle_commands = 0

    # The rest

    async def _rset(self, argument: str) -> tuple[Reply, ...]:
        self._transaction = None
        return (reply.OK,)

    async def _noop(self, argument: str) -> tuple[Reply, ...]:
        return (reply.OK,)

    async def _vrfy(self, argument: str) -> tuple[Reply, ...]:
        if not argument:
            raise Refused(501, "5.5.4", "Syntax: VRFY address")
        return (reply.CANNOT_VERIFY,)  # RFC 5321 §3.5.3: who is here is told to nobody

    async def _quit(self, argument: str) -> tuple[Reply, ...]:
        return (reply.BYE,)


_VERBS: Final[Mapping[str, Callable[[Session, str], Awaitable[tuple[Reply, ...]]]]] = {
    "EHLO": Session._ehlo,
    "HELO": Session._helo,
    "LHLO": Session._lhlo,
    "STARTTLS": Session._starttls,
    "MAIL": Session._mail,
    "RCPT": Session._rcpt,
    "DATA": Session._data,
    "RSET": Session._rset,
    "NOOP": Session._noop,
    "VRFY": Session._vrfy,
    "QUIT": Session._quit,
}
_ALONE = ("STARTTLS", "DATA", "RSET", "QUIT")  # RFC 5321 §4.1.1: these take no argument


def _command(line: bytes) -> tuple[str, str]:
    """-> verb in upper case and argument. Octets that are not UTF-8 become surrogates, which no address may hold."""
    verb, _, argument = line.decode("utf-8", "surrogateescape").strip(" \t").partition(" ")
    return verb.upper(), argument.strip(" \t")
