"""What the listeners need of the desk: is this address ours, and keep this mail."""

from __future__ import annotations

from typing import BinaryIO, Protocol

from maild.desk.facts import Envelope


class Receiver(Protocol):
    """Takes mail over. Implemented by `flow`."""

    def accepts(self, address: str) -> bool:
        """Whether mail for `address` (as sent, in any case; `postmaster` may come without a domain) is ours. In memory, at once."""
        ...

    async def receive(self, spool: BinaryIO, size: int, sha256: str, envelope: Envelope) -> None:
        """Keep the mail in `spool` (at its start, `size` octets, hex `sha256`), which is closed after the return.

        On disk when it returns: the peer is told so at once. Raises `Refused` to refuse for good, `NotNow` or anything else
        to be asked again later. Never cancelled because the peer hung up.
        """
        ...
