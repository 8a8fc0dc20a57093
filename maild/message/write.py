"""A mail of ours as bytes: RFC 5322 and MIME, CRLF line ends, 7 bit, nothing injected whatever the values hold.

Assembled by hand because the standard library's modern policy takes milliseconds and its old one quotes wrongly.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import unicodedata
from collections.abc import Iterable
from email.utils import format_datetime

from maild.desk.facts import Address
from maild.message.outgoing import File, Outgoing

SUBJECT_MAX = 500
NAME_MAX = 128
LOCAL_MAX = 320
DOMAIN_MAX = 255
REFERENCES_MAX = 20
REFERENCES_OCTETS = 900
FILE_NAME_MAX = 150

_LINE = 78  # RFC 5322 §2.1.1: SHOULD be no more than 78 characters
_WORD = 75  # RFC 2047 §2: an encoded-word may not be longer
_LONG_WORD = 70
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_DOT_ATOM = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*")
_QUOTED_LOCAL = re.compile(r'"([^"\\]|\\.)*"')
_NOT_DOMAIN = re.compile(r"[^A-Za-z0-9._:\[\]-]")
_DOTS = re.compile("[.\u3002\uff0e\uff61]")  # RFC 3490 §3.1 (1): all of these separate labels
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,880}>")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_FIELD_NAME = re.compile(r"[A-Za-z0-9-]+")
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
_NOT_CONTENT_ID = re.compile(r"[^A-Za-z0-9!#$%&'*+/=?^_`{|}~.@-]")
_FROM_LINE = b"\nFrom "
_Q_PLAIN = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/"
)  # RFC 2047 §5 (3)
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_OWN_FIELDS = frozenset(
    [
        "from",
        "to",
        "cc",
        "bcc",
        "reply-to",
        "subject",
        "date",
        "message-id",
        "in-reply-to",
        "references",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
        "content-language",
        "auto-submitted",
        "precedence",
        "x-auto-response-suppress",
    ]
)


def write(outgoing: Outgoing) -> bytes:
    """The mail with CRLF line ends, its lines at most 998 octets long, pure ASCII unless an address has a non-ASCII
    local part (which then stands in the header as UTF-8: the mail needs SMTPUTF8, RFC 6532).

    Names and subject lose control and direction characters; Message-IDs in `references` that are none are left out.
    Raises ValueError for a name in `headers` that is no field name or one that is written from the other values.
    """
    lines = [
        _mailbox_field("From", outgoing.from_),
        _mailbox_field("To", outgoing.to),
        *([_mailbox_field("Reply-To", outgoing.reply_to)] if outgoing.reply_to else []),
        _text_field("Subject", shorten(outgoing.subject, SUBJECT_MAX)),
        f"Date: {format_datetime(outgoing.date)}",
        f"Message-ID: {outgoing.message_id}" if _MESSAGE_ID.fullmatch(outgoing.message_id) else "",
        *_thread_fields(outgoing),
        *_automatic_fields(outgoing),
        *_extra_fields(outgoing.headers),
    ]
    if outgoing.language and _LANGUAGE.fullmatch(outgoing.language):
        lines.append(f"Content-Language: {outgoing.language}")
    lines.append("MIME-Version: 1.0")
    head = "\r\n".join(line for line in lines if line).encode("utf-8", "replace")
    return head + b"\r\n" + _body(outgoing)


def clean(text: str) -> str:
    """One line for a header, or of a sentence of ours: control, direction and line-separating characters become spaces, runs of space one."""
    return " ".join(_UNSEEN.sub(" ", text).split())


def shorten(text: str, limit: int) -> str:
    """The cleaned text, with an ellipsis at its end when it had more than `limit` characters."""
    text = clean(text)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def mailbox(address: str) -> str:
    """An address for header and envelope: domain as A-labels, local part as it is or quoted; nothing else gets through."""
    local, _, domain = _UNSEEN.sub("", address).rpartition("@")
    local = local[:LOCAL_MAX]
    if not _DOT_ATOM.fullmatch(local) and not _QUOTED_LOCAL.fullmatch(local):
        local = _quoted(local)
    labels = (label if label.isascii() else _a_label(label) for label in _DOTS.split(domain))
    return f"{local}@{_NOT_DOMAIN.sub('', '.'.join(labels))[:DOMAIN_MAX]}"


def clean_file_name(name: str, type_: str = "") -> str:
    """A file name that is only a name, on every system: no folders, nothing unseen, no leading dot, at most 150 octets."""
    name = clean(name).replace("\\", "/").rpartition("/")[2]
    name = re.sub(r'[<>:"|?*]', "_", name).strip(" .")
    if not name:
        return "message.eml" if type_ == "message/rfc822" else "attachment"
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > 10:
        stem, ending = name, ""
    tail = dot + ending if ending else ""
    room = FILE_NAME_MAX - len(tail.encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(" .") + tail


# --- header fields


def _mailbox_field(field: str, address: Address) -> str:
    spec = mailbox(address.address)
    name = shorten(address.name, NAME_MAX)
    if not name:
        return f"{field}: {spec}"
    if not name.isascii() or "=?" in name:
        words = _encoded_words(name, len(field) + 2)
    elif _ATOMS.fullmatch(name):
        words = name.split(" ")
    else:
        words = _quoted(name).split(" ")
    return _folded(field, [*words, f"<{spec}>"])


def _quoted(text: str) -> str:
    """RFC 5322 §3.2.4 quoted-string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _a_label(label: str) -> str:
    """RFC 5890 §2.3.2.1, by the non-transitional mapping (ß stays itself, as registries have it since IDNA 2008)."""
    return "xn--" + unicodedata.normalize("NFKC", label).lower().encode("punycode", "replace").decode("ascii")


