"""`maild backup`: everything of a desk in one file, consistent while the daemon runs.

The file is a gzipped tar with these members, in this order:

    backup.json            `format`, `maild` (version), `schema` (revision of the database), `at`, `desk`, `database` (sqlite or postgresql)
    desk/maild.toml …      maild.toml, and the files of rules/, templates/, macros/, runbooks/ (a secret that one of them names is not in it)
    files/SHA256           big contents, named by their SHA-256
    database/TABLE/N.jsonl all rows (`store.backup`), out of one state of the database
    files/SHA256           those that came while the others were copied
    manifest.json          `members`: the SHA-256 of every member of desk/ and database/; `rows` by table; `files`: how many

The last member says that it is whole. Files are copied before the rows and again after them, and are never changed, so that every content
that a row names is in it, whatever comes or is erased meanwhile.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gzip
import hashlib
import io
import json
import os
import re
import secrets
import stat
import sys
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, BinaryIO, Final

import click

from maild import __version__, config, show
from maild.clock import moment, utc_now
from maild.errors import BadInput, MaildError, NotNow
from maild.terminal import Desk, json_option
from store import Store
from store.backup import Piece

FORMAT: Final = 1
HEAD: Final = "backup.json"
MANIFEST: Final = "manifest.json"
SHA256 = re.compile(r"[0-9a-f]{64}")
FOLDERS: Final = ("rules", "templates", "macros", "runbooks")
_LARGEST: Final = 16 << 20
"""Octets of a file of a desk; what is bigger is none."""
_WRONG: Final = {
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENAMETOOLONG,
}
"""Errors of the system that waiting does not mend."""
_LEVEL: Final = 4
_BLOCK: Final = 1 << 20
_EVERY: Final = 1000
_SAY_SECONDS: Final = 5


class Incomplete(MaildError):
    """The backup is written, but the store lacks octets that it should have."""


@dataclass(slots=True)
class Written:
    """What is in a backup: rows by table, files, their octets before compression; `missing`: contents that the store has lost."""

    rows: dict[str, int] = field(default_factory=dict)
    files: int = 0
    octets: int = 0
    missing: list[str] = field(default_factory=list)


def write(store: Store, path: Path, to: BinaryIO, now: datetime, progress: Callable[[str], None]) -> Written:
    """Write a backup of this store and of the desk whose maild.toml is at `path`. Raises NotNow when disk or database refuse."""
    try:
        with (
            gzip.GzipFile("", "wb", _LEVEL, to, mtime=now.timestamp()) as packed,
            tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
        ):
            return _Writing(store, path, tar, now, progress).all()
    except OSError as error:
        of = f"{error.filename}: " if isinstance(error.filename, str) else ""
        raise NotNow(f"the backup cannot be written: {of}{error.strerror or error}") from error


def _now_and_then(say: Callable[[str], None]) -> Callable[[str], None]:
    """What says some of the lines only, for a journal that is read."""
    last = time.monotonic()

    def say_some(line: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _SAY_SECONDS:
            last = time.monotonic()
            say(line)

    return say_some


@dataclass(slots=True)
class _Writing:
    store: Store
    path: Path
    tar: tarfile.TarFile
    now: datetime
    progress: Callable[[str], None]
    found: Written = field(default_factory=Written)
    members: dict[str, str] = field(default_factory=dict)
    done: set[bytes] = field(default_factory=set)

    def all(self) -> Written:
        with self.store.read() as work:
            schema, first = work.schema(), list(work.files_named())
        checked = config.check(self.path)
        name = checked.settings.desk.name if checked.settings else ""
        told = {
            "format": FORMAT,
            "maild": __version__,
            "schema": schema,
            "at": moment(self.now),
            "desk": name,
        }
        self._add(HEAD, _json({**told, "database": self.store.database}))
        for member, file in desk_files(self.path, checked.rules, checked.templates):
            self._add(f"desk/{member}", file.read_bytes(), mode=stat.S_IMODE(file.stat().st_mode))
        for sha256 in first:
            self._file(sha256)  # what is gone by now was erased, and no row names it any more
        with self.store.read() as work:
            if work.schema() != schema:
                raise NotNow("the database was upgraded while it was read; begin again")
            self._rows(work.pieces())
            missing = list(dict.fromkeys(one for one in work.files_named() if not self._file(one)))
        self.found.missing = missing
        self._add(MANIFEST, _json({"members": self.members, "rows": self.found.rows, "files": self.found.files, "missing": missing}))  # fmt: skip
        return self.found

    def _rows(self, pieces: Iterable[Piece]) -> None:
        numbers: dict[str, int] = {}
        for piece in pieces:
            number = numbers[piece.table] = numbers.get(piece.table, 0) + 1
            self.found.rows[piece.table] = self.found.rows.get(piece.table, 0) + piece.rows
            self._add(f"database/{piece.table}/{number:06}.jsonl", piece.octets)
            if number > 1:
                self.progress(f"{piece.table}: {self.found.rows[piece.table]} rows")

    def _file(self, sha256: str) -> bool:
        """Copy a big content, once; whether it is there."""
        digest = bytes.fromhex(sha256)
        if digest in self.done:
            return True
        source = self.store.content.files.open(sha256)
        if source is None:
            return False
        with source, _seekable(source) as (file, size):
            info = self._info(f"files/{sha256}", size, 0o600)
            self.tar.addfile(info, file)
        self.done.add(digest)
        self.found.files += 1
        self.found.octets += size
        if self.found.files % _EVERY == 0:
            self.progress(f"files: {self.found.files}")
        return True

    def _add(self, name: str, octets: bytes, mode: int = 0o600) -> None:
        self.tar.addfile(self._info(name, len(octets), mode), io.BytesIO(octets))
        self.found.octets += len(octets)
        self.members[name] = hashlib.sha256(octets).hexdigest()

    def _info(self, name: str, size: int, mode: int) -> tarfile.TarInfo:
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = size, mode, int(self.now.timestamp())
        return info


@contextlib.contextmanager
def _seekable(source: BinaryIO) -> Iterator[tuple[BinaryIO, int]]:
    """A file whose size is known before it is read."""
    try:
        size = source.seek(0, os.SEEK_END)
        source.seek(0)
    except (OSError, io.UnsupportedOperation):
        data = source.read()
        yield io.BytesIO(data), len(data)
        return
    yield source, size


def desk_files(path: Path, rules: Path, templates: Path) -> Iterator[tuple[str, Path]]:
    """(name in the backup, file) of what a desk is configured by: maild.toml at `path` and the files of its folders, hidden ones apart."""
    yield "maild.toml", path
    for name, folder in folders(path, rules, templates).items():
        for file in sorted(folder.rglob("*")) if folder.is_dir() else ():
            inside = file.relative_to(folder)
            hidden = any(part.startswith(".") for part in inside.parts)
            if not hidden and file.is_file() and file.stat().st_size <= _LARGEST:
                yield f"{name}/{inside.as_posix()}", file


def folders(path: Path, rules: Path, templates: Path) -> dict[str, Path]:
    """Where the folders of a desk are whose maild.toml is at `path`."""
    beside = path.absolute().parent
    return dict(zip(FOLDERS, (rules, templates, beside / "macros", beside / "runbooks"), strict=True))


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


@contextlib.contextmanager
def _whole(target: Path) -> Iterator[BinaryIO]:
    """A file for its owner alone that gets its name, in place of one that has it, when all is in it and on disk."""
    partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}.partial")
    with _writing(target), contextlib.ExitStack() as opened:
        folder = os.open(target.absolute().parent, os.O_RDONLY | os.O_DIRECTORY)
        opened.callback(os.close, folder)
        _sweep(folder, target.name)
        handle = os.open(partial.name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600, dir_fd=folder)
        opened.callback(_remove, folder, partial.name)
        with os.fdopen(handle, "wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.replace(partial.name, target.name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)


@contextlib.contextmanager
def _writing(target: Path) -> Iterator[None]:
    """Names what is wrong with the disk (NotNow), or with the name (BadInput)."""
    try:
        yield
    except OSError as error:
        kind = BadInput if error.errno in _WRONG else NotNow
        raise kind(f"{target} cannot be written: {error.strerror or error}") from error


def _sweep(folder: int, name: str) -> None:
    """Remove what backups to this name have left that were killed; whoever writes one has locked it."""
    left = re.compile(re.escape(name) + r"\.[0-9a-f]{8}\.partial")
    for one in filter(left.fullmatch, os.listdir(folder)):
        with contextlib.suppress(OSError), os.fdopen(os.open(one, os.O_RDONLY, dir_fd=folder)) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(folder, one)


def _remove(folder: int, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


@contextlib.contextmanager
def _out(target: Path) -> Iterator[BinaryIO]:
    if str(target) != "-":
        if target.is_dir():
            raise BadInput(f"{target} is a folder; a backup is one file")
        with _whole(target) as file:
            yield file
        return
    stdout: IO[bytes] = sys.stdout.buffer
    if stdout.isatty():
        raise BadInput("a backup is nothing for a terminal: send it into a file or a program")
    yield stdout  # type: ignore[misc]
    stdout.flush()


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@click.pass_obj
def backup(desk: Desk, file: Path, as_json: bool) -> None:
    """Write everything into one FILE, whether the daemon runs or not: tickets, mails, keys, configuration, rules, templates.

    \b
    maild backup /var/backups/maild.tar.gz
    maild backup - | ssh elsewhere 'cat > maild.tar.gz'

    It holds one state of the desk and every mail that was accepted before it began, and restores to SQLite and PostgreSQL alike
    (maild restore). Only its owner can read it; it takes the place of an older one when it is whole. Passwords and certificates
    that maild.toml names are not in it.
    """
    if as_json and str(file) == "-":
        raise click.UsageError("--json would stand in the middle of the backup")
    path = desk.path
    with _out(file) as to, desk.store() as store:
        found = write(store, path, to, utc_now(), _now_and_then(lambda line: click.echo(line, err=True)))
    rows = sum(found.rows.values())
    if as_json:
        show.as_json({"file": str(file.absolute()), **asdict(found)})
    else:
        tickets, mails = found.rows["ticket"], found.rows["intake"]
        click.echo(f"{file}: {tickets} tickets, {mails} mails, {rows} rows in all, {found.files} files", err=str(file) == "-")  # fmt: skip
    if found.missing:
        raise Incomplete(f"the store lacks the octets of {len(found.missing)} contents: {', '.join(found.missing[:5])}")  # fmt: skip
