"""What one logs in to a mailbox with, read anew for each log-in: the files may have changed."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import structlog

from maild.intake.imap import oauth
from maild.intake.imap.login import Password, Proof, Token
from maild.intake.imap.rotated import Rotated, Waiting
from maild.settings import Imap, OAuth, mailboxes
from store import Store

log = structlog.get_logger("maild.imap")


@dataclass(slots=True)
class Credentials:
    """Those of one mailbox. Access tokens are kept until they end; a new refresh token is kept in the store, for many servers take the old
    one only once: it is held here, and in `folder` (of this host) where there is one, until it is written, and what asks for it is never broken off."""

    imap: Imap
    store: Store
    clock: Callable[[], datetime]
    folder: Path | None = None
    _access: oauth.Access | None = field(init=False, default=None)
    _used: bool = field(init=False, default=False)
    _waiting: Waiting = field(init=False)
    _taken_up: bool = field(init=False, default=False)
    """Whether what an earlier process left is in the store."""
    _unsaved: Rotated | None = field(init=False, default=None)
    _renewal: asyncio.Task[None] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._waiting = Waiting(self.folder, self.imap.route)

    async def proof(self) -> Proof:
        """The password, or an access token. Raises ConfigError when there is none, LoginRefused or Lost of the token server, NotNow."""
        settings = self.imap.oauth
        if settings is None:
            return Password(mailboxes.password(self.imap, os.environ))
        await self.settled()
        if self._access is None or self.clock() >= self._access.until:
            self._renewal = asyncio.create_task(self._renew(settings))
            await asyncio.shield(self._renewal)
            await self.settled()
        assert self._access is not None
        return Token(self._access.token)

    async def settled(self) -> None:
        """When a renewal that was begun has ended, and what it gave is in the store. Raises NotNow; it is still held then."""
        if self._renewal is not None:
            await asyncio.wait((self._renewal,))
            self._renewal = None
        if not self._taken_up:
            self._unsaved = self._unsaved or await asyncio.to_thread(self._waiting.get)
            self._taken_up = True
        if (rotated := self._unsaved) is not None:
            await asyncio.to_thread(self._save, rotated)
            self._unsaved = None

    def worked(self) -> None:
        """One could log in with it."""
        self._used = True

    def refused(self) -> bool:
        """One could not log in with it; whether another is worth a try at once: an access token that was good before may be revoked."""
        again, self._access, self._used = self._used, None, False
        return again and self.imap.oauth is not None

    def fingerprint(self) -> str:
        """Changes when the admin gives another secret. Raises ConfigError."""
        settings = self.imap.oauth
        if settings is None:
            return _hash(mailboxes.password(self.imap, os.environ))
        client, refresh = (
            read(settings, os.environ) for read in (mailboxes.client_secret, mailboxes.refresh_token)
        )
        return _hash(f"{client}\n{refresh}")

    async def _renew(self, settings: OAuth) -> None:
        """Another access token. Raises what `proof` does."""
        given, client = mailboxes.refresh_token(settings, os.environ), mailboxes.client_secret(settings, os.environ)  # fmt: skip
        origin = _hash(given or "")
        before = await asyncio.to_thread(self._kept_token, origin) if given else None
        access = await oauth.renewed(settings, client, before or given, self.clock)
        self._access, self._used = access, False
        if given and access.refresh and access.refresh != (before or given):
            self._unsaved = Rotated(origin, before, access.refresh)
            await asyncio.to_thread(self._waiting.put, self._unsaved)

    def _save(self, rotated: Rotated) -> None:
        with self.store.work() as work:
            if not work.keep_refresh_token(rotated.origin, rotated.before, rotated.token):
                log.info("refresh token renewed by somebody else meanwhile", mailbox=self.imap.name)
        self._waiting.drop()

    def _kept_token(self, origin: str) -> str | None:
        with self.store.read() as work:
            return work.refresh_token(origin)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
