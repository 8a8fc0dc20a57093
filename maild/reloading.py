"""Rules, templates and certificates read anew while the daemon runs: all of it, or nothing and the ones in force stay.

Who asked and what came of it is told in the log, in `maild status` and, when it was refused, in a mail to the admins.
"""

from __future__ import annotations

import contextlib
import pwd
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import structlog

from maild import site
from maild.errors import ConfigError, NotNow, Problem
from maild.flow import Flow
from maild.site import Site

log = structlog.get_logger("maild.reloading")

Prints = Mapping[str, tuple[int, int, int]]


@dataclass(slots=True)
class Reloading:
    """`path` is that of maild.toml. `certificates` reads those of the listeners anew and raises ConfigError. `hand` gives the new files to
    whoever else works by them, and returns when they are in force there.

    `loaded_at`: since when the files in force are. `refused`: what was wrong the last time, empty when it went well.
    """

    path: Path
    flow: Flow
    clock: Callable[[], datetime]
    certificates: Callable[[], None]
    hand: Callable[[Site], None] = lambda _: None
    loaded_at: datetime = field(init=False)
    refused: tuple[Problem, ...] = ()
    refused_at: datetime | None = None
    _seen: Prints = field(init=False)
    _behind: Site | None = None
    _untold: tuple[str, tuple[str, ...]] | None = None

    def __post_init__(self) -> None:
        self.loaded_at = self.clock()
        self._seen = self._prints()

    def reload(self, by: str) -> bool:
        """Read everything anew; whether it is in force now. `by` says who asked: "SIGHUP" or "watch"."""
        now, changed = self.clock(), list[str]()
        try:
            prints = self._prints()
            changed = _difference(self._seen, prints)
            self._seen = prints
            fresh = site.load(self.path, now)
            self.certificates()
        except ConfigError as error:
            self._refuse(error.problems, by, changed, now)
            return False
        except OSError as error:  # a folder that cannot be listed
            place = str(error.filename or self.path)
            self._refuse((Problem(place, 0, 0, f"cannot be read: {error.strerror}"),), by, changed, now)
            return False
        self.hand(fresh)
        self.flow.site = self._behind = fresh
        self.loaded_at, self.refused, self.refused_at, self._untold = now, (), None, None
        log.info("reloaded", by=by, changed=changed)
        self._follow_soon()
        return True

    def follow(self) -> None:
        """Let what the store keeps of the files (people, when tickets are looked at) follow those in force, if it does not, and tell the admins
        of files that were refused, if they do not know. Raises NotNow."""
        fresh, untold = self._behind, self._untold
        if fresh is not None:
            self.flow.look_again()
            if self._behind is fresh:  # else newer ones came meanwhile
                self._behind = None
        if untold is not None:
            self.flow.alert(*untold)
            if self._untold is untold:
                self._untold = None

    def _follow_soon(self) -> None:
        try:
            self.follow()
        except NotNow as fault:
            log.error("the store follows when it is there again", reason=str(fault))

    def watched(self) -> bool:
        """With `reload = "watch"`: whether a file has changed since it was last read."""
        if self.flow.site.settings.reload != "watch":
            return False
        try:
            return self._prints() != self._seen
        except OSError as error:
            log.warning("rules and templates cannot be watched now", reason=str(error))
            return False

    def document(self) -> dict[str, object]:
        """For `maild status`: since when the rules in force are, and what is wrong with newer ones."""
        problems = [str(problem) for problem in self.refused]
        at = self.refused_at.isoformat() if self.refused_at else None
        return {"loaded_at": self.loaded_at.isoformat(), "refused_at": at, "problems": problems}

    def _refuse(
        self, problems: tuple[Problem, ...], by: str, changed: list[str], now: datetime
    ) -> None:  # fmt: skip
        for problem in problems:
            log.error("reload refused", problem=str(problem), by=by, changed=changed)
        if problems != self.refused:
            lines = (
                f"New rules or templates were refused ({by}); those in force since {self.loaded_at:%Y-%m-%d %H:%M} UTC stay.",
                *(f"changed: {one}" for one in changed),
                *map(str, problems),
            )
            self._untold = (f"reload:{now.isoformat()}", lines)
        self.refused, self.refused_at = problems, now
        self._follow_soon()

    def _prints(self) -> Prints:
        """What tells one state of the files from another, by path: when and as what each was written, and its size."""
        settings = self.flow.site.settings
        found: dict[str, tuple[int, int, int]] = {}
        beside = (self.path.absolute().parent / folder for folder in ("macros", "runbooks"))
        guides = [file for folder in beside for file in folder.rglob("*.md")]
        for file in (self.path, *settings.rules.glob("*.yaml"), *settings.templates.rglob("*"), *guides):
            with contextlib.suppress(OSError):  # gone between the two looks
                stat = file.stat()
                found[str(file)] = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        return found


def _difference(before: Prints, after: Prints) -> list[str]:
    """Which files changed, and whose they are."""
    return [
        f"{Path(name).name} ({_owner(Path(name))})" if name in after else f"{Path(name).name} (gone)"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def _owner(file: Path) -> str:
    """The user to whom a file belongs."""
    try:
        number = file.stat().st_uid
    except OSError:
        return "gone"
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
