"""One kept connection to a relay: many mails one after the other, each in two writes where the relay offers PIPELINING (RFC 2920)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from maild.delivery.dialogue import PIECE, Dialogue, Garbled, Reply
from maild.delivery.outcome import TEXT_MAX, Letter, Outcome, answered, refused
from maild.message.write import clean, mailbox, shorten

DATA_PATIENCE = 10  # RFC 5321 §4.5.3.2.6: ten minutes after the dot, where other replies get one `timeout`
ENVELOPE_ID_MAX: Final = 100  # RFC 3461 §4.4
_RSET: Final = b"RSET\r\n"
_DATA: Final = b"DATA\r\n"
_DOT: Final = b".\r\n"
_LONE = re.compile(rb"\r\n|\r|\n")
_NOT_XTEXT = re.compile(rb"[^!-*,-<>-~]")  # RFC 3461 §4: "+" and "=" stand as hexchar too
# RFC 5321 §4.2.3, RFC 3463 §3.6: this connection has had its share of recipients
_TOO_MANY = re.compile(r"4\.5\.3\b")


class Gone(Exception):
    """A connection that had been used before was over before the mail was handed over: another one may take it."""


class _Refused(Exception):
    """A reply ended the transaction before the mail was handed over."""

    def __init__(self, reply: Reply, command: bytes) -> None:
        super().__init__(reply.text)
        self.reply, self.command = reply, command


class Extensions(NamedTuple):
    """What EHLO said that concerns a mail. `size` 0: no limit is known."""

    pipelining: bool = False
    size: int = 0
    tells_size: bool = False
    eight_bit: bool = False
    utf8: bool = False
    reports: bool = False

    @classmethod
    def of(cls, offered: Mapping[str, str]) -> Extensions:
        """From the keywords in lower case with their parameters."""
        size = offered.get("size", "").strip()
        return cls(
            pipelining="pipelining" in offered,
            size=int(size) if size.isascii() and size.isdecimal() and len(size) < 20 else 0,  # RFC 1870 §4: 0 is no limit
            tells_size="size" in offered,
            eight_bit="8bitmime" in offered,
            utf8="smtputf8" in offered,
            reports="dsn" in offered,
        )  # fmt: skip


class Connection:
    """An open session. `uses`: how many mails were tried on it."""

    def __init__(self, transport: asyncio.Transport, offered: Mapping[str, str], timeout: float) -> None:
        self.uses = 0
        self._dialogue = Dialogue(transport, timeout)
        self._extensions = Extensions.of(offered)
        self._begun = False

    @property
    def usable(self) -> bool:
        """Whether another mail may be tried on it."""
        return self._dialogue.usable

    @property
    def peer_certificate(self) -> bytes | None:
        """The relay's certificate in DER; None where nothing is encrypted."""
        return self._dialogue.peer_certificate

    def close(self, *, polite: bool = True) -> None:
        """Ends it without waiting."""
        self._dialogue.close(polite=polite)

    async def hand_over(self, letter: Letter) -> Outcome:
        """One transaction. Raises Gone, and nothing else but cancellation; after either the connection is no use."""
        made = envelope(letter, self._extensions)
        if isinstance(made, Outcome):
            return made
        used, self.uses = self.uses > 0, self.uses + 1
        try:
            await self._say(made)
        except _Refused as refusal:
            return await self._refused(refusal, used)
        except (OSError, Garbled) as fault:
            self.close(polite=False)
            if used and not isinstance(fault, (TimeoutError, Garbled)):
                raise Gone from fault
            return Outcome("later", _told(fault, "before the mail was handed over"))
        return await self._give(letter.raw)

    async def _say(self, commands: tuple[bytes, ...]) -> None:
        """The envelope, up to the go-ahead for the mail. Raises _Refused, and what ends a dialogue."""
        talk = self._dialogue
        if self._begun:
            commands = (_RSET, *commands)
        self._begun = True
        if self._extensions.pipelining:
            talk.write(*commands)
        refusal: _Refused | None = None
        for command in commands:
            if not self._extensions.pipelining:
                talk.write(command)
            try:
                reply = await talk.reply()
            except (OSError, Garbled):
                if refusal is None:
                    raise
                break
            if refusal is None:
                refusal = _objection(command, reply)
            elif command == _DATA and reply.code == 354:
                # RFC 2920 §3.1: a go-ahead in spite of a refused recipient is answered with nothing but the dot
                talk.write(_DOT)
                refusal = await self._drained(refusal)
            if refusal is not None and (not self._extensions.pipelining or reply.code == 421):
                break
        if refusal is not None:
            raise refusal

    async def _drained(self, refusal: _Refused) -> _Refused:
        """The reply to an empty mail is read, so that the next one is not taken for it."""
        try:
            await self._dialogue.reply()
        except (OSError, Garbled):
            self.close(polite=False)
        return refusal

    async def _refused(self, refusal: _Refused, used: bool) -> Outcome:
        reply, command = refusal.reply, refusal.command
        over = reply.code == 421  # RFC 5321 §3.8: and the relay closes
        if command == _RSET or over:
            self.close(polite=False)
        # what a fresh connection may do better: this one has had its share of mails or time
        tired = over or command == _RSET or (400 <= reply.code < 500 and command.startswith(b"MAIL"))
        if used and (tired or (command.startswith(b"RCPT") and _TOO_MANY.match(reply.text))):
            self.close()
            raise Gone
        outcome = answered(reply, at_recipient=command.startswith(b"RCPT"))
        if outcome.kind == "sent":  # a code that belongs to no refusal: the dialogue is out of step
            self.close(polite=False)
            return Outcome("later", shorten(f"out of step: {outcome.text}", TEXT_MAX))
        return outcome

    async def _give(self, raw: bytes) -> Outcome:
        """The mail and its dot. What is lost before the dot was said cannot have arrived."""
        talk = self._dialogue
        whole = False
        try:
            whole = await talk.write_mail(_pieces(raw))
            reply = await talk.reply(DATA_PATIENCE)
        except (OSError, Garbled) as fault:
            self.close(polite=False)
            when = "after the mail was handed over" if whole else "while the mail was handed over"
            return Outcome("unknown" if whole else "later", _told(fault, when))
        self._begun = False
        if not whole or reply.code == 421 or 300 <= reply.code < 400:
            self.close(polite=False)
        if reply.code >= 400 or (whole and reply.code < 300):
            return answered(reply)
        return Outcome(
            "unknown" if whole else "later", shorten(f"out of step: {reply.code} {reply.text}", TEXT_MAX)
        )


