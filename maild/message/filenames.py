"""Names of attachments that are safe to show, to store and to send on."""

from __future__ import annotations

import re
import unicodedata

from maild.message.headers import decoded

_MAX_OCTETS = 200
_SEPARATORS = re.compile(r"[/\\]+")
_UNSAFE = re.compile('[<>:"|?*]')
# Bidirectional controls can make "exe.gpj" look like "jpg.exe".
_BIDI = re.compile("[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_EXTENSIONS = {
    "application/pdf": ".pdf",
    "application/zip": ".zip",
    "application/gzip": ".gz",
    "application/json": ".json",
    "application/xml": ".xml",
    "application/rtf": ".rtf",
    "application/msword": ".doc",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/pgp-signature": ".asc",
    "application/pgp-keys": ".asc",
    "application/pkcs7-signature": ".p7s",
    "application/x-pkcs7-signature": ".p7s",
    "application/pkcs7-mime": ".p7m",
    "application/ms-tnef": ".dat",
    "application/ics": ".ics",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/jpg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/bmp": ".bmp",
    "image/tiff": ".tiff",
    "image/svg+xml": ".svg",
    "message/rfc822": ".eml",
    "message/global": ".eml",
    "message/delivery-status": ".txt",
    "message/disposition-notification": ".txt",
    "message/feedback-report": ".txt",
    "text/calendar": ".ics",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/plain": ".txt",
    "text/rfc822-headers": ".txt",
    "text/vcard": ".vcf",
    "text/x-vcard": ".vcf",
    "text/xml": ".xml",
    "video/mp4": ".mp4",
    "video/mpeg": ".mpeg",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
}


_STEMS = {
    "image": "image",
    "video": "video",
    "audio": "audio",
    "text": "text",
    "message": "message",
    "application": "document",
}
_TYPES = {extension: kind for kind, extension in reversed(_EXTENSIONS.items())} | {".txt": "text/plain"}
del _TYPES[".dat"]


def type_of(name: str) -> str:
    """The media type that the extension of a file name stands for; application/octet-stream when it stands for none we know."""
    return _TYPES.get(f".{name.rpartition('.')[2].lower()}", "application/octet-stream")


def clean_name(name: str) -> str:
    """A file name on one line without folders, controls and bidirectional marks, at most 200 octets; "" when none is left."""
    text = decoded(name) if "=?" in name else name
    text = _BIDI.sub("", unicodedata.normalize("NFC", text))
    text = "".join(
        " " if char.isspace() else char
        for char in text
        if char.isspace() or unicodedata.category(char)[0] != "C"
    )
    pieces = [piece for piece in _SEPARATORS.split(text) if piece.strip(". ")]
    text = _UNSAFE.sub("_", " ".join(pieces[-1].split()) if pieces else "").lstrip(".").strip()
    return _shortened(text)


def _shortened(text: str) -> str:
    if len(text.encode()) <= _MAX_OCTETS:
        return text
    stem, dot, extension = text.rpartition(".")
    if not dot or len(extension.encode()) > 20:
        stem, dot, extension = text, "", ""
    room = _MAX_OCTETS - len(f"{dot}{extension}".encode())
    return stem.encode()[:room].decode("utf-8", "ignore") + dot + extension


def default_name(kind: str, number: int, subject: str = "") -> str:
    """The name of a nameless part: the subject of a nested message, else what it is; `number` counts such parts from 0."""
    extension = _EXTENSIONS.get(kind, ".txt" if kind.startswith("text/") else ".bin")
    stem = clean_name(subject.replace("/", "-").replace("\\", "-"))[:80].strip(" .")
    if not stem:
        stem = _STEMS.get(kind.partition("/")[0], "attachment")
    return f"{stem}{number or ''}{extension}"
