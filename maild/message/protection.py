"""S/MIME and PGP recognised: what a mail was signed or encrypted with, as far as its parts and its text say so. Nothing is verified."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SIGNATURES = {"pkcs7": "S/MIME signed", "pgp": "PGP signed"}
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
    if kind in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
        says = options.get("smime-type", "").lower()
        if says in ("certs-only", "compressed-data"):
            return ""
        return "S/MIME signed" if says == "signed-data" else "S/MIME encrypted"
    return ""


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
    tail = text.find(_SIGNATURE, head.end()) if head else -1
    end = text.find(_END, tail) if tail >= 0 else -1
    if head is None or end < 0:
        return text
    words = re.sub(r"(?m)^- ", "", text[head.end() : tail])
    return f"{text[: head.start()]}{words}\n{text[end + len(_END) :].lstrip()}".strip("\n")
