"""Hands posts to webhooks over HTTP, signed as Standard Webhooks describes, and says what became of each.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, Literal

from maild import __version__

if TYPE_CHECKING:
    import httpx2

CONNECT_SECONDS: Final = 10.0
TOTAL_SECONDS: Final = 30.0
READ_MAX: Final = 1024
TEXT_MAX: Final = 300
# RFC 9110 §15.5.9 (408 Request Timeout), RFC 8470 §5.2 (425 Too Early), RFC 6585 §4 (429 Too Many Requests)
_PASSING: Final = frozenset((408, 425, 429))


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a post: "later": try again, not before `wait` has passed. `text` is printable, at most 300 characters."""

    kind: Literal["sent", "later", "failed"]
    text: str
    wait: timedelta = timedelta(0)


def signed(secret: bytes, event_id: str, body: bytes, at: datetime) -> dict[str, str]:
    """The headers that prove who posts and when: HMAC-SHA256 of id, timestamp and body, joined by dots."""
    timestamp = str(int(at.timestamp()))
    content = b".".join((event_id.encode(), timestamp.encode(), body))
    proof = base64.b64encode(hmac.new(secret, content, hashlib.sha256).digest()).decode()
    return {"webhook-id": event_id, "webhook-timestamp": timestamp, "webhook-signature": f"v1,{proof}"}


class Poster:
    """Posts over kept connections; used within one event loop, closed at the end. `total_seconds`: what one attempt may take."""

    def __init__(self, total_seconds: float = TOTAL_SECONDS) -> None:
        self._total = total_seconds
        self._client: httpx2.AsyncClient | None = None

    async def post(self, url: str, event_id: str, body: str, secret: bytes, now: datetime) -> Answer:
        """One attempt, signed with the time `now`. Never raises for what the receiver or the network does."""
        import httpx2  # it and its certificates take some MiB, for desks that have webhooks

        if self._client is None:
            self._client = httpx2.AsyncClient(
                timeout=httpx2.Timeout(self._total, connect=min(CONNECT_SECONDS, self._total)),
                follow_redirects=False,
                headers={"User-Agent": f"maild/{__version__}", "Content-Type": "application/json"},
            )
        content = body.encode()
        headers = signed(secret, event_id, content, now)
        try:
            async with (
                asyncio.timeout(self._total),
                self._client.stream("POST", url, content=content, headers=headers) as response,
            ):
                return judged(response, await _beginning(response), now)
        except TimeoutError:
            return Answer("later", f"no answer within {self._total:g} seconds")
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            return Answer("failed", _plain(f"the URL cannot be used: {error}"))
        except httpx2.HTTPError as error:
            return Answer("later", _plain(f"{type(error).__name__}: {error}"))

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()


async def _beginning(response: httpx2.Response) -> str:
    """The first octets of what the receiver says, as they came over the wire."""
    said = b""
    async for part in response.aiter_raw():
        said += part
        if len(said) >= READ_MAX:
            break
    return said[:READ_MAX].decode("utf-8", "replace")


def judged(response: httpx2.Response, said: str, now: datetime) -> Answer:
    """RFC 9110 §15: 2xx took it; a fault of the receiver passes, any other refusal does not."""
    status = response.status_code
    text = _plain(" ".join(filter(None, (str(status), response.reason_phrase, said))))
    if 200 <= status < 300:
        return Answer("sent", text)
    if status in _PASSING or status >= 500:
        return Answer("later", text, _wait(response.headers.get("retry-after", ""), now))
    return Answer("failed", text)


def _wait(value: str, now: datetime) -> timedelta:
    """Retry-After (RFC 9110 §10.2.3): seconds, or a date; none for anything else."""
    if value.isascii() and value.isdigit() and len(value) < 9:
        return timedelta(seconds=int(value))
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return timedelta(0)
    return max(timedelta(0), (at if at.tzinfo else at.replace(tzinfo=UTC)) - now)


def _plain(text: str) -> str:
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split())[:TEXT_MAX]