def envelope(letter: Letter, extensions: Extensions) -> tuple[bytes, ...] | Outcome:
    """MAIL, RCPT and DATA, or why this relay cannot take this mail."""
    raw = letter.raw
    if not usable(letter.recipient) or (letter.sender and not usable(letter.sender)):
        return refused("5.1.3 an address of the envelope is none", "5.1.3")
    if 0 < extensions.size < len(raw):
        says = f"552 5.3.4 the relay takes at most {extensions.size} octets, this mail has {len(raw)}"
        return refused(says, "5.3.4")
    sender, recipient = (mailbox(letter.sender) if letter.sender else ""), mailbox(letter.recipient)
    mail = f"MAIL FROM:<{sender}>"
    if extensions.tells_size:
        mail += f" SIZE={len(raw)}"
    eight_bit = not raw.isascii()
    if eight_bit and extensions.eight_bit:
        mail += " BODY=8BITMIME"
    header = raw.partition(b"\r\n\r\n")[0] if eight_bit else b""
    if not (header.isascii() and sender.isascii() and recipient.isascii()):
        if not extensions.utf8:  # RFC 6531 §3.5
            return refused("5.6.7 the relay takes no addresses with such letters", "5.6.7")
        mail += " SMTPUTF8"
    rcpt = f"RCPT TO:<{recipient}>"
    if extensions.reports and sender and letter.envelope_id is not None:
        mail, rcpt = mail + _returned(letter.envelope_id), rcpt + _reported(recipient)
    return f"{mail}\r\n".encode(), f"{rcpt}\r\n".encode(), _DATA


def usable(address: str) -> bool:
    """Whether it has both parts of an address and nothing unseen."""
    local, _, domain = address.rpartition("@")
    return bool(local and domain) and clean(address) == address


def _returned(name: str) -> str:
    """RFC 3461 §4.3, §4.4: a report shall hold the header only, and our name of the mail."""
    envelope_id = _xtext(name)
    return " RET=HDRS" + (f" ENVID={envelope_id}" if 0 < len(envelope_id) <= ENVELOPE_ID_MAX else "")


def _reported(recipient: str) -> str:
    """RFC 3461 §4.1, §4.2: failures and delays shall be reported, of the address as it was written here."""
    original = f" ORCPT=rfc822;{_xtext(recipient)}" if recipient.isascii() else ""
    return f" NOTIFY=FAILURE,DELAY{original}"


def _xtext(text: str) -> str:
    return _NOT_XTEXT.sub(lambda found: b"+%02X" % found[0][0], text.encode()).decode("ascii")


def _objection(command: bytes, reply: Reply) -> _Refused | None:
    """What of a reply ends the transaction: DATA wants 354, all others 2xx (RFC 5321 §4.3.2)."""
    wanted = reply.code == 354 if command == _DATA else reply.code < 300
    return None if wanted else _Refused(reply, command)


def _pieces(raw: bytes) -> Iterator[bytes | memoryview]:
    """The mail with CRLF line ends, its dots doubled, and the last dot (RFC 5321 §4.5.2)."""
    ends = raw.count(b"\n")
    if not (raw.count(b"\r\n") == ends == raw.count(b"\r")):
        raw = _LONE.sub(b"\r\n", raw)
    if b"\n." in raw or raw.startswith(b"."):
        raw = (b"." if raw.startswith(b".") else b"") + raw.replace(b"\n.", b"\n..")
    end = _DOT if raw.endswith(b"\r\n") else b"\r\n" + _DOT
    if len(raw) <= PIECE:
        yield raw + end
        return
    view = memoryview(raw)
    yield from (view[at : at + PIECE] for at in range(0, len(raw), PIECE))
    yield end


def _told(fault: Exception, when: str) -> str:
    what = f"no SMTP reply: {fault}" if isinstance(fault, Garbled) else str(fault) or type(fault).__name__
    return shorten(f"{what} ({when})", TEXT_MAX)
