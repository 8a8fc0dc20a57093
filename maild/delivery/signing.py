"""Signs mails as they leave (DKIM: RFC 6376, RFC 8301, RFC 8463). The arithmetic is dkimpy's.

A signature follows from the mail, the time at which it was queued and the key, and from nothing else: each attempt has the same bytes.
When a key is changed, what still waits is signed with the new one, because the old one may have left the DNS.
"""

from __future__ import annotations

import base64
import hashlib
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from maild.errors import ConfigError, Problem
from maild.verify import signed
from maild.verify.signed import Signed

if TYPE_CHECKING:
    from maild.settings.signing_keys import SigningKey

log = structlog.get_logger("maild.send")

OVERSIGNED: Final = (
    b"from", b"to", b"cc", b"subject", b"date", b"message-id", b"reply-to", b"in-reply-to", b"references", b"auto-submitted",
    b"mime-version", b"content-type", b"content-transfer-encoding",
)  # fmt: skip
"""Signed once more than they stand there, so that none can be added (RFC 6376 §8.15)."""
_SILENT: Final = logging.getLogger("maild.delivery.dkimpy")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


@dataclass(slots=True)
class Source:
    """A key in a file, under its `selector` in the DNS of `domain`. Read again when the file has changed."""

    domain: str
    selector: str
    file: Path
    _key: SigningKey | None = field(default=None, repr=False)
    _stamp: tuple[int, int, int] | None = None

    def key(self) -> SigningKey:
        """The key of now; the former one as long as the file cannot be used. ConfigError when there is none at all."""
        from maild.settings import signing_keys  # dkimpy, for desks that sign

        try:
            found = self.file.stat()
            stamp = (found.st_mtime_ns, found.st_ino, found.st_size)
            if self._key is None or stamp != self._stamp:
                self._key = signing_keys.read(self.file.read_bytes())
                self._stamp = stamp
        except (OSError, ValueError) as error:
            says = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
            problem = Problem(str(self.file), 0, 0, f"the DKIM key of {self.domain}: {says}")
            if self._key is None:
                raise ConfigError([problem]) from error
            log.error("key kept", problem=str(problem))
        return self._key


class Signer:
    """Signs with the keys of the domain that is nearest to that of From. Used from several threads."""

    def __init__(self, sources: Sequence[Source]) -> None:
        """Raises ConfigError for a key that cannot be used."""
        self._sources = tuple(sources)
        for source in self._sources:
            source.key()

    def sign(self, raw: bytes, at: datetime) -> bytes:
        """The mail with a signature of `at` in front for each key; as it is when no key is for its author or it cannot be signed."""
        if not self._sources:
            return raw
        found = signed.read(raw)
        author = (found.author() if found else None) or ""
        sources = self._nearest(author.rpartition("@")[2].lower())
        if found is None or not sources:
            return raw
        try:
            return b"".join((*(_field(found, one, at) for one in sources), raw))
        except Exception:
            log.exception("mail not signed", author=author)
            return raw

    def _nearest(self, domain: str) -> list[Source]:
        fitting = [one for one in self._sources if f".{domain}".endswith(f".{one.domain}")]
        nearest = max((len(one.domain) for one in fitting), default=0)
        return [one for one in fitting if len(one.domain) == nearest]


def _field(mail: Signed, source: Source, at: datetime) -> bytes:
    """One DKIM-Signature (RFC 6376 §3.5), with its line end."""
    import dkim  # as above

    key = source.key()
    algorithm = {"rsa": b"rsa-sha256", "ed25519": b"ed25519-sha256"}[key.kind]
    names = _names(mail)
    fields = [
        (b"v", b"1"), (b"a", algorithm), (b"c", b"relaxed/relaxed"), (b"d", source.domain.encode("ascii")),
        (b"s", source.selector.encode("ascii")), (b"t", str(int(at.timestamp())).encode("ascii")),
        (b"h", b" : ".join(names)), (b"bh", base64.b64encode(mail.body_hash(relaxed=True))),
        (b"b", b"0" * 60),
    ]  # fmt: skip
    signer: Any = dkim.DKIM(logger=_SILENT)
    signer.headers = [list(one) for one in mail.fields]
    signer.signature_algorithm = algorithm
    signer.hasher = hashlib.sha256
    relaxed = dkim.CanonicalizationPolicy.from_c_value(b"relaxed/relaxed")
    written: bytes = signer.gen_header(fields, names, relaxed, b"DKIM-Signature", key.secret)
    return b"DKIM-Signature: " + written.removesuffix(b"\r\n") + b"\r\n"


def _names(mail: Signed) -> tuple[bytes, ...]:
    """h=: each field as often as it stands there, and those that nobody may add once more."""
    there = Counter(name.lower() for name, _ in mail.fields)
    names = [name for name in (*OVERSIGNED, b"content-language", b"precedence") for _ in range(there[name])]
    return (*names, *OVERSIGNED)
