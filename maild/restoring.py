"""`maild restore`: a desk as it was when a backup was made (`maild.backup`), whole or not at all."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final, cast

import click

from maild import config, host, show
from maild.backup import FOLDERS, FORMAT, HEAD, MANIFEST, SHA256, folders
from maild.clock import utc_now
from maild.errors import BadInput, ConfigError, NotNow
from maild.lock import AlreadyRunning, only_one
from maild.opening import files_place
from maild.settings import Settings
from maild.terminal import Desk, json_option
from store import blobs_at
from store.blobs import Blobs
from store.engine import parse_url, sqlite_file
from store.restore import Restoring, restoring

_LARGEST: Final = 256 << 20
"""Octets of a member that is read as a whole."""
_BLOCK: Final = 1 << 20
_EVERY: Final = 1000


@dataclass(slots=True)
class Restored:
    """What came back: rows by table, files; configuration files `written`, and those that were there and were `left` as they are. `aside`:
    where the SQLite database is that was there before."""

    at: str = ""
    desk: str = ""
    schema: str = ""
    rows: dict[str, int] = field(default_factory=dict)
    files: int = 0
    written: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    waiting: int = 0
    missing: list[str] = field(default_factory=list)
    aside: str | None = None


class Reading:
    """A backup being read from its start to its end. BadInput for what is none, or damaged, or cut off; `head`: its first member."""

    def __init__(self, tar: tarfile.TarFile, unpacked: gzip.GzipFile) -> None:
        self._tar, self._unpacked = tar, unpacked
        self._hashes: dict[str, str] = {}
        self._files: set[str] = set()
        self._rows: dict[str, int] = {}
        self._after: tarfile.TarInfo | None = None
        name, octets = self._next_whole()
        if name != HEAD:
            raise BadInput("this is no backup of maild")
        self.head = _document(octets)
        if self.head.get("format") != FORMAT:
            raise BadInput(f"the backup has format {self.head.get('format')}, this maild knows {FORMAT}: it is of a newer one; install that")  # fmt: skip

    def desk(self) -> Iterator[tuple[str, bytes, int]]:
        """(name below desk/, octets, mode) of the configuration's files."""
        while (info := self._next()) is not None and info.name.startswith("desk/"):
            yield _safe(info.name.removeprefix("desk/")), self._octets(info), info.mode & 0o777
        self._after = info

    def rest(
        self, piece: Callable[[bytes], None], file: Callable[[str, BinaryIO, int], None]
    ) -> Mapping[str, object]:
        """Hand every piece of a table and every content (SHA-256, octets, size) on, and check that all is there; the manifest."""
        while (info := self._next()) is not None:
            top, _, rest = info.name.partition("/")
            if info.name == MANIFEST:
                told = _document(self._octets(info, note=False))
                self._compare(told)
                if self._next() is not None:
                    raise BadInput("the backup goes on behind its end")
                while self._unpacked.read(_BLOCK):
                    pass  # to the checksum at the end of the file
                return told
            if top == "database":
                piece(self._octets(info))
            elif top == "files" and SHA256.fullmatch(rest):
                self._content(info, rest, file)
            else:
                raise BadInput(f"the backup holds {info.name!r}, which no backup does")
        raise BadInput("the backup is cut off: its end is missing")

    def _content(
        self, info: tarfile.TarInfo, sha256: str, file: Callable[[str, BinaryIO, int], None]
    ) -> None:
        source, digest = self._tar.extractfile(info), hashlib.sha256()
        assert source is not None
        with tempfile.SpooledTemporaryFile(_BLOCK) as spool:
            while block := source.read(_BLOCK):
                digest.update(block)
                with _written(Path(tempfile.gettempdir())):
                    spool.write(block)
            if digest.hexdigest() != sha256:
                raise BadInput(f"the backup is damaged: files/{sha256} is not what its name says")
            spool.seek(0)
            file(sha256, cast(BinaryIO, spool), info.size)
        self._files.add(sha256)

    def _compare(self, told: Mapping[str, object]) -> None:
        if told.get("members") != self._hashes:
            raise BadInput("the backup is damaged: its parts are not those that its manifest names")
        if told.get("files") != len(self._files):
            raise BadInput(f"the backup is damaged: it holds {len(self._files)} files, and should hold {told.get('files')}")  # fmt: skip

    def _next(self) -> tarfile.TarInfo | None:
        if self._after is not None:
            kept, self._after = self._after, None
            return kept
        info = self._tar.next()
        if info is not None and not info.isreg():
            raise BadInput(f"the backup holds {info.name!r}, which is no file")
        return info

    def _next_whole(self) -> tuple[str, bytes]:
        info = self._next()
        return ("", b"") if info is None else (info.name, self._octets(info) if info.name == HEAD else b"")

    def _octets(self, info: tarfile.TarInfo, *, note: bool = True) -> bytes:
        if info.size > _LARGEST and info.name != MANIFEST:
            raise BadInput(f"the backup's {info.name} is too large")
        source = self._tar.extractfile(info)
        assert source is not None
        octets = source.read()
        if note:
            self._hashes[info.name] = hashlib.sha256(octets).hexdigest()
        return octets


