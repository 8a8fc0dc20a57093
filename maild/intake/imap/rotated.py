"""A refresh token that a token server gave in the place of another: on this host's disk from the moment it came until the store has it.

Many servers take each token only once. Were it lost with the process, somebody would have to log in by hand again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from store.files import sync_folder

log = structlog.get_logger("maild.imap")


@dataclass(frozen=True, slots=True)
class Rotated:
    """The `token` for that `before` (None: for the admin's, whose hash is `origin`)."""

    origin: str
    before: str | None
    token: str


class Waiting:
    """The file of one mailbox, by the name of its route; without a folder there is none. What goes wrong with it is logged: the token is
    held in memory, too."""

    def __init__(self, folder: Path | None, route: str) -> None:
        name = f"refresh-token-{hashlib.sha256(route.encode()).hexdigest()[:16]}"
        self._file = None if folder is None else folder / name
        self._route = route

    def put(self, rotated: Rotated) -> None:
        """It is on the disk when this returns, for our eyes only."""
        if self._file is None:
            return
        partial = self._file.with_name(f"{self._file.name}.partial")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            partial.unlink(missing_ok=True)
            with os.fdopen(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                json.dump(asdict(rotated), file)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._file)
            sync_folder(self._file.parent)
        except OSError as error:
            log.warning("refresh token held in memory alone", route=self._route, reason=str(error))

    def get(self) -> Rotated | None:
        """What an earlier process had no time to bring into the store; None for nothing."""
        if self._file is None:
            return None
        try:
            return Rotated(**json.loads(self._file.read_text("utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            log.error(
                "refresh token of an earlier run cannot be read", file=str(self._file), reason=str(error)
            )
            return None

    def drop(self) -> None:
        """The store has it."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # the store knows a token that it has had already
                self._file.unlink(missing_ok=True)
