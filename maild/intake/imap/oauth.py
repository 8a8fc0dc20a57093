"""Access tokens (OAuth 2, RFC 6749) and how they are renewed, by a refresh token or the client's own credentials."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from maild.intake.imap.wire import LoginRefused, Lost
from maild.settings import OAuth

SECONDS: Final = 20.0
_EARLY: Final = timedelta(minutes=2)
_LIFE: Final = timedelta(minutes=30)
"""How long a token is used of which the server does not say when it ends."""

_ANSWER: Final = 64 << 10
_PASSING = frozenset(("temporarily_unavailable", "server_error", "slow_down"))


@dataclass(frozen=True, slots=True)
class Access:
    """An access token, until when it is good, and the refresh token that takes the place of the old one, if the server gave one."""

    token: str
    until: datetime
    refresh: str | None


async def renewed(
    oauth: OAuth, client_secret: str | None, refresh_token: str | None, clock: Callable[[], datetime]
) -> Access:
    """A new access token, by the refresh token, or without one by the application's own rights.

    Raises LoginRefused when the server does not give us any, Lost when it cannot be asked now.
    """
    import httpx2  # some MiB, for mailboxes that want it

    form = {"client_id": oauth.client_id}
    if oauth.asked_scope:
        form["scope"] = oauth.asked_scope
    if client_secret is not None:
        form["client_secret"] = client_secret
    if refresh_token is not None:
        form |= {"grant_type": "refresh_token", "refresh_token": refresh_token}  # RFC 6749 §6
    else:
        form["grant_type"] = "client_credentials"  # RFC 6749 §4.4
    where = oauth.endpoint
    try:
        async with (
            asyncio.timeout(SECONDS),
            httpx2.AsyncClient(timeout=SECONDS, follow_redirects=False, trust_env=False) as client,
            client.stream("POST", where, data=form, headers={"Accept": "application/json"}) as response,
        ):
            body = b""
            async for block in response.aiter_bytes():
                body += block
                if len(body) > _ANSWER:
                    raise Lost(f"the token server {where} says far too much")
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as fault:
        raise Lost(f"the token server {where} cannot be asked: {fault or type(fault).__name__}") from fault
    return _access(response.status_code, _json(body), where, clock())


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _access(status: int, said: Mapping[str, Any], where: str, now: datetime) -> Access:
    token = said.get("access_token")
    if status == HTTPStatus.OK and isinstance(token, str) and token:
        seconds = said.get("expires_in")
        number = isinstance(seconds, int | float) and 0 < seconds < 10**8
        life = timedelta(seconds=seconds) if number else _LIFE  # type: ignore[arg-type]
        refresh = said.get("refresh_token")
        return Access(
            token, now + max(life - _EARLY, life / 2), refresh if isinstance(refresh, str) else None
        )
    error = str(said.get("error", ""))
    words = " ".join(str(said.get(name, "")) for name in ("error", "error_description")).strip()
    reason = f"the token server {where} gives no access ({status}): {words[:300] or 'it gives no reason'}"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in (408, 429) or error in _PASSING:
        raise Lost(reason)
    raise LoginRefused(reason)
