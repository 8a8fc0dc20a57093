"""The folder of contents too big for the database, named by their SHA-256.

A file is written under another name, synced, renamed and its folder synced: it is whole or not there. What a killed process left
under such a name is swept at the next start; a lock tells it from what is being written.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from store.blobs import FilesAway, Puts
from store.engine import make_folder

_SHA256 = re.compile(r"[0-9a-f]{64}")
_MARK = "desk"
_BLOCK = 1 << 20


@contextlib.contextmanager
def disk_faults() -> Iterator[None]:
    """Names errors of the folder."""
    try:
        yield
    except OSError as error:
        raise FilesAway(f"the folder of files cannot be used now: {error.strerror or error}") from error


def sync_folder(folder: Path) -> None:
    """The names in it are on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Files:
    """The folder of big contents: `ab/cdef…` by hash, `partial/` for what is being written, and `desk`, which tells it from other folders."""

    far = False

    def __init__(self, folder: Path) -> None:
        self.folder = self.place = folder
        self.puts = Puts()
        self._partial = folder / "partial"

    def prepare(self) -> None:
        """Make the folders and sweep what dead writers left."""
        with disk_faults():
            make_folder(self._partial)
            for path in self._partial.iterdir():
                self._sweep(path)

    def _sweep(self, path: Path) -> None:
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return  # somebody is writing it
            path.unlink()

    def path(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise KeyError(sha256)
        return self.folder / sha256[:2] / sha256[2:]

    def put(self, spool: BinaryIO, size: int, sha256: str) -> None:
        """Keep `size` octets of the spool, which is read from its start. ValueError when it holds another number of them."""
        target = self.path(sha256)
        with disk_faults():
            if not (target.exists() and target.stat().st_size == size):
                if not target.parent.exists():
                    make_folder(target.parent)
                    sync_folder(self.folder)
                with self._writing() as (path, file):
                    spool.seek(0)
                    written = 0
                    while block := spool.read(_BLOCK):
                        written += file.write(block)
                    if written != size:
                        raise ValueError(f"{size} octets were announced, {written} came")
                    file.flush()
                    os.fsync(file.fileno())
                    path.replace(target)
            # Also when it was there: whoever renamed it may have died before this.
            sync_folder(target.parent)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[tuple[Path, BinaryIO]]:
        """A new locked file under `partial/`; it is gone at the end unless it was renamed."""
        while True:
            path = self._partial / secrets.token_hex(16)
            with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if not os.fstat(file.fileno()).st_nlink:
                    continue  # swept between open and lock
                try:
                    yield path, file
                finally:
                    path.unlink(missing_ok=True)
                return

    def open(self, sha256: str) -> BinaryIO | None:
        path = self.path(sha256)
        try:
            with disk_faults():
                return path.open("rb")
        except FilesAway as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise

    def holds(self, sha256: str) -> bool:
        """Whether it is there."""
        with disk_faults():
            return self.path(sha256).exists()

    def discard(self, sha256: str) -> None:
        """Remove it for good; nothing when it is not there."""
        path = self.path(sha256)
        with disk_faults():
            path.unlink(missing_ok=True)
            if path.parent.exists():
                sync_folder(path.parent)

    def hashes(self) -> Iterator[str]:
        """The hash that every file is named by, in order."""
        with disk_faults():
            for path in sorted(self.folder.glob("[0-9a-f][0-9a-f]/*")):
                yield path.parent.name + path.name

    def mark(self) -> str | None:
        """The word by which this folder is told from others; None when it has none yet."""
        with disk_faults():
            try:
                return (self.folder / _MARK).read_text("ascii", "replace").strip()
            except FileNotFoundError:
                return None

    def set_mark(self, mark: str) -> None:
        """Give the folder another such word."""
        with disk_faults(), self._writing() as (path, file):
            file.write(f"{mark}\n".encode())
            file.flush()
            os.fsync(file.fileno())
            path.replace(self.folder / _MARK)
            sync_folder(self.folder)
