"""What one logs in to a mailbox with, read anew for each log-in: the files may have changed."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from maild.intake.imap import oauth
from maild.intake.imap.login import Password, Proof, Token
from maild.settings import Imap, OAuth, mailboxes
from store import Store


@dataclass(slots=True)
class Credentials:
    """Those of one mailbox. Access tokens are kept until they end; a new refresh token is kept in the store."""

    imap: Imap
    store: Store
    clock: Callable[[], datetime]
    _access: oauth.Access | None = field(init=False, default=None)
    _used: bool = field(init=False, default=False)

    async def proof(self) -> Proof:
        """The password, or an access token. Raises ConfigError when there is none, LoginRefused or Lost of the token server, NotNow."""
        settings = self.imap.oauth
        if settings is None:
            return Password(mailboxes.password(self.imap, os.environ))
        if self._access is None or self.clock() >= self._access.until:
            self._access, self._used = await self._renewed(settings), False
        return Token(self._access.token)

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

    async def _renewed(self, settings: OAuth) -> oauth.Access:
        name, given = self.imap.name, mailboxes.refresh_token(settings, os.environ)
        client, origin = mailboxes.client_secret(settings, os.environ), _hash(given or "")
        newer = await asyncio.to_thread(self._kept_token, origin) if given else None
        access = await oauth.renewed(settings, client, newer or given, self.clock)
        if given and access.refresh and access.refresh != (newer or given):

            def keep(token: str = access.refresh) -> None:
                with self.store.work() as work:
                    work.keep_refresh_token(name, origin, token)

            await asyncio.to_thread(keep)
        return access

    def _kept_token(self, origin: str) -> str | None:
        with self.store.read() as work:
            return work.refresh_token(self.imap.name, origin)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