def _text_field(field: str, text: str) -> str:
    """An unstructured field: words that need it are encoded, from the first such word to the last in one stretch."""
    words = clean(text).split(" ")
    strange = [
        at for at, word in enumerate(words) if not word.isascii() or "=?" in word or len(word) > _LONG_WORD
    ]
    if not strange:
        return _folded(field, words)
    first, last = strange[0], strange[-1] + 1
    encoded = _encoded_words(" ".join(words[first:last]), len(field) + 2)
    return _folded(field, [*words[:first], *encoded, *words[last:]])


def _encoded_words(text: str, used: int) -> list[str]:
    """RFC 2047 encoded-words that together decode to `text`; each holds whole characters (§5), the first also fits on a
    line where `used` columns are taken."""
    octets = text.encode("utf-8", "replace")
    plain = sum(octet in _Q_PLAIN or octet == 0x20 for octet in octets)
    in_base64 = len(octets) - plain > len(octets) // 6
    words: list[str] = []
    piece = bytearray()
    room = _LINE - used
    cost = 0
    for character in text:
        more = character.encode("utf-8", "replace")
        more_cost = len(more) if in_base64 else len(_q(more))
        limit = min(room, _WORD) - len("=?utf-8?b??=")
        limit = limit // 4 * 3 if in_base64 else limit
        if piece and cost + more_cost > limit:
            words.append(_encoded_word(bytes(piece), in_base64))
            piece, cost, room = bytearray(), 0, _LINE - 1
        piece += more
        cost += more_cost
    words.append(_encoded_word(bytes(piece), in_base64))
    return words


def _encoded_word(octets: bytes, in_base64: bool) -> str:
    return f"=?utf-8?b?{base64.b64encode(octets).decode()}?=" if in_base64 else f"=?utf-8?q?{_q(octets)}?="


def _q(octets: bytes) -> str:
    return "".join(
        chr(octet) if octet in _Q_PLAIN else "_" if octet == 0x20 else f"={octet:02X}" for octet in octets
    )


def _folded(field: str, words: Iterable[str]) -> str:
    """RFC 5322 §2.2.3: lines broken before a word that does not fit; a line never holds white space only."""
    lines: list[str] = []
    line = f"{field}:"
    for word in words:
        if len(line) + 1 + len(word) > _LINE and not line.endswith(":"):
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join([*lines, line])


def _thread_fields(outgoing: Outgoing) -> list[str]:
    ids = [value for value in dict.fromkeys(outgoing.references) if _MESSAGE_ID.fullmatch(value)]
    parent = outgoing.in_reply_to if outgoing.in_reply_to else ids[-1] if ids else ""
    if not _MESSAGE_ID.fullmatch(parent):
        parent = ids[-1] if ids else ""
    if not parent:
        return []
    if parent not in ids:
        ids.append(parent)
    return [_folded("In-Reply-To", [parent]), _folded("References", _within_limits(ids))]


def _within_limits(ids: list[str]) -> list[str]:
    """The first, where the thread begins, and as many of the last as fit: 20 Message-IDs and 900 octets."""
    kept: list[str] = []
    room = REFERENCES_OCTETS - len(ids[-1]) - 1
    if len(ids) > 1 and len(ids[0]) < room:
        room -= len(ids[0]) + 1
        kept.append(ids[0])
    latest = [ids[-1]]
    for value in reversed(ids[1:-1]):
        room -= len(value) + 1
        if room < 0 or len(kept) + len(latest) == REFERENCES_MAX:
            break
        latest.append(value)
    return [*kept, *reversed(latest)]


def _automatic_fields(outgoing: Outgoing) -> list[str]:
    """RFC 3834 §5, and the two older ways that keep answering machines silent."""
    if not outgoing.auto_submitted:
        return []
    return [
        f"Auto-Submitted: {clean(outgoing.auto_submitted)}",
        "Precedence: bulk",
        "X-Auto-Response-Suppress: DR, RN, NRN, OOF, AutoReply",
    ]


def _extra_fields(headers: Iterable[tuple[str, str]]) -> list[str]:
    lines = []
    for name, value in headers:
        if not _FIELD_NAME.fullmatch(name) or name.lower() in _OWN_FIELDS:
            raise ValueError(f"{name!r} is no name for an extra header field")
        lines.append(_text_field(name, value))
    return lines


# --- body


