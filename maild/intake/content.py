"""The octets behind DATA: where they end, which dots are not theirs, and what is known of them once they are read."""

from __future__ import annotations

import hashlib
import re
from typing import IO, Final

from maild.errors import Refused

MAX_HOPS: Final = 100
"""RFC 5321 §6.3: a loop is assumed above a large number of Received fields, at least 100."""

_END = b"\r\n.\r\n"
_PREFIXES = tuple(_END[:length] for length in (4, 3, 2, 1))
_HEADER_END = re.compile(rb"\n\r?\n")
_RECEIVED = re.compile(rb"\nreceived[ \t]{0,4}:", re.IGNORECASE)
_RECEIVED_SPAN = len(b"\nreceived") + 4 + len(b":")


class DotDecoder:
    """Undoes the transparency of RFC 5321 §4.5.2 in blocks of any size, and finds the end of the mail.

    Only CRLF "." CRLF ends it, whatever bare CR and LF stand around a dot (§2.3.8, §4.1.1.4): no second mail can be smuggled in.
    """

    def __init__(self) -> None:
        # DATA's own line end stands before the first line, so a dot there is stuffed, or the end, like any other.
        self._held = b"\r\n"
        self._borrowed = 2
        self.rest: bytes | None = None
        """What came behind the end of the mail; None while it goes on."""

    def feed(self, block: bytes) -> bytes:
        """-> the octets of the mail that are certain after `block`. Not to be called after the end."""
        data = self._held + block
        end = data.find(_END)
        if end >= 0:
            self.rest = data[end + len(_END) :]
            data, self._held = data[: end + 2], b""
        else:
            self._held = next((prefix for prefix in _PREFIXES if data.endswith(prefix)), b"")
            data = data[: len(data) - len(self._held)]
        plain = data.replace(b"\r\n.", b"\r\n")
        if self._borrowed and plain:
            plain, self._borrowed = plain[self._borrowed :], 0
        return plain


class HopCounter:
    """Counts Received fields in the header block of a mail that comes in blocks, whether its lines end in CRLF or LF."""

    def __init__(self) -> None:
        self.hops = 0
        self._held = b"\n"
        self._done = False

    def feed(self, block: bytes) -> None:
        if self._done:
            return
        data = self._held + block
        header_end = _HEADER_END.search(data)
        if header_end is not None:
            self._done = True
            data = data[: header_end.start() + 1]
        else:
            # A name may be cut by the border: from its line feed on it waits for the next block.
            cut = data.rfind(b"\n", -_RECEIVED_SPAN)
            self._held, data = (data[cut:], data[:cut]) if cut >= 0 else (b"", data)
        self.hops += sum(1 for _ in _RECEIVED.finditer(data))


class Content:
    """A mail as it is read: written to `spool` while it is within `limit` octets, counted and hashed.

    `size` is that of RFC 1870 §5: octets without stuffed dots and the final dot.
    """

    def __init__(self, spool: IO[bytes], limit: int) -> None:
        self.size = 0
        self._spool = spool
        self._limit = limit
        self._hash = hashlib.sha256()
        self._hops = HopCounter()
        self._fault: OSError | None = None

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: bytes) -> None:
        """Take the next octets. Never raises: the peer can only be answered after its last one, see `check`."""
        self.size += len(data)
        if self.size > self._limit or self._fault is not None:
            return
        self._hash.update(data)
        self._hops.feed(data)
        try:
            self._spool.write(data)
        except OSError as error:
            self._fault = error

    def check(self) -> None:
        """Raises Refused for a mail too big or in a loop, OSError when the spool could not be written; else it stands at its start."""
        if self.size > self._limit:
            raise Refused(552, "5.3.4", "Message too big")
        if self._hops.hops > MAX_HOPS:
            raise Refused(554, "5.4.6", "Too many hops, mail loop")
        if self._fault is not None:
            raise self._fault
        self._spool.seek(0)
