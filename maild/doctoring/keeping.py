"""The database and the place of files."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from maild.doctoring.findings import Finding, fault, misconfigured, ok, warning
from maild.opening import files_place
from maild.settings import Settings
from store import looking
from store.looking import Looked, Room

APART: Final = timedelta(seconds=5)
LITTLE: Final = 1 << 30
SHARE: Final = 0.05


async def database(settings: Settings, now: datetime) -> list[Finding]:
    """Raises NotNow, ConfigError."""
    cut_off = await asyncio.to_thread(looking.cut_off, settings.store.url)
    if cut_off is not None:
        return [fault("database", "restore", cut_off.says, cut_off.do)]
    looked = await asyncio.to_thread(looking.database, settings.store.url, now)
    return list(_database(looked))


def _database(looked: Looked | None) -> Iterator[Finding]:
    part = "database"
    if looked is None:
        yield warning(part, "file", "there is none yet", "nothing: the first command that needs it makes it")
        return
    yield ok(part, "server", f"{looked.shown}: {looked.server}, {size(looked.octets)}")
    if looked.obstacle:
        yield fault(part, "writing", looked.obstacle, "give the daemon's user the right to write there")
    else:
        yield ok(part, "writing", "can be written")
    if looked.revision is None:
        yield warning(
            part, "schema", "it is empty", "nothing: the first command that needs it makes the tables"
        )
    elif looked.current:
        yield ok(part, "schema", f"{looked.revision}, as this program wants it")
    elif looked.revision > looked.head:
        yield misconfigured(
            part, "schema", f"{looked.revision}, which is newer than this program ({looked.head})", "install the newer maild"
        )  # fmt: skip
    else:
        yield warning(
            part, "schema", f"{looked.revision}, this program wants {looked.head}", "back it up; the next start upgrades it"
        )  # fmt: skip
    if abs(looked.ahead) > APART:
        ahead = looked.ahead.total_seconds()
        yield warning(
            part, "clock", f"the server's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} this host's", "let NTP set both"
        )  # fmt: skip


async def files(settings: Settings) -> list[Finding]:
    """Raises NotNow, ConfigError."""
    room = await asyncio.to_thread(looking.files, files_place(settings))
    return list(_files(room))


def _files(room: Room) -> Iterator[Finding]:
    part = "files"
    if room.obstacle:
        yield fault(part, "writing", room.obstacle, "give the daemon's user the right to write there")
        return
    yield ok(part, "writing", f"{room.shown} can be used")
    if not room.total:
        return
    says = f"{size(room.free)} free of {size(room.total)}"
    if room.free < LITTLE or room.free < room.total * SHARE:
        yield warning(
            part, "space", says, "make room: without any, mail is answered with 451 until there is some"
        )
    else:
        yield ok(part, "space", says)


def size(octets: int) -> str:
    """As people write it."""
    for unit, name in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if octets >= unit:
            return f"{octets / unit:.1f} {name}"
    return f"{octets} octets"
