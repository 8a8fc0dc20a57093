"""`maild export`: everything the desk knows, as JSON lines and raw mail, in a folder that is whole or not there."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol, TypeVar

import click

from maild import config, documents, show
from maild.clock import moment, utc_now
from maild.desk.people import Message
from maild.errors import BadInput, MaildError, NotNow
from maild.export_readme import readme
from maild.terminal import Desk, json_option
from store import Content, Store, Work
from store.exports import Came, Posted, Registered, Sent
from store.rows import Filter

PAGE: Final = 200
PARTIAL: Final = ".partial"
_BLOCK: Final = 1 << 20


class _Numbered(Protocol):
    @property
    def id(self) -> int: ...


_Row = TypeVar("_Row", bound=_Numbered)


class Incomplete(MaildError):
    """The export is there, but the store lacks octets that it should have."""


@dataclass(slots=True)
class Summary:
    """What was written: documents by file name, raw mails, attachments; `missing`: hashes whose octets the store does not have."""

    counts: dict[str, int] = field(default_factory=dict)
    mails: int = 0
    attachments: int = 0
    missing: list[str] = field(default_factory=list)


def write(store: Store, folder: Path, name: str, now: datetime, progress: Callable[[str], None]) -> Summary:
    """Write an export into a folder that is missing or empty, out of one state of the store. `name`: the desk's; `now`: the time it shows.

    It grows as FOLDER.partial and gets its name when it is whole; when it fails nothing stays. `progress` gets a line now and then.
    Raises BadInput for a folder that is in use, NotNow when the disk or the database refuses.
    """
    folder = folder.absolute()
    partial = folder.with_name(folder.name + PARTIAL)
    _refuse(folder, partial)
    try:
        partial.mkdir(parents=True, mode=0o700)
        try:
            with store.read() as work:
                summary = _Export(work, store.content, partial, progress).all()
            (partial / "README.md").write_text(readme(name, moment(now) or ""), encoding="utf-8")
            os.replace(partial, folder)  # an empty folder in its place goes (POSIX rename)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    except OSError as error:
        raise NotNow(f"{error.filename or folder} cannot be written: {error.strerror}") from error
    return summary


def _refuse(folder: Path, partial: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(f"{folder} is not empty: an export needs a folder of its own")
    if partial.exists():
        raise BadInput(
            f"{partial} is there: another export is being written, or one was cut off (then remove it)"
        )


@dataclass(slots=True)
class _Export:
    """One export being written, page by page, so that its size does not matter."""

    work: Work
    content: Content
    folder: Path
    progress: Callable[[str], None]
    summary: Summary = field(default_factory=Summary)
    missing: set[str] = field(default_factory=set)

    def all(self) -> Summary:
        for name in ("mail", "attachments"):
            (self.folder / name).mkdir()
        work = self.work
        self._lines("tickets.jsonl", self._tickets())
        self._lines("messages.jsonl", self._messages())
        self._lines("events.jsonl", map(documents.event, _each(work.desk_history)))
        self._lines("people.jsonl", map(_person, _each(work.registered)))
        self._lines("mails.jsonl", self._mails())
        self._lines("outbox.jsonl", map(_sent, _each(work.sent_mails)))
        self._lines("posts.jsonl", map(_posted, _each(work.sent_posts)))
        return self.summary

    def _tickets(self) -> Iterator[dict[str, object]]:
        merged = self.work.merged()
        for page in _pages(lambda after, limit: self.work.tickets(Filter(after=after, limit=limit))):
            belongings = self.work.belongings([one.id for one in page], merged)
            self._attachments([message for found in belongings.values() for message in found.messages])
            for one in page:
                found = belongings[one.id]
                times = found.times if one.minutes_spent else ()
                yield documents.whole(one, found.links, found.messages, times, found.events)

    def _messages(self) -> Iterator[dict[str, object]]:
        for page in _pages(self.work.unmatched):
            self._attachments(page)
            yield from map(documents.message, page)

    def _mails(self) -> Iterator[dict[str, object]]:
        for page in _pages(self.work.came):
            names = {one.sha256: self.folder / "mail" / f"{one.sha256}.eml" for one in page}
            self.summary.mails += self._copy(names)
            yield from map(_mail, page)

    def _lines(self, name: str, found: Iterable[dict[str, object]]) -> None:
        count = 0
        with (self.folder / name).open("w", encoding="utf-8") as file:
            for count, document in enumerate(found, 1):
                file.write(json.dumps(document, ensure_ascii=False) + "\n")
                if count % (5 * PAGE) == 0:
                    self.progress(f"{name}: {count}")
        self.summary.counts[name] = count
        self.progress(f"{name}: {count}")

    def _attachments(self, messages: Iterable[Message]) -> None:
        folder = self.folder / "attachments"
        parts = (part.sha256 for message in messages for part in message.attachments)
        self.summary.attachments += self._copy({name: folder / name for name in parts})

    def _copy(self, wanted: Mapping[str, Path]) -> int:
        """Write the contents of these SHA-256 to these files; how many, without those that were written before or are missing."""
        new = {
            name: target
            for name, target in wanted.items()
            if name not in self.missing and not target.exists()
        }
        small, count = self.work.small_contents(new), 0
        for name, target in new.items():
            if name in small:
                target.write_bytes(small[name])
            elif not self._copy_file(name, target):
                continue
            count += 1
        return count

    def _copy_file(self, name: str, target: Path) -> bool:
        try:
            source = self.content.open(name)
        except KeyError:
            self.missing.add(name)
            self.summary.missing.append(name)
            return False
        with source, target.open("xb") as file:
            shutil.copyfileobj(source, file, _BLOCK)
        return True


def _pages(read: Callable[[int, int], Sequence[_Row]]) -> Iterator[Sequence[_Row]]:
    """All rows, some at a time."""
    after = 0
    while page := read(after, PAGE):
        yield page
        after = page[-1].id


def _each(read: Callable[[int, int], Sequence[_Row]]) -> Iterator[_Row]:
    for page in _pages(read):
        yield from page


def _mail(one: Came) -> dict[str, object]:
    return {
        "id": one.id,
        "file": f"mail/{one.sha256}.eml",
        "sha256": one.sha256,
        "size": one.size,
        "received_at": moment(one.received_at),
        "route": one.route,
        "peer": one.peer,
        "sender": one.sender,
        "recipients": list(one.recipients),
        "state": one.state,
        "attempts": one.attempts,
        "error": one.error,
        "message": one.message,
        "ticket": one.ticket,
    }


def _sent(one: Sent) -> dict[str, object]:
    return _plain(asdict(one))


def _posted(one: Posted) -> dict[str, object]:
    return _plain({**asdict(one), "body": json.loads(one.body)})


def _plain(found: dict[str, object]) -> dict[str, object]:
    return {key: moment(value) if isinstance(value, datetime) else value for key, value in found.items()}


def _person(one: Registered) -> dict[str, object]:
    person = one.person
    return {
        "id": person.id,
        "name": person.name,
        "address": person.address or None,
        "addresses": [
            {"address": key, "suppressed": {"at": moment(why.at), "why": why.why} if why else None}
            for key, why in one.addresses
        ],
        "phone": person.phone,
        "organisation": person.organisation,
        "groups": list(person.groups),
        "language": person.language,
        "zone": person.zone,
    }


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
@click.pass_obj
def export(desk: Desk, folder: Path, as_json: bool) -> None:
    """Write everything into a new FOLDER: tickets, people, history as JSON lines, mails and attachments as they came.

    One state of the desk, whether the daemon runs or not. README.md in the folder says what is in each file.
    """
    name = config.load(desk.path).desk.name
    with desk.store() as store:
        found = write(store, folder, name, utc_now(), lambda line: click.echo(line, err=True))
    if as_json:
        show.as_json({"folder": str(folder.absolute()), **asdict(found)})
    else:
        counts = ", ".join(f"{count} in {file}" for file, count in found.counts.items())
        click.echo(f"{folder}: {counts}; {found.mails} mails, {found.attachments} attachments")
    if found.missing:
        raise Incomplete(
            f"the store lacks the octets of {len(found.missing)} mails or attachments: {', '.join(found.missing[:5])}"
        )