def _document(octets: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(octets)
    except ValueError as error:
        raise BadInput(f"the backup is damaged: {error}") from error
    if not isinstance(found, dict):
        raise BadInput("the backup is damaged: what should be an object is none")
    return found


def _safe(name: str) -> str:
    """A path below a folder of a desk. BadInput for one that leads elsewhere."""
    parts = PurePosixPath(name).parts
    good = name == "maild.toml" or (len(parts) > 1 and parts[0] in FOLDERS)
    if not good or name.startswith("/") or ".." in parts or "\0" in name:
        raise BadInput(f"the backup holds desk/{name!r}, which is no file of a desk")
    return name


@contextlib.contextmanager
def reading(file: BinaryIO) -> Iterator[Reading]:
    """A backup out of an open file or pipe."""
    try:
        with gzip.GzipFile(fileobj=file) as unpacked, tarfile.open(fileobj=unpacked, mode="r|") as tar:
            yield Reading(tar, unpacked)
    except (gzip.BadGzipFile, tarfile.ReadError) as error:
        raise BadInput(f"this is no backup of maild, or a damaged one: {error}") from error
    except OSError as error:
        raise NotNow(f"the backup cannot be read: {error.strerror or error}") from error
    except (EOFError, zlib.error, tarfile.TarError) as error:
        raise BadInput(f"the backup is damaged or cut off: {error}") from error


def check(read: Reading) -> Restored:
    """Read a backup to its end and keep nothing."""
    found = _found(read)
    found.left = [name for name, _, _ in read.desk()]

    def count(piece: bytes) -> None:
        name = str(_document(piece.partition(b"\n")[0]).get("table"))
        found.rows[name] = found.rows.get(name, 0) + piece.count(b"\n") - 1

    def look(*_: object) -> None:
        found.files += 1

    _told(found, read.rest(count, look))
    return found


def _found(read: Reading) -> Restored:
    return Restored(str(read.head.get("at")), str(read.head.get("desk")), str(read.head.get("schema")))


def _told(found: Restored, manifest: Mapping[str, object]) -> None:
    if manifest.get("rows") != found.rows:
        raise BadInput("the backup is damaged: its tables have not as many rows as its manifest says")
    missing = manifest.get("missing")
    found.missing = [str(one) for one in missing] if isinstance(missing, list) else []


def configure(desk: Path, read: Reading) -> Restored:
    """Write the configuration's files that are missing, where the maild.toml at `desk` (there, or the backup's) has them. None is overwritten."""
    found = _found(read)
    files = {name: (octets, mode) for name, octets, mode in read.desk()}
    if "maild.toml" in files:
        _place(desk, *files.pop("maild.toml"), found)
    checked = config.check(desk)
    places = folders(desk, checked.rules, checked.templates)
    for name, (octets, mode) in files.items():
        top, _, rest = name.partition("/")
        _place(places[top] / rest, octets, mode, found)
    return found


def _place(target: Path, octets: bytes, mode: int, found: Restored) -> None:
    """Write a file unless there is one; it has its name when all is in it."""
    if target.exists() or target.is_symlink():
        found.left.append(str(target))
        return
    partial = target.with_name(f".{target.name}.restoring")
    with _written(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        try:
            with os.fdopen(
                os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode & 0o755), "wb"
            ) as file:
                file.write(octets)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    found.written.append(str(target))


@contextlib.contextmanager
def _written(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotNow(f"{target} cannot be written: {error.strerror or error}") from error


def restore(
    settings: Settings, read: Reading, found: Restored, *, force: bool, progress: Callable[[str], None]
) -> None:
    """Fill the store that the settings name with the rest of a backup. Everything, or (BadInput, NotNow, Unreachable) nothing."""
    url = settings.store.url
    if isinstance(settings.store.files, Path):
        host.act_as_owner(settings.store.files)
    path = sqlite_file(parse_url(url))
    lock = None if path is None else path.with_name(f"{path.name}.lock")
    blobs = blobs_at(files_place(settings))
    put: list[str] = []
    rows: Restoring | None = None
    with contextlib.ExitStack() as held:
        if lock is not None:
            with _written(lock):
                lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                try:
                    held.enter_context(only_one(lock))
                except AlreadyRunning:
                    raise BadInput(f"maild runs on {path}: stop it first") from None
        blobs.prepare()
        try:
            with restoring(url, found.schema, utc_now(), force=force) as rows:

                def keep(sha256: str, spool: BinaryIO, size: int) -> None:
                    if not blobs.holds(sha256):
                        put.append(sha256)
                    blobs.put(spool, size, sha256)
                    found.files += 1
                    if found.files % _EVERY == 0:
                        progress(f"files: {found.files}")

                manifest = read.rest(rows.load, keep)
                found.rows = rows.counts
                _told(found, manifest)
                progress(f"{sum(found.rows.values())} rows")
                lost = [
                    one for one in rows.files_missing() if not blobs.holds(one) and one not in found.missing
                ]
                if lost:
                    raise BadInput(f"the backup lacks content {lost[0]}, which is named in it")
                found.waiting = rows.queued()
            found.aside = None if rows.aside is None else str(rows.aside)
        except BaseException:
            if rows is None or not rows.ending:
                _discard(blobs, put)
            raise


def _discard(blobs: Blobs, put: Iterable[str]) -> None:
    for sha256 in put:
        with contextlib.suppress(NotNow):  # what stays is named by no row, and in nobody's way
            blobs.discard(sha256)


@click.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--force", is_flag=True, help="Replace a desk that is in use: an SQLite database is moved aside, what is in a PostgreSQL one is gone.")  # fmt: skip
@click.option(
    "--check", "only_check", is_flag=True, help="Only read FILE to its end and check every part of it."
)
@json_option
@click.pass_obj
def restore_command(desk: Desk, file: Path, force: bool, only_check: bool, as_json: bool) -> None:
    """Bring a desk back from the FILE of maild backup: all of it, or nothing. The daemon must not run.

    The store that maild.toml names is filled, be it SQLite or PostgreSQL; it must be empty (or --force). Files of maild.toml,
    rules, templates, macros and runbooks that are missing are written, none is overwritten; without a maild.toml that of the
    backup is written into this folder, or where --config says.

    Mail that waited in the queue when the backup was made is sent when the daemon starts, with the same Message-ID, though it may
    have gone out since: look at it with maild queue list, and drop what is too much.
    """
    with _input(file) as opened, reading(opened) as read:
        if only_check:
            found = check(read)
        else:
            target = _configuration(desk)
            found = configure(target, read)
            if found.written:
                _say(f"wrote {len(found.written)} files of the configuration, from {found.written[0]} on")
            settings = config.load(target)
            restore(settings, read, found, force=force, progress=_say)
    _show(found, as_json=as_json, only_check=only_check)


def _say(line: str) -> None:
    click.echo(line, err=True)


def _configuration(desk: Desk) -> Path:
    """The maild.toml that is there, or where it is to be written."""
    try:
        return desk.path
    except ConfigError:
        named = desk.option or os.environ.get("MAILD_CONFIG")
        return Path(named) if named else Path("maild.toml")


@contextlib.contextmanager
def _input(file: Path) -> Iterator[BinaryIO]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    try:
        opened = file.open("rb")
    except OSError as error:
        kind = BadInput if isinstance(error, PermissionError) else NotNow
        raise kind(f"{file} cannot be read: {error.strerror or error}") from error
    with opened:
        yield opened


def _show(found: Restored, *, as_json: bool, only_check: bool) -> None:
    if as_json:
        show.as_json(asdict(found))
        return
    tickets, mails = found.rows.get("ticket", 0), found.rows.get("intake", 0)
    what = f"{tickets} tickets, {mails} mails, {sum(found.rows.values())} rows in all, {found.files} files"
    if only_check:
        click.echo(f"whole: the desk {found.desk} as of {found.at}: {what}")
        return
    click.echo(f"the desk {found.desk} as of {found.at} is back: {what}")
    if found.aside:
        click.echo(f"the database that was there before is {found.aside}; remove it when you need it no more")
    if found.left:
        click.echo(f"{len(found.left)} files of the configuration were there and are as they were")
    if found.waiting:
        click.echo(f"{found.waiting} mails wait in the queue and will be sent, again if they went out since: see maild queue list")  # fmt: skip
    if found.missing:
        click.echo(
            f"{len(found.missing)} contents were lost before the backup was made: {', '.join(found.missing[:5])}"
        )