def _body(outgoing: Outgoing) -> bytes:
    """Header fields of the content and the content, as a part of a multipart holds them."""
    seed = hashlib.sha256(outgoing.message_id.encode("utf-8", "replace")).hexdigest()[:24]
    part = _text_part("plain", outgoing.text)
    files = list(outgoing.files)
    if outgoing.html:
        page = _text_part("html", outgoing.html)
        images = [file for file in files if file.content_id]
        if images:
            files = [file for file in files if not file.content_id]
            # RFC 2387 §3.1: `type` names the type of the root part
            page = _multipart(
                "related",
                f"r{seed}",
                [page, *(_file_part(file, True) for file in images)],
                '; type="text/html"',
            )
        part = _multipart("alternative", f"a{seed}", [part, page])
    if files:
        part = _multipart("mixed", f"m{seed}", [part, *(_file_part(file, False) for file in files)])
    return part if part.endswith(b"\r\n") else part + b"\r\n"


def _multipart(kind: str, seed: str, parts: list[bytes], more: str = "") -> bytes:
    # RFC 2045 §6.7: "=_" occurs neither in quoted-printable nor in base64, and 7bit parts that hold it are encoded
    boundary = f"=_{seed}"
    head = f'Content-Type: multipart/{kind};\r\n boundary="{boundary}"{more}\r\n\r\n'.encode()
    mark = f"--{boundary}\r\n".encode()
    return head + b"".join(mark + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()


def _text_part(subtype: str, text: str) -> bytes:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    if not text.endswith("\n"):
        text += "\n"
    octets = text.encode("utf-8", "replace")
    if _is_7bit(octets, 76):
        encoding, body = "7bit", octets.replace(b"\n", b"\r\n")
    elif (len(octets) - len(text)) * 3 > len(octets):
        encoding, body = "base64", _base64(octets.replace(b"\n", b"\r\n"))
    else:
        encoding, encoded = "quoted-printable", b"\n" + binascii.b2a_qp(octets, istext=True)
        body = encoded.replace(_FROM_LINE, b"\n=46rom ").replace(b"\n", b"\r\n")[2:]
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode() + body


def _is_7bit(octets: bytes, longest: int) -> bool:
    """Whether LF-separated octets may go as they are: ASCII, short lines, no boundary and no `From ` that some store quotes."""
    return (
        octets.isascii()
        and b"=_" not in octets
        and b"\x00" not in octets
        and _FROM_LINE not in b"\n" + octets
        and max(map(len, octets.split(b"\n"))) <= longest
    )


def _base64(octets: bytes) -> bytes:
    text = base64.b64encode(octets)
    return b"\r\n".join(text[at : at + 76] for at in range(0, len(text), 76))


def _file_part(file: File, inline: bool) -> bytes:
    type_ = file.type.partition(";")[0].strip().lower()
    if not _TYPE.fullmatch(type_) or type_.startswith("multipart/"):
        type_ = "application/octet-stream"
    encoding = "base64"
    content = file.content
    name = clean_file_name(file.name, type_)
    if type_.startswith("message/"):
        # RFC 2046 §5.2.1: no encoding but 7bit, 8bit, binary here; a mail that is not 7 bit goes as plain octets
        lines = content.replace(b"\r\n", b"\n")
        if _is_7bit(lines, 998) and b"\r" not in lines:
            encoding, content = "7bit", lines.replace(b"\n", b"\r\n")
        else:
            type_ = "application/octet-stream"
    charset = _charset(type_, content)
    lines_ = [
        f"Content-Type: {type_}{charset}",
        f"Content-Transfer-Encoding: {encoding}",
        f"Content-Disposition: {'inline' if inline else 'attachment'}{_file_name_parameter(name)}",
    ]
    content_id = _NOT_CONTENT_ID.sub("", file.content_id)
    if inline and content_id:
        lines_.append(f"Content-ID: <{content_id[:900]}>")
    return "\r\n".join([*lines_, "", ""]).encode() + (content if encoding == "7bit" else _base64(content))


def _charset(type_: str, content: bytes) -> str:
    """`; charset=utf-8` for a text that is UTF-8; otherwise the reader has to find out, as its writer left it open."""
    if not type_.startswith("text/"):
        return ""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return "; charset=utf-8"


def _file_name_parameter(name: str) -> str:
    """`filename` as quoted-string, or by RFC 2231: percent-encoded UTF-8, continued over lines when long."""
    if name.isascii() and "%" not in name and "=?" not in name and len(name) <= 60:
        return f";\r\n filename={_quoted(name)}"
    encoded = "".join(chr(octet) if octet in _UNRESERVED else f"%{octet:02X}" for octet in name.encode())
    if len(encoded) <= 60:
        return f";\r\n filename*=utf-8''{encoded}"
    pieces: list[str] = []
    at = 0
    while at < len(encoded):
        end = at + 55
        # a percent sign and its two digits stay together
        end -= 1 if encoded[end - 1 : end] == "%" else 2 if encoded[end - 2 : end - 1] == "%" else 0
        pieces.append(encoded[at:end])
        at = end
    first = f";\r\n filename*0*=utf-8''{pieces[0]}"
    return first + "".join(f";\r\n filename*{number}*={piece}" for number, piece in enumerate(pieces[1:], 1))
