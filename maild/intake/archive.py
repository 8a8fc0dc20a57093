"""Archived mail found in files: single messages, mbox files, Maildirs, and folders of all of them. Nothing there is ever changed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

from maild.errors import BadInput
from maild.intake import mbox

_MAILDIR: Final = ("cur", "new")
_HEAD: Final = 1 << 17
_FIELD = re.compile(rb"[!-9;-~]{1,200}[ \t]*:")
_DELIVERED = re.compile(r"(\d{9,10})\.")
_OLDEST: Final = datetime(1980, 1, 1, tzinfo=UTC)
_AHEAD: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Archived:
    """A message as it lies there; `name` tells where."""

    name: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message lies: octets `start` to `end` of a file. `number`: which of an mbox it is; 0: it is the file."""

    file: Path
    start: int
    end: int
    number: int = 0

    @property
    def name(self) -> str:
        return f"{self.file}#{self.number}" if self.number else str(self.file)

    @property
    def where(self) -> str:
        """The same for people who look for it."""
        return f"{self.name} (octet {self.start})" if self.number else self.name

    @property
    def size(self) -> int:
        return self.end - self.start

    def read(self) -> bytes:
        """The message as its sender wrote it. OSError when it cannot be read."""
        with self.file.open("rb") as file:
            data = os.pread(file.fileno(), self.size, self.start)
        return mbox.content(data) if self.number else data


@dataclass(frozen=True, slots=True)
class Apart:
    """A file that is not read, and why. `wrong`: somebody should know."""

    file: Path
    why: str
    wrong: bool = True


@dataclass(frozen=True, slots=True)
class Dated:
    """When a message was written, as far as it tells. `by`: Date, or what stands for it."""

    at: datetime
    by: str


def messages(paths: Sequence[Path]) -> Iterator[Archived]:
    """Every message of these files and folders, in their order; hidden files are left out.

    Raises BadInput for a path that is not there or cannot be read.
    """
    for one in find(paths):
        if isinstance(one, Apart):
            if one.wrong:
                raise BadInput(f"{one.file}: {one.why}")
            continue
        try:
            yield Archived(one.name, one.read())
        except OSError as error:
            raise BadInput(f"{error.filename or one.file}: {error.strerror}") from error


def find(paths: Sequence[Path]) -> Iterator[Place | Apart]:
    """Where the messages of these files and folders lie, in their order, and what cannot be read there.

    A file that is named is read as it is; in folders, hidden files and what does not begin as mail does are left out.
    """
    seen: set[tuple[int, int]] = set()
    for path in paths:
        yield from _of_folder(path, seen) if path.is_dir() else _of_file(path, named=True)


def _of_folder(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Place | Apart]:
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in seen:  # a link that leads back
            return
        seen.add((status.st_dev, status.st_ino))
        inside = sorted(folder.iterdir())
    except OSError as error:
        yield Apart(folder, error.strerror or "cannot be read")
        return
    if all((folder / name).is_dir() for name in _MAILDIR):
        yield from _of_maildir(folder, inside, seen)
        return
    for path in inside:
        if not path.name.startswith("."):
            yield from _of_folder(path, seen) if path.is_dir() else _of_file(path)


def _of_maildir(folder: Path, inside: Sequence[Path], seen: set[tuple[int, int]]) -> Iterator[Place | Apart]:
    """Its messages whatever their flags, and those of the folders in it (Maildir++: `.Name`); what a server keeps beside them is no mail."""
    for name in _MAILDIR:
        try:
            files = sorted((folder / name).iterdir())
        except OSError as error:
            yield Apart(folder / name, error.strerror or "cannot be read")
            continue
        for file in files:
            if not file.name.startswith(".") and not file.is_dir():
                yield from _of_file(file, whole=True)
    for path in inside:
        if path.name not in (*_MAILDIR, "tmp") and path.is_dir() and (path / "cur").is_dir():
            yield from _of_folder(path, seen)


def _of_file(path: Path, *, named: bool = False, whole: bool = False) -> Iterator[Place | Apart]:
    """One message, or an mbox. `named`: somebody said that it is mail. `whole`: it is one message, whatever it begins with."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_size == 0:
                if named or whole or path.suffix.lower() == ".eml":
                    yield Apart(path, "is empty", wrong=not named or path.suffix.lower() == ".eml")
                return
            if not whole and mbox.is_mbox(file):
                for number, (start, end) in enumerate(mbox.spans(file), 1):
                    yield Place(path, start, end, number)
                return
            head = os.pread(file.fileno(), _HEAD, 0)
    except OSError as error:
        yield Apart(path, error.strerror or "cannot be read")
        return
    if not whole and not _begins_as_mail(head):
        yield Apart(path, "is no mail: it begins neither with a header nor with a From_ line", wrong=named)
        return
    yield Place(path, 0, status.st_size)


def _begins_as_mail(head: bytes) -> bool:
    """Whether there is a header field in the first line, behind a byte order mark and a stray separator."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    if text.startswith((b"From ", b">From ")):
        text = text.partition(b"\n")[2]
    return _FIELD.match(text) is not None


def dated(place: Place, now: datetime) -> Dated:
    """When the message was written: Date; else the last Received, the separator, the time in a Maildir's file name, that of the file.

    One that is out of the question (before 1980, later than a day from `now`) counts as none. OSError when it cannot be read.
    """
    with place.file.open("rb") as file:
        head = os.pread(file.fileno(), min(place.size, _HEAD), place.start)
        changed = os.fstat(file.fileno()).st_mtime
    separator, _, rest = head.partition(b"\n") if place.number else (b"", b"", head)
    header = message_from_bytes(_header(rest))
    received = str((header.get_all("Received") or [""])[0])
    name = _DELIVERED.match(place.file.name)
    candidates = (
        (str(header.get("Date") or ""), "Date"),
        (received.rpartition(";")[2], "Received"),
        (separator.decode("ascii", "replace").strip().partition(" ")[2].partition(" ")[2], "the From_ line"),
    )
    for text, by in candidates:
        at = _moment(text)
        if at is not None and _OLDEST <= at <= now + _AHEAD:
            return Dated(at, by)
    if name is not None and not place.number:
        return Dated(min(datetime.fromtimestamp(int(name[1]), UTC), now), "the file's name")
    return Dated(min(datetime.fromtimestamp(changed, UTC), now), "the file's time")


def _header(message: bytes) -> bytes:
    ends = [at for empty in (b"\n\n", b"\r\n\r\n") if (at := message.find(empty)) >= 0]
    return message[: min(ends)] if ends else message


def _moment(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text.strip()[:200])
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
