"""What a mail is: by its headers first, then its shape, then the words of its subject (CONTRACT `kind`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from maild.desk.facts import Address, Kind, Trust
from maild.message import answerable, robots
from maild.message.answerable import auto_submitted, own_list, precedence
from maild.message.headers import Fields
from maild.message.subjects import (
    ANSWER,
    AUTOMATIC,
    AUTOMATIC_ANYWHERE,
    BOUNCE,
    COMPLAINT,
    RECEIPT,
    UNSUBSCRIBE,
    UNSUBSCRIBE_LINK,
)

# RFC 3834 §3.1.8 knows Auto-Submitted only; these are what programs set instead, or beside it.
_AUTO_REPLY_FIELD = re.compile(
    r"x-(?:[a-z0-9]{1,20}-){0,2}(?:auto-?(?:reply|replied|respond|responder|response)(?:-?(?:from|to|by|domain|id|sent))?|vacation(?:-message)?)"
)
_AUTO_REPLY_PROGRAM = re.compile(r"(?i)\b(?:vacation|auto-?respon\w+|auto-?reply)\b")
_AUTO_REPLY_PRECEDENCE = frozenset({"auto_reply", "auto-reply", "autoreply"})
_BULK_PRECEDENCE = frozenset({"bulk", "list", "junk"})
_BULK_FIELDS = (
    "list-id",
    "list-unsubscribe",
    "list-post",
    "list-help",
    "list-subscribe",
    "list-owner",
    "list-archive",
    "mailing-list",
    "x-mailing-list",
    "x-mailman-version",
    "x-listname",
    "x-list-id",
    "x-campaign",
    "x-campaignid",
    "x-campaign-id",
    "x-mailchimp-campaign-id",
    "x-mc-user",
    "x-rpcampaign",
)
# Systems that ask every sender for a proof before they deliver.
_CHALLENGE_FIELDS = (
    "x-bluebottle-",
    "x-spamarrest-",
    "x-challenge",
    "x-tmda-",
    "x-ask-",
    "x-choicemail-",
    "x-boxbe-challenge",
)
_NEGATIVE = frozenset({"", "no", "false", "0", "none"})
_SYSTEM = re.compile(
    r"(?:mailer-?daemon|mdaemon|postmaster|mail-?daemon|mailerdaemon|mail|daemon|uucp|bounces?(?:[+=._-].*)?|microsoftexchange.*)@?",
    re.IGNORECASE,
)
_NEWSLETTER_LETTERS = 500
_NEWSLETTER_SEARCHED = 200_000
_NEWSLETTER_TAIL = 20_000
_MAX_OFFERS = 20
_NEAR = 200
_SYSTEM_NAME = re.compile(
    r"[\"'\s]*(?:mail deliver\w{0,2} (?:sub)?system|mailer.daemon|postmaster)", re.IGNORECASE
)
_MDN_TYPES = ("message/disposition-notification", "message/global-disposition-notification")


@dataclass(frozen=True, slots=True)
class Shape:
    """What the parts and the sender say before words are read: media types met, the report-type, who wrote."""

    types: Sequence[str]
    report_type: str
    from_: Sequence[Address]
    subject: str
    answers: bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """A kind and why, as sentences for `explain`."""

    kind: Kind
    reasons: tuple[str, ...]


def automatic(subject: str) -> str:
    """The words by which a subject says that nobody wrote the mail; "" when it has none."""
    words = AUTOMATIC.search(subject) or AUTOMATIC_ANYWHERE.search(subject)
    return str(words[0]).strip() if words else ""


def from_system(fields: Fields, from_: Sequence[Address], *, reverse_path: bool = True) -> bool:
    """Whether a mail system writes: mailer-daemon and the like, or (`reverse_path`) the null one (RFC 5321 §4.5.5)."""
    if reverse_path and any(value.strip() in ("<>", "< >") for value in fields.all("return-path")):
        return True
    if any(_SYSTEM.fullmatch(address.address.partition("@")[0]) for address in from_):
        return True
    if [value.replace(" ", "") for value in fields.all("from")] == ["<>"]:
        return True
    return bool(_SYSTEM_NAME.match(fields.first("from")))


def may_bounce(fields: Fields, shape: Shape) -> str | None:
    """Why the words of a mail without a delivery report deserve to be read as a bounce; None when they do not."""
    if "x-failed-recipients" in fields:
        return "X-Failed-Recipients is set"
    words = BOUNCE.search(shape.subject)
    if words and (from_system(fields, shape.from_) or not shape.answers):
        return f"the subject says {words[0]!r}"
    if automatic(shape.subject):
        return None
    # A null reverse-path is usual in vacation answers too: there the sender must have the name of a mail system.
    vacation = auto_submitted(fields) == "auto-replied"
    return "a mail system writes" if from_system(fields, shape.from_, reverse_path=not vacation) else None


def surely_bounces(fields: Fields, shape: Shape) -> bool:
    """Whether subject and sender together leave no doubt, even when no failed recipient can be made out."""
    return bool(BOUNCE.search(shape.subject)) and from_system(fields, shape.from_)


def report(shape: Shape) -> Judgement | None:
    """Receipts and abuse reports by their media type: RFC 8098 §3, RFC 5965 §2."""
    if shape.report_type == "feedback-report" or "message/feedback-report" in shape.types:
        return Judgement(Kind.REPORT, ("a feedback report",))
    if COMPLAINT.match(shape.subject) and "message/rfc822" in shape.types[1:4]:
        return Judgement(Kind.REPORT, ("the subject of a complaint, with the message",))
    if shape.report_type == "disposition-notification" or any(kind in shape.types[:4] for kind in _MDN_TYPES):
        return Judgement(Kind.RECEIPT, ("a message disposition notification",))
    return None


def judge(fields: Fields, shape: Shape, trust: Trust, text: str, page: str, words: str) -> Judgement:
    """The kind of a mail that is neither bounce nor report nor receipt by its parts; `page` is its HTML, if any, `words` the new ones."""
    replied = _auto_reply_reasons(fields, shape)
    if replied:
        return Judgement(Kind.AUTO_REPLY, replied)
    if RECEIPT.match(shape.subject) and shape.report_type:
        return Judgement(Kind.RECEIPT, ("the subject of a receipt",))
    bulk = _bulk_reasons(fields, trust)
    if bulk:
        return Judgement(Kind.BULK, bulk)
    said = robot_words(shape, words)
    if said:
        return Judgement(Kind.AUTO_REPLY, said)
    quotes_more = 2 * len(words) < len(text)
    if not shape.answers and newsletter(words if quotes_more else text, "" if quotes_more else page):
        return Judgement(Kind.BULK, ("it offers to unsubscribe",))
    return Judgement(Kind.PERSON, ())


def robot_words(shape: Shape, words: str) -> tuple[str, ...]:
    """Why the words are a robot's answer, when no header and no subject says so."""
    robot = any(answerable.is_robot(address.address) for address in shape.from_)
    return robots.reasons(words, answers=shape.answers or bool(ANSWER.match(shape.subject)), robot=robot)


