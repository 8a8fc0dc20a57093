"""Bytes to facts. `parse` never fails, whatever the octets: what cannot be understood is left out and said in `defects`.

The order is: bound and mend the octets, let the standard library find the parts, then read header, body, kind and proof. Irregular addresses
and dates are read by mail-parser. Its reading of text and attachments is not used: it mixes nested messages into the outer text, loses
nameless parts and 8-bit headers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from email import message_from_bytes
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import TypeVar

from mailparser.dates import parse_mail_date

from maild.desk.facts import Address, Bounce, Forwarded, Kind, Mail, Parsed, Proof, Trust
from maild.message import (
    addresses,
    answerable,
    authentication,
    bounce,
    forwarded,
    identity,
    kind,
    language,
    protection,
    quotes,
    reports,
    structure,
    vendors,
)
from maild.message import body as bodies
from maild.message import html as pages
from maild.message.addresses import Mailboxes
from maild.message.charset import clean, decode
from maild.message.headers import Fields
from maild.message.subjects import ANSWER
from maild.message.wire import bounded

_MAX_SUBJECT = 998
_MAX_IDS = 100
_MAX_DEFECTS = 50
_ID = re.compile(r"<[^<>\s]{1,500}>")
_CHARSET = re.compile(rb"(?i)content-type:\s{0,9}text/[a-z]{1,20};\s{0,9}charset=[\"']?([a-z0-9_.:-]{1,40})")
_EARLY = 100_000
_SHORT = 1500
_MAIL_TYPES = ("message/rfc822", "message/global")
_TRACES = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to")
_Value = TypeVar("_Value")
_NO_THREAD: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
_UNJUDGED: tuple[Bounce | None, kind.Judgement] = (None, kind.Judgement(Kind.PERSON, ()))


def parse(raw: bytes, trust: Trust = Trust(), *, trusted: bool = False) -> Parsed:  # noqa: B008 - an immutable value
    """The facts of a mail and the contents of its attachments.

    `trust` names whose words are believed; Authentication-Results are only read when `trusted`, that is when the mail came from a
    peer that would have removed forged ones. Raises MemoryError, and nothing else.
    """
    try:
        return _Reading(raw, trust, trusted).parsed()
    except MemoryError:  # less is made of it where there is a limit
        raise
    except Exception as error:  # noqa: BLE001 - parsing never fails: one bad mail stops nothing
        text = decode(raw[: bodies.MAX_TEXT])
        defects = (f"not understood: {type(error).__name__}",)
        digest = hashlib.sha256(raw).hexdigest()
        same, content = identity.of(None, (), None, text)
        return Parsed(
            Mail(
                digest,
                len(raw),
                text=text,
                reply=text,
                identity=same,
                content_identity=content,
                defects=defects,
            )
        )


class _Reading:
    """One mail being read: each step that fails leaves its default and a defect. `inside`: it is the attachment of another one."""

    def __init__(self, raw: bytes, trust: Trust, trusted: bool, *, inside: bool = False) -> None:
        self._raw = raw
        self._trust = trust
        self._trusted = trusted
        self._inside = inside
        wire = bounded(raw)
        self._wire = wire
        self._defects: list[str] = list(wire.defects)
        self._message = self._structure(wire.data)
        plain = wire.data[: wire.body].isascii()
        charset = None if plain else _charset(self._message, wire.data)
        self._fields = Fields(self._message.raw_items(), charset)

    def _structure(self, data: bytes) -> Message:
        """The parts, as the standard library's parser finds them; what it had to guess is a defect."""
        message, self._outlined = structure.outline(data)
        found = {type(defect).__name__ for part in message.walk() for defect in part.defects}
        self._defects += sorted(found)
        return message

    def _step(self, name: str, read: Callable[[], _Value], default: _Value) -> _Value:
        try:
            return read()
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - one unreadable field or part must not hide the others
            self._defects.append(f"{name}: {type(error).__name__}")
            return default

    def parsed(self) -> Parsed:
        fields = self._fields
        author = self._author()
        subject = self._step("Subject", lambda: clean(fields.first("subject")[:_MAX_SUBJECT]), "")
        answers, references = self._step("References", self._threads, _NO_THREAD)
        found = self._step("body", self._body, bodies.Body())
        self._defects += found.defects
        text = self._step("text", lambda: self._text(found), "")
        words = self._step("reply", lambda: _new_words(found, text, subject), quotes.Words(text, ""))
        shape = kind.Shape(
            found.types, found.report_type, author.addresses, subject, bool(answers or references)
        )
        failure, judgement = self._step(
            "kind", lambda: self._judged(shape, found, text, words.reply), _UNJUDGED
        )
        proof = self._step("Authentication-Results", lambda: self._proof(author), Proof())
        date = self._step("Date", self._date, None)
        message_id = self._step("Message-ID", self._message_id, None)
        same, content = identity.of(message_id, author.addresses, date, text)
        mail = Mail(
            sha256=hashlib.sha256(self._raw).hexdigest(),
            size=len(self._raw),
            message_id=message_id,
            in_reply_to=answers,
            references=references,
            date=date,
            from_=author.addresses,
            reply_to=self._addresses("reply-to"),
            to=self._addresses("to"),
            cc=self._addresses("cc"),
            subject=subject,
            language=self._step("language", lambda: self._language(words.reply or text), None),
            kind=judgement.kind,
            kind_reasons=judgement.reasons,
            text=text,
            reply=words.reply,
            signature=words.signature,
            html=self._step("html", lambda: pages.sanitise(found.page()) or None, None),
            attachments=tuple(found.attachments),
            bounce=failure,
            report=self._step("report", lambda: reports.read(judgement.kind, found, text), None),
            forwarded=self._step(
                "forwarded", lambda: self._forwarded(found, text, words, subject, judgement.kind), None
            ),
            protection=tuple(found.protection),
            unanswerable=self._unanswerable(author, proof),
            proof=proof,
            delivered_to=self._step("Delivered-To", self._delivered_to, ()),
            header=self._step("header", fields.pairs, ()),
            identity=same,
            content_identity=content,
            defects=tuple(dict.fromkeys(clean(defect) for defect in self._defects))[:_MAX_DEFECTS],
        )
        return Parsed(mail, tuple(found.contents))

    def _body(self) -> bodies.Body:
        try:
            return bodies.read(self._message, self._wire.data, outlined=self._outlined)
        except structure.Unclear:
            return bodies.read(self._whole(), self._wire.data)

    def _whole(self) -> Message:
        """The parts with all of their content."""
        if self._outlined:
            self._message, self._outlined = message_from_bytes(self._wire.data), False
        return self._message

    def _author(self) -> Mailboxes:
        found = self._step("From", lambda: addresses.read(self._fields.raw("from")), Mailboxes((), False))
        if not found.certain and "from" in self._fields:
            self._defects.append("From is irregular")
        return found

    def _unanswerable(self, author: Mailboxes, proof: Proof) -> tuple[str, ...]:
        return self._step(
            "answerable",
            lambda: answerable.reasons(self._fields, author.addresses, proof, self._trust),
            ("its header cannot be read",),
        )

    def _addresses(self, name: str) -> tuple[Address, ...]:
        return self._step(name, lambda: addresses.read(self._fields.raw(name)).addresses, ())

    def _text(self, found: bodies.Body) -> str:
        text = found.text()
        if not text and not found.attachments:
            # A multipart nobody can take apart still has words in it: show them.
            rest = self._wire.data[self._wire.body :][: bodies.MAX_TEXT].strip()
            broken = "multipart" in " ".join(found.types) or not found.types
            text = decode(rest).replace("\r\n", "\n") if broken else ""
        if len(text) > bodies.MAX_TEXT:
            self._defects.append("text cut")
        return clean(text[: bodies.MAX_TEXT])

    def _judged(
        self, shape: kind.Shape, found: bodies.Body, text: str, words: str
    ) -> tuple[Bounce | None, kind.Judgement]:
        refused = vendors.rejected(self._fields, found.receipt) if found.receipt else None
        if refused:
            return refused, kind.Judgement(Kind.BOUNCE, ("a filter refused the mail",))
        report = kind.report(shape)
        if report:
            return None, report
        if vendors.gives_back(found.types, found.returned):
            return None, kind.Judgement(Kind.REPORT, ("a mail given back by the provider of its recipient",))
        notified = vendors.amazon(self._fields, text)
        if notified:
            told = kind.Judgement(
                Kind.BOUNCE if notified.bounce else Kind.REPORT, ("a notification of Amazon SES",)
            )
            return notified.bounce, told
        return self._failed(shape, found, text, words) or (
            None,
            kind.judge(self._fields, shape, self._trust, text, found.page(), words),
        )

    def _failed(
        self, shape: kind.Shape, found: bodies.Body, text: str, words: str
    ) -> tuple[Bounce | None, kind.Judgement] | None:
        """The failure a mail tells of, by a report or in words; None when it tells of none."""
        if found.statuses:
            asked = () if bounce.final(found.statuses) else kind.robot_words(shape, words)
            if asked:
                return None, kind.Judgement(Kind.AUTO_REPLY, asked)
            failure = bounce.from_reports(found.statuses, found.returned, text, self._fields)
            if failure:
                return failure, kind.Judgement(Kind.BOUNCE, ("a delivery status notification",))
            if bounce.tells_success(found.statuses):
                return None, kind.Judgement(Kind.RECEIPT, ("a delivery status notification of success",))
        reason = kind.may_bounce(self._fields, shape)
        if reason:
            failure = bounce.from_text(self._whole(), self._wire.data, self._fields, text, found.returned)
            if failure:
                return failure, kind.Judgement(Kind.BOUNCE, (reason, "its words name a failed recipient"))
            if kind.surely_bounces(self._fields, shape):
                return bounce.unknown(found.returned, text), kind.Judgement(Kind.BOUNCE, (reason,))
        return None

    def _proof(self, author: Mailboxes) -> Proof:
        if not self._trusted:
            return Proof()
        return authentication.prove(self._fields.raw("authentication-results"), author, self._trust)

    def _message_id(self) -> str | None:
        return identity.message_id(self._fields.first("message-id"))

    def _threads(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """In-Reply-To and References (RFC 5322 §3.6.4), the latter cut to the first and the last ones."""
        answers = list(dict.fromkeys(_ID.findall(self._fields.first("in-reply-to"))))[:_MAX_IDS]
        chain = list(dict.fromkeys(_ID.findall(self._fields.first("references"))))
        if len(chain) > _MAX_IDS:
            chain = chain[:1] + chain[1 - _MAX_IDS :]
        return tuple(answers), tuple(chain)

    def _date(self) -> datetime | None:
        value = self._fields.first("date")
        if not value:
            if "date" in self._fields:
                self._defects.append("Date is empty")
            return None
        strict = parse_mail_date(value).value
        if isinstance(strict, datetime):
            return strict
        try:
            lenient = parsedate_to_datetime(value[:200])
        except (TypeError, ValueError, IndexError, OverflowError):
            self._defects.append("Date cannot be read")
            return None
        self._defects.append("Date is irregular")
        return lenient.replace(tzinfo=UTC) if lenient.tzinfo is None else lenient.astimezone(UTC)

    def _language(self, text: str) -> str | None:
        """None also where the mail itself says that its words are in nobody's language (RFC 3282; BCP 47 §4.1)."""
        return None if self._fields.first("content-language").lower() == "zxx" else language.detect(text)

    def _delivered_to(self) -> tuple[str, ...]:
        """The addresses of trace fields in the order they stand, newest first."""
        found: dict[str, None] = {}
        for name, value in self._fields.pairs():
            if name.lower() in _TRACES:
                found.update(dict.fromkeys(addresses.loose(value)))
        return tuple(found)[:_MAX_IDS]

    def _forwarded(
        self, found: bodies.Body, text: str, words: quotes.Words, subject: str, judged: Kind
    ) -> Forwarded | None:
        """The original of a forwarded mail; robots' mail repeats mails without forwarding them."""
        if judged not in (Kind.PERSON, Kind.BULK):
            return None
        shown = forwarded.find(text, subject, self._zone(), words.reply)
        if shown or self._inside or ANSWER.match(subject):
            return shown
        carried = [
            content
            for file, content in zip(found.attachments, found.contents, strict=True)
            if file.type in _MAIL_TYPES
        ]
        if len(carried) != 1 or len(words.reply) > _SHORT:
            return None
        inner = _Reading(carried[0], Trust(), False, inside=True)
        original = inner.parsed().mail
        if not (original.from_ or original.subject):
            return None
        date = inner.written_date()
        return forwarded.attached(
            original.sender,
            original.subject,
            date,
            original.text,
            original.date,
            words.reply,
            original.message_id,
        )

    def written_date(self) -> str:
        """Date as it stands in the header."""
        return self._fields.first("date")

    def _zone(self) -> tzinfo | None:
        """Where the mail was written, as its Date says (RFC 5322 §3.3)."""
        try:
            return parsedate_to_datetime(self.written_date()[:200]).tzinfo
        except (TypeError, ValueError, IndexError, OverflowError):
            return None


def _charset(message: Message, data: bytes) -> str | None:
    """The charset of the first text, in which senders of raw 8-bit headers usually write these too."""
    kind_, options = bodies.media_type(Fields(message.raw_items()))
    if "charset" in options or not kind_.startswith("multipart/"):
        return options.get("charset")
    named = _CHARSET.search(data[:_EARLY])
    return named[1].decode("ascii") if named else None


def _new_words(found: bodies.Body, text: str, subject: str) -> quotes.Words:
    passed_on = forwarded.is_forward(subject)
    if found.plain or not found.segments:
        return quotes.split(protection.without_armour(text), forwarded=passed_on)
    rest, signature = found.new_words(forwarded=passed_on)
    words = quotes.split(rest, forwarded=passed_on)
    return quotes.Words(words.reply, "\n".join(filter(None, (words.signature, signature))))
