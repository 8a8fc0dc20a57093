"""The parts of a mail (RFC 2045, 2046): which are its text, which are attachments, and what reports say.

A nested message is one attachment, octet for octet as it came where the structure allows; nothing of it is mixed into the outer text.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message

from maild.desk.facts import Attachment
from maild.message import cms, htmltext, invitation, protection, tnef, uuencoded
from maild.message import html as pages
from maild.message.charset import decode
from maild.message.filenames import clean_name, default_name, type_of
from maild.message.headers import Fields, decoded, parameters
from maild.message.htmltext import Page
from maild.message.structure import Unclear
from maild.message.wire import MAX_DEPTH, MAX_PARTS, bounded

Octets = bytes | memoryview
"""Those of a part: a view, where they are part of more."""
MAX_TEXT = 2_000_000
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_ENCODING = re.compile(r"[a-z0-9-]+")
_USUAL_IN_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\r\n"
_ODD_IN_BASE64 = re.compile(rb"[^A-Za-z0-9+/=\s]+|[A-Za-z] (?=[A-Za-z])")
_UUENCODED = ("x-uuencode", "uuencode", "uue", "x-uue")
_JUDGED = 4096
_TEXTS = ("text/plain", "text/html")
_PACKED = ("application/ms-tnef", "application/vnd.ms-tnef", "application/x-ms-tnef")
_STATUS = ("message/delivery-status", "message/global-delivery-status")
_RECEIPT = ("message/disposition-notification", "message/global-disposition-notification")
_RETURNED = (
    "message/rfc822",
    "message/global",
    "text/rfc822-headers",
    "message/rfc822-headers",
    "message/global-headers",
)


@dataclass(slots=True)
class Segment:
    """A stretch of text as the mail offers it: in plain words, as HTML (tamed), or both."""

    plain: str = ""
    html: str = ""
    _page: Page | None = None

    def page(self) -> Page:
        """The HTML as lines of text, read once."""
        if self._page is None:
            self._page = htmltext.read(self.html)
        return self._page


@dataclass(slots=True)
class Body:
    """What the parts hold. `contents` belong to `attachments` in order; `types` are the media types met, outermost first.

    `statuses` are the delivery reports (RFC 3464), `returned` the message or header that a report gives back, `receipt` a disposition
    notification (RFC 8098), `feedback` an abuse report (RFC 5965).
    """

    segments: list[Segment] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    report_type: str = ""
    statuses: list[bytes] = field(default_factory=list)
    returned: bytes = b""
    receipt: bytes = b""
    feedback: bytes = b""
    defects: list[str] = field(default_factory=list)
    protection: list[str] = field(default_factory=list)

    @property
    def plain(self) -> bool:
        """Whether all of the text was offered in plain words."""
        return all(segment.plain for segment in self.segments)

    def text(self) -> str:
        """The readable text of all segments, from HTML where that is all there is."""
        return "\n".join(segment.plain or segment.page().text() for segment in self.segments).strip("\n")

    def new_words(self, *, forwarded: bool) -> tuple[str, str]:
        """(text without what mail programs marked as quoted in HTML, what they marked as a signature)."""
        words, signatures = [], []
        for segment in self.segments:
            said, signature = (
                (segment.plain, "") if segment.plain else segment.page().new_words(forwarded=forwarded)
            )
            words.append(said)
            signatures.append(signature)
        return "\n".join(words).strip("\n"), "\n".join(filter(None, signatures))

    def page(self) -> str:
        """All segments as one page; "" when none was offered as HTML."""
        if not any(segment.html for segment in self.segments):
            return ""
        return "\n".join(segment.html or pages.from_text(segment.plain) for segment in self.segments)


def read(message: Message, raw: bytes, *, outlined: bool = False) -> Body:
    """The body of `message`, whose own octets (header and body) are `raw`.

    `outlined`: long content was left out of `message`; raises Unclear when it is needed.
    """
    walk = _Walk(outlined)
    segments = [part for part in walk.part(message, raw, 0) if part.plain.strip() or part.html.strip()]
    if not any(segment.plain or segment.page().text() for segment in segments):
        segments += walk.packed or _invitations(walk.body) or _reported(walk.body)
    walk.body.segments = segments
    _mark_inline(walk.body)
    return walk.body


def _invitations(body: Body) -> list[Segment]:
    """The calendars among the attachments in words, for a mail that has no others."""
    said = (
        invitation.readable(decode(content[:MAX_TEXT]))
        for file, content in zip(body.attachments, body.contents, strict=True)
        if file.type in ("text/calendar", "application/ics")
    )
    return [Segment(plain=text) for text in said if text]


def _mark_inline(body: Body) -> None:
    """An image the HTML shows by its Content-ID is inline, whatever its disposition says."""
    page = body.page()
    for index, file in enumerate(body.attachments):
        if not file.inline and file.content_id and f"cid:{file.content_id}" in page:
            body.attachments[index] = Attachment(
                file.name, file.type, file.size, True, file.sha256, file.content_id
            )


def _reported(body: Body) -> list[Segment]:
    """Delivery reports as they are, for a mail that has no other words."""
    texts = (decode(content[:MAX_TEXT]).replace("\r\n", "\n").strip("\n") for content in body.statuses)
    return [Segment(plain=text) for text in texts if text.strip()]


class _Walk:
    """One pass over the parts, bounded in depth, number and length of text."""

    def __init__(self, outlined: bool) -> None:
        self.body = Body()
        self._outlined = outlined
        self._parts = 0
        self._nameless: dict[str, int] = {}
        self.packed: list[Segment] = []
        self._room = MAX_TEXT
        self._charset: str | None = None

    def part(self, message: Message, raw: Octets | None, depth: int, within: str = "") -> list[Segment]:
        """Read one part and what it contains; return its text, note its attachments."""
        self._parts += 1
        if depth > MAX_DEPTH or self._parts > MAX_PARTS:
            self._defect("too many nested parts" if depth > MAX_DEPTH else "too many parts")
            return []
        fields = Fields(message.raw_items(), self._charset)
        kind, options = media_type(fields, message.get_default_type())
        self._charset = options.get("charset") or self._charset
        self.body.types.append(kind)
        self._note(self.body.protection, protection.of_part(kind, options))
        if depth == 0:
            self.body.report_type = options.get("report-type", "").lower()
        if message.is_multipart() and not kind.startswith("message/"):
            return self._multipart(message, raw, depth, kind)
        content = self._content(message, raw, fields)
        if kind.startswith("multipart/"):
            self._defect("multipart without parts")
            kind = "text/plain"
        self._report(kind, content)
        disposition, details = parameters((fields.raw("content-disposition") or [""])[0])
        name = clean_name(details.get("filename") or options.get("name") or "")
        if protection.is_container(kind, name):
            opened = cms.opened(content)
            self._note(
                self.body.protection, protection.of_container(opened.kind if opened else None, options)
            )
            if opened and opened.content:
                return self._inside(opened.content, depth)
        if (
            kind in _TEXTS
            and disposition != "attachment"
            and not (name and not self._is_text(disposition, within))
        ):
            return [self._text(kind, content, options)]
        if (
            within == "multipart/alternative"
            and kind.startswith("text/")
            and kind != "text/calendar"
            and not name
        ):
            return []
        self._attach(message, fields, kind, disposition, name, content)
        return []

    def _inside(self, content: bytes, depth: int) -> list[Segment]:
        """The mail in a container, read in its place."""
        wire = bounded(content)
        self.body.defects += wire.defects
        return self.part(message_from_bytes(wire.data), wire.data, depth + 1)

    def _content(self, message: Message, raw: Octets | None, fields: Fields) -> bytes:
        name = _encoding(fields)
        if self._outlined and (raw is None or name in _UUENCODED):
            raise Unclear
        return _content(message, raw, name)

    def _is_text(self, disposition: str, within: str) -> bool:
        """Whether a named text is the text of the mail and not a file: it is the first, or an alternative of it."""
        return within == "multipart/alternative" or (self._room == MAX_TEXT and disposition == "inline")

    def _multipart(self, message: Message, raw: Octets | None, depth: int, kind: str) -> list[Segment]:
        parts = [part for part in message.get_payload() if isinstance(part, Message)]
        slices = _slices(message, None if raw is None else bytes(raw), len(parts))
        offers = [
            self.part(part, octets, depth + 1, kind) for part, octets in zip(parts, slices, strict=True)
        ]
        if kind != "multipart/alternative":
            return [segment for offer in offers for segment in offer]
        plains = ["\n".join(segment.plain for segment in offer if segment.plain.strip()) for offer in offers]
        htmls = ["\n".join(segment.html for segment in offer if segment.html.strip()) for offer in offers]
        return [Segment(next(filter(None, plains), ""), next(filter(None, reversed(htmls)), ""))]

    def _text(self, kind: str, content: bytes, options: dict[str, str]) -> Segment:
        if len(content) > self._room:
            self._defect("text cut")
        text = decode(content[: self._room], options.get("charset")).replace("\r\n", "\n").replace("\r", "\n")
        self._room = max(0, self._room - len(content))
        if kind == "text/html":
            return Segment(html=pages.tame(text))
        if options.get("format", "").lower() == "flowed":
            text = unflowed(text, options.get("delsp", "").lower() == "yes")
        text, files = uuencoded.extract(text)
        for name, octets in files:
            self._add(clean_name(name), "", octets)
        for said in protection.of_text(text):
            self._note(self.body.protection, said)
        return Segment(plain=text.strip("\n"))

    def _report(self, kind: str, content: bytes) -> None:
        if kind in _STATUS:
            self.body.statuses.append(content)
        elif kind in _RECEIPT:
            self.body.receipt = self.body.receipt or content[:MAX_TEXT]
        elif kind == "message/feedback-report":
            self.body.feedback = self.body.feedback or content[:MAX_TEXT]
        elif kind in _RETURNED and not self.body.returned:
            self.body.returned = content[:MAX_TEXT]

    def _attach(
        self, message: Message, fields: Fields, kind: str, disposition: str, name: str, content: bytes
    ) -> None:
        if self._unpacked(kind, content):
            return
        identifier = fields.first("content-id").strip("<> ")[:200]
        inner = message.get_payload() if kind == "message/rfc822" and not name else None
        subject = ""
        if isinstance(inner, list) and inner and isinstance(inner[0], Message):
            subject = next(
                (decoded(value) for key, value in inner[0].raw_items() if key.lower() == "subject"), ""
            )
        self._add(name, kind, content, disposition == "inline", identifier, subject)

    def _unpacked(self, kind: str, content: bytes) -> bool:
        """Whether `content` was a winmail.dat of which nothing is lost when what it holds takes its place."""
        if kind not in _PACKED and not kind.endswith("/octet-stream"):
            return False
        packed = tnef.unpack(content)
        if packed is None:
            return False
        for file in packed.files:
            self._add(clean_name(file.name), file.type, file.content, identifier=file.content_id[:200])
        if packed.text.strip() or packed.html.strip():
            self.packed.append(Segment(packed.text.strip("\n"), pages.tame(packed.html)))
        if not packed.complete:
            self._defect("winmail.dat is damaged")
        return packed.complete and bool(packed.files or packed.text or packed.html)

    def _add(
        self,
        name: str,
        kind: str,
        content: bytes,
        inline: bool = False,
        identifier: str = "",
        subject: str = "",
    ) -> None:
        """Note an attachment. A nameless one is called after its `subject` or type, and numbered to differ from others."""
        if len(self.body.attachments) >= MAX_PARTS:
            self._defect("too many parts")
            return
        kind = kind or type_of(name)
        if not name:
            first = default_name(kind, 0, subject)
            number = self._nameless.get(first, 0)
            self._nameless[first] = number + 1
            name = default_name(kind, number, subject)
        digest = hashlib.sha256(content).hexdigest()
        self.body.attachments.append(Attachment(name, kind, len(content), inline, digest, identifier))
        self.body.contents.append(content)

    def _note(self, notes: list[str], text: str) -> None:
        if text and text not in notes:
            notes.append(text)

    def _defect(self, text: str) -> None:
        self._note(self.body.defects, text)


def media_type(fields: Fields, default: str = "text/plain") -> tuple[str, dict[str, str]]:
    """The media type in lower case and its parameters; what is no type is text/plain (RFC 2045 §5.2)."""
    values = fields.raw("content-type")
    if not values:
        return default, {}
    kind, options = parameters(values[0])
    kind = kind.split()[0] if kind.split() else ""
    return (kind if _TYPE.fullmatch(kind) else "text/html" if kind == "html" else "text/plain"), options


def _slices(message: Message, raw: bytes | None, count: int) -> Iterator[Octets | None]:
    """The octets of each of the `count` parts, not copied, or None for each when the boundaries do not say the same."""
    found: list[memoryview] = []
    boundary = message.get_boundary() if raw is not None else None
    if raw is not None and boundary:
        whole, start = memoryview(raw), -1
        for begin, end, closing in _delimiters(raw, b"--" + boundary.encode("utf-8", "surrogateescape")):
            if start >= 0:
                found.append(_without_line_end(whole[start:begin]))
            start = -1 if closing else end
            if closing:
                break
        if start >= 0:
            found.append(whole[start:])
    return iter(found) if len(found) == count else iter([None] * count)


def _delimiters(raw: bytes, delimiter: bytes) -> Iterator[tuple[int, int, bool]]:
    """(start, end, whether it closes) of each line that is `delimiter` (RFC 2046 §5.1.1), `--` and blanks behind it aside."""
    position = raw.find(delimiter, _body_start(raw))
    while position >= 0:
        end = raw.find(b"\n", position) + 1 or len(raw)
        rest = raw[position + len(delimiter) : end] if end - position < len(delimiter) + 200 else b"x"
        closing = rest.startswith(b"--")
        if (position == 0 or raw[position - 1] == 10) and not rest[2 * closing :].strip(b" \t\r\n"):
            yield position, end, closing
        position = raw.find(delimiter, position + len(delimiter))


def _without_line_end(octets: memoryview) -> memoryview:
    """The line end before a boundary belongs to the boundary (RFC 2046 §5.1.1)."""
    end = octets[-2:].tobytes()
    return octets[:-2] if end == b"\r\n" else octets[:-1] if end.endswith(b"\n") else octets


def _body_start(raw: Octets) -> int:
    first = bytes(raw[:2])
    if first.startswith((b"\r\n", b"\n")):
        return 2 if first == b"\r\n" else 1
    match = _BLANK_LINE.search(raw)
    return match.end() if match else len(raw)


def _encoding(fields: Fields) -> str:
    encoding = _ENCODING.match(fields.first("content-transfer-encoding").lower().strip("\"' "))
    return encoding[0] if encoding else ""


def _content(message: Message, raw: Octets | None, name: str) -> bytes:
    """The content of a part that has no parts: decoded from the encoding of this `name`, or for nested messages the octets as they came."""
    if raw is not None and name == "base64":
        return _base64(memoryview(raw)[_body_start(raw) :])
    if raw is not None:
        octets = bytes(raw[_body_start(raw) :])
    elif message.is_multipart():
        octets = b"\n".join(part.as_bytes() for part in message.get_payload() if isinstance(part, Message))
    else:
        payload = message._payload if hasattr(message, "_payload") else ""
        octets = str(payload or "").encode("utf-8", "surrogateescape")
    if name == "base64":
        return _base64(octets)
    if name == "quoted-printable":
        return binascii.a2b_qp(octets)
    if name in _UUENCODED and not message.is_multipart():
        decoded_payload = message.get_payload(decode=True)
        return decoded_payload if isinstance(decoded_payload, bytes) else octets
    return octets


def _base64(octets: Octets) -> bytes:
    """Decode as mail programs do, repairing padding; what is plainly no base64 comes back as it is."""
    beginning = bytes(octets[:_JUDGED])
    if beginning.translate(None, _USUAL_IN_BASE64):
        odd = sum(len(run) for run in _ODD_IN_BASE64.findall(beginning))
        if odd * 20 > len(beginning):
            return bytes(octets)
    try:
        return binascii.a2b_base64(octets)
    except binascii.Error:
        letters = re.sub(rb"[^A-Za-z0-9+/]", b"", octets)
    if len(letters) % 4 == 1:
        letters = letters[:-1]
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def unflowed(text: str, delsp: bool) -> str:
    """Join the soft-broken lines of format=flowed (RFC 3676 §4), each quote depth for itself."""
    out: list[str] = []
    open_depth = -1
    for line in text.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")
        signature = content == "-- "
        if open_depth == depth and not signature:
            out[-1] += content
        else:
            out.append((">" * depth + " " if depth else "") + content)
        soft = content.endswith(" ") and not signature
        open_depth = depth if soft else -1
        if soft and delsp:
            out[-1] = out[-1][:-1]
    return "\n".join(out)
