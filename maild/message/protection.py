"""S/MIME and PGP recognised: what a mail was signed or encrypted with, as far as its parts and its text say so. Nothing is verified."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SIGNATURES = {"pkcs7": "S/MIME signed", "pgp": "PGP signed"}
_CONTAINERS = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_MESSAGE = "-----BEGIN PGP MESSAGE-----"
_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_HEAD = re.compile(
    r"-----BEGIN PGP SIGNED MESSAGE-----[ \t]*\n(?:[A-Za-z-]{1,20}: [^\n]{0,200}\n){0,9}[ \t]*\n"
)
_SIGNATURE, _END = "\n-----BEGIN PGP SIGNATURE-----", "-----END PGP SIGNATURE-----"


def of_part(kind: str, options: dict[str, str]) -> str:
    """What the media type of a part and its parameters say (RFC 8551 §3, RFC 3156 §4 and §5); "" for nothing."""
    protocol = options.get("protocol", "").lower()
    if kind == "multipart/signed":
        return next((said for word, said in _SIGNATURES.items() if word in protocol), "signed")
    if kind == "multipart/encrypted":
        return "PGP encrypted" if "pgp" in protocol else "encrypted"
    return ""


def is_container(kind: str, name: str) -> bool:
    """Whether a part may be an S/MIME container (RFC 8551 §3.2), also where a mail program forgot its type."""
    return kind in _CONTAINERS or (kind == "application/octet-stream" and name.lower().endswith(".p7m"))


def of_container(found: str | None, options: dict[str, str]) -> str:
    """What an S/MIME container says: `found` is what it holds; where that cannot be read (None), its parameters (RFC 8551 §3.2.2)."""
    if found is None:
        said = options.get("smime-type", "").lower().partition("-")[0]
        found = {"signed": "signed", "certs": "", "compressed": "compressed"}.get(said, "encrypted")
    return f"S/MIME {found}" if found in ("signed", "encrypted") else ""


def of_text(text: str) -> Iterable[str]:
    """What armour in the text says (RFC 9580 §6.2, §7)."""
    if _MESSAGE in text:
        yield "PGP encrypted"
    if _SIGNED in text:
        yield "PGP signed"


def without_armour(text: str) -> str:
    """The words of a text signed in place, without the armour around them and the dashes it escaped (RFC 9580 §7.2)."""
    if _SIGNED not in text:
        return text
    head = _HEAD.search(text)
    tail = text.find(_SIGNATURE, head.end() - 1) if head else -1
    if head is None or tail < 0:
        return text
    end = text.find(_END, tail)
    below = text[end + len(_END) :] if end >= 0 else ""
    words = re.sub(r"(?m)^- ", "", text[head.end() : tail])
    return f"{text[: head.start()]}{words}\n{below.lstrip()}".strip("\n")
