"""Where contents too big for the database are kept, by their SHA-256: a folder (`files`) or an S3-compatible store (`s3`)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol, TypeAlias

from maild.errors import NotNow


@dataclass(frozen=True, slots=True)
class Bucket:
    """A place in an S3-compatible store. `prefix` is "" or ends in a slash; `endpoint` and `region` "" are those of the environment or of
    Amazon; so is the key pair when `access_key` is ""."""

    name: str
    prefix: str = ""
    endpoint: str = ""
    region: str = ""
    access_key: str = ""
    secret: str = ""

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return f"s3://{self.name}/{self.prefix}"


FilesPlace: TypeAlias = Path | Bucket


class FilesAway(NotNow):
    """A big content, or all of them, cannot be read or kept now; the database can."""


class Puts:
    """Which contents this process has put with the files, and after how many sweeps each; for all its threads. Of very many, the last ones."""

    _MOST: Final = 10_000

    def __init__(self) -> None:
        self._after: dict[str, int] = {}

    def note(self, sha256: str, sweeps: int) -> None:
        """It was there when so many sweeps had ended, or later."""
        self._after.pop(sha256, None)
        self._after[sha256] = sweeps
        if len(self._after) > self._MOST:
            with contextlib.suppress(KeyError, StopIteration, RuntimeError):  # another thread was faster
                del self._after[next(iter(self._after))]

    def after(self, sha256: str) -> int | None:
        """None when nobody here has put it."""
        return self._after.get(sha256)


class Blobs(Protocol):
    """Octets by their SHA-256 in hexadecimal; the same hash is the same octets. All methods raise FilesAway for what passes, KeyError for
    what is no such hash."""

    far: bool
    """Whether to ask means to wait for the network, which no write transaction may."""

    puts: Puts

    @property
    def place(self) -> FilesPlace:
        """The folder or bucket."""
        ...

    def prepare(self) -> None:
        """Make what is missing. ConfigError when the place cannot be used as it is configured."""
        ...

    def put(self, spool: BinaryIO, size: int, sha256: str) -> None:
        """Keep `size` octets of the spool, which is read from its start: durable, and whole or not there, when this returns. ValueError when
        it holds another number of them."""
        ...

    def open(self, sha256: str) -> BinaryIO | None:
        """What is kept, to read in parts; None when it is not there."""
        ...

    def holds(self, sha256: str) -> bool:
        """Whether it is there."""
        ...

    def discard(self, sha256: str) -> None:
        """Remove it for good; nothing when it is not there."""
        ...

    def hashes(self) -> Iterator[str]:
        """What is there, in order."""
        ...

    def mark(self) -> str | None:
        """The word by which this place is told from others; None when it has none yet."""
        ...

    def set_mark(self, mark: str) -> None:
        """Give the place another such word."""
        ...