def newsletter(text: str, page: str) -> bool:
    """Whether a mail of some length tells its many readers how to leave: near the words stands a way to do so."""
    if len(text) < _NEWSLETTER_LETTERS:
        return False
    if UNSUBSCRIBE_LINK.search(page[:_NEWSLETTER_SEARCHED]):
        return True
    tail = text[-_NEWSLETTER_TAIL:].lower()
    for match in islice(UNSUBSCRIBE.finditer(tail), _MAX_OFFERS):
        around = tail[max(0, match.start() - _NEAR) : match.end() + _NEAR]
        if any(way in around for way in ("://", "www.", "@", "click", "klick", "cliquez")):
            return True
    return False


def _auto_reply_reasons(fields: Fields, shape: Shape) -> tuple[str, ...]:
    found = []
    submitted = auto_submitted(fields)
    words = automatic(shape.subject)
    if submitted.startswith(("auto-replied", "auto_replied", "vacation")):
        found.append(f"Auto-Submitted: {submitted}")
    elif submitted == "auto-generated" and (shape.answers or words):
        found.append(f"Auto-Submitted: {submitted}, in answer to a mail")
    for name in fields.names():
        if _AUTO_REPLY_FIELD.fullmatch(name) and fields.first(name).strip().lower() not in _NEGATIVE:
            found.append(f"{name.title()} is set")
    found += [
        f"{name.title()}: {fields.first(name)}"
        for name in ("x-mailer", "user-agent")
        if name in fields and _AUTO_REPLY_PROGRAM.search(fields.first(name)[:_NEAR])
    ]
    if fields.first("x-ms-exchange-generated-message-source").lower().startswith("mailbox rules agent"):
        found.append("a rule of an Exchange mailbox wrote it")
    if precedence(fields) in _AUTO_REPLY_PRECEDENCE:
        found.append(f"Precedence: {precedence(fields)}")
    if "autoresponder" in fields.first("x-post-messageclass").lower():
        found.append("X-POST-MessageClass: Autoresponder")
    if fields.first("x-autogenerated").lower().startswith(("reply", "forward")):
        found.append(f"X-Autogenerated: {fields.first('x-autogenerated')}")
    if words:
        found.append(f"the subject says {words!r}")
    for name in fields.names():
        if name.startswith(_CHALLENGE_FIELDS):
            found.append(f"{name.title()} is set")
    return tuple(found)


def _bulk_reasons(fields: Fields, trust: Trust) -> tuple[str, ...]:
    own = own_list(fields, trust)
    found = [] if own else [f"{name.title()} is set" for name in _BULK_FIELDS if name in fields][:3]
    priority = precedence(fields)
    if priority in _BULK_PRECEDENCE and not (own and priority == "list"):
        found.append(f"Precedence: {priority}")
    submitted = auto_submitted(fields)
    if submitted and submitted != "no":
        found.append(f"Auto-Submitted: {submitted}")
    return tuple(found)
