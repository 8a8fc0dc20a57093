"""What is known of a mail: the facts that `message.parse` makes of bytes, and the envelope they came in.

All text is clean: no NUL, no lone surrogates. Message-IDs are kept with their angle brackets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What a mail is (CONTRACT: `kind`); whether it may be answered is another question, `Mail.unanswerable`."""

    PERSON = "person"
    AUTO_REPLY = "auto-reply"
    BOUNCE = "bounce"
    BULK = "bulk"
    RECEIPT = "receipt"
    REPORT = "report"


class Verdict(StrEnum):
    """A DMARC result as a trusted host stated it (or as we found it)."""

    NONE = "none"
    PASS = "pass"  # noqa: S105  a verdict
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox. `address` has its domain in lower case; `key` is what two spellings of one mailbox share."""

    name: str
    address: str

    @property
    def key(self) -> str:
        return self.address.lower()

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2].lower()


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is not the text. `size` in octets, `sha256` of the decoded content, `content_id` without brackets."""

    name: str
    type: str
    size: int
    inline: bool
    sha256: str
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class FailedRecipient:
    """`guessed`: the status is what a reply code says in general; nobody wrote it."""

    address: str
    status: str | None
    diagnostic: str | None
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class Bounce:
    permanent: bool
    recipients: tuple[FailedRecipient, ...]
    original_message_id: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """What a receipt or an abuse report says of one mail.

    `what`: the disposition (RFC 8098 §3.2.6: displayed, deleted, …), "delivered" (RFC 3464), or the feedback type (RFC 5965 §3.1), in
    lower case. `original_sender`: the envelope sender of that mail, "" when the report does not give it.
    """

    what: str
    original_message_id: str | None = None
    original_sender: str = ""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """The original inside a forwarded mail, as its text shows it or as the attached mail has it. Nothing of it is proved.

    `from_` is None, or has no address, when none is shown. `date` is as written, in whatever language; `at` the moment it means,
    None when it is not understood (a date without a zone is read in the forwarder's). `text` is whole, without the header block;
    `above` the forwarder's own words, without signature. `message_id`: of an original that is attached.
    `language` of the text (BCP 47), None when it is too short to tell.
    """

    from_: Address | None
    subject: str
    date: str
    text: str
    at: datetime | None = None
    above: str = ""
    message_id: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """What a host we trust says of the sender: `dmarc` for the only From's domain, `login` as the authenticated user.

    `dmarc` PASS is only set when `header.from` equals the only From's domain (aligned); FAIL whenever a trusted host says so.
    `login` is the `smtp.auth` value of a trusted `auth=pass`. `host` names the authserv-id that said it, "maild" when we checked
    it ourselves. `why` is what was found, such as "dkim=pass d=acme.test, spf=fail, dmarc=pass".
    """

    dmarc: Verdict = Verdict.NONE
    login: str | None = None
    host: str | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose words about a mail are believed (`[trust]`). Hosts are compared without case.

    `spam`: headers that say spam when they start with the value, as (name, value).
    `lists`: List-Ids that are our own way in. All in lower case.
    """

    authserv_ids: tuple[str, ...] = ()
    spam: tuple[tuple[str, str], ...] = ()
    lists: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mail:
    """A message as understood. `sha256`, `size` (octets) are of the raw bytes.

    `text` is the whole readable text, `reply` the new words only (no quotes, no signature), `html` sanitised or None.
    `identity` hashes Message-ID, From, Date and normalised text; two routes of one message share it.
    `content_identity` hashes From and normalised text, for messages that lack a Message-ID.
    `forwarded` is the original of a mail that passes one on. `protection` says what the mail is signed or encrypted with, such as
    "S/MIME signed" or "PGP encrypted"; nothing of it is verified.
    `unanswerable` lists the reasons why no automatic answer may go to the sender; empty when one may.
    `header` holds every decoded header field in order, names as written.
    `delivered_to` are addresses from Delivered-To, X-Original-To and Envelope-To, newest first.
    """

    sha256: str
    size: int
    message_id: str | None = None
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    date: datetime | None = None
    from_: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    subject: str = ""
    language: str | None = None
    kind: Kind = Kind.PERSON
    kind_reasons: tuple[str, ...] = ()
    text: str = ""
    reply: str = ""
    signature: str = ""
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()
    bounce: Bounce | None = None
    report: Report | None = None
    forwarded: Forwarded | None = None
    protection: tuple[str, ...] = ()
    unanswerable: tuple[str, ...] = ()
    proof: Proof = Proof()
    delivered_to: tuple[str, ...] = ()
    header: tuple[tuple[str, str], ...] = ()
    identity: str = ""
    content_identity: str = ""
    defects: tuple[str, ...] = ()

    @property
    def sender(self) -> Address | None:
        """The only From; None when there is none or several (then the mail is from nobody)."""
        return self.from_[0] if len(self.from_) == 1 else None


@dataclass(frozen=True, slots=True)
class Envelope:
    """How a mail arrived. `sender` is "" for `<>`; `route` is smtp, lmtp, pipe, imap:NAME or import.

    `received_at` starts the clocks: now for smtp, lmtp and pipe, INTERNALDATE for IMAP, Date for imports.
    `trusted`: it came from one of `trust.peers`, so that trusted Authentication-Results may be read.
    `unauthenticated`: every claim of identity it makes is to be dropped (`maild deliver --unauthenticated`).
    `peer` is the client's IP address, "unix", or the route itself; `helo` the name it greeted with, "" when it gave none.
    """

    sender: str
    recipients: tuple[str, ...]
    route: str
    peer: str
    received_at: datetime
    trusted: bool = False
    unauthenticated: bool = False
    helo: str = ""


@dataclass(frozen=True, slots=True)
class Archive:
    """How mail out of an archive is brought in: what was written before `over_before` belongs to conversations that are over; agents
    are told (`notify`) of what is not."""

    over_before: datetime
    notify: bool = False


@dataclass(frozen=True, slots=True)
class Parsed:
    """What parsing gives: the facts, and the content of `mail.attachments` in the same order."""

    mail: Mail
    contents: tuple[bytes, ...] = field(default=())
