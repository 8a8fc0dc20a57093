"""IMAP servers that do what real ones do only on bad days, a connection that can be cut, and an OAuth token server."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from urllib.parse import parse_qs

Speak = Callable[["Scripted", str, str, str], Awaitable[bool]]
"""Answers a command (tag, verb, arguments) itself; False leaves it to the server."""


CAME = datetime(2026, 3, 1, 10, tzinfo=UTC)


@contextlib.asynccontextmanager
async def _serving(handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], ssl: object = None) -> AsyncIterator[int]:  # fmt: skip
    tasks: set[asyncio.Task[None]] = set()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            # a cancelled task of asyncio's server would be taken for a fault in the background
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await handle(reader, writer)
        finally:
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(accepted, "127.0.0.1", 0, ssl=ssl, limit=1 << 20)  # type: ignore[arg-type]
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


@dataclass
class Scripted:
    """A server for one connection after another. `mails` by UID; `speak` answers what it wants itself, the rest is answered well.

    `dates`: when each came there, else `CAME`. `heard`: every command line. `secrets`: what one may log in with. `greeting` is sent at once.
    """

    mails: dict[int, bytes] = field(default_factory=dict)
    speak: Speak | None = None
    greeting: bytes = b"* OK ready\r\n"
    capability: str = "IMAP4rev1 MOVE UIDPLUS"
    secrets: tuple[str, ...] = ("secret",)
    uidvalidity: int = 7
    heard: list[str] = field(default_factory=list)
    connections: int = 0
    next_uid: int = 100
    dates: dict[int, datetime] = field(default_factory=dict)
    writer: asyncio.StreamWriter = field(init=False)
    reader: asyncio.StreamReader = field(init=False)

    @contextlib.asynccontextmanager
    async def serving(self, ssl: object = None) -> AsyncIterator[int]:
        """Its port."""
        async with _serving(self._talk, ssl) as port:
            yield port

    async def say(self, *lines: str | bytes) -> None:
        for line in lines:
            self.writer.write((line.encode() if isinstance(line, str) else line) + b"\r\n")
        await self.writer.drain()

    async def line(self) -> str:
        """The next line of the client."""
        line = (await self.reader.readuntil(b"\r\n")).decode().rstrip("\r\n")
        self.heard.append(line)
        return line

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.connections += 1
        writer.write(self.greeting)
        while True:
            tag, _, rest = (await self.line()).partition(" ")
            verb, _, arguments = rest.partition(" ")
            if verb == "UID":
                second, _, arguments = arguments.partition(" ")
                verb = f"UID {second}"
            if self.speak is None or not await self.speak(self, tag, verb, arguments):
                await self._answer(tag, verb, arguments)

    async def _answer(self, tag: str, verb: str, arguments: str) -> None:
        if verb == "CAPABILITY":
            await self.say(f"* CAPABILITY {self.capability}")
        elif verb == "LOGIN":
            if not any(arguments.endswith(f'"{secret}"') for secret in self.secrets):
                await self.say(f"{tag} NO [AUTHENTICATIONFAILED] who are you?")
                return
        elif verb == "SELECT":
            await self.say(f"* {len(self.mails)} EXISTS", f"* OK [UIDVALIDITY {self.uidvalidity}] ok", f"* OK [UIDNEXT {self.next_uid}] ok")  # fmt: skip
        elif verb == "UID SEARCH":
            chosen, _, since = arguments.removeprefix("UID ").partition(" SINCE ")
            first = datetime.strptime(since, "%d-%b-%Y").date() if since else date.min
            found = (uid for uid in self._chosen(chosen) if self.dates.get(uid, CAME).date() >= first)
            await self.say("* SEARCH " + " ".join(map(str, found)))
        elif verb == "UID FETCH":
            chosen, _, items = arguments.partition(" ")
            for uid in self._chosen(chosen):
                await self._show(uid, items)
        elif verb == "UID MOVE":
            for uid in self._chosen(arguments.partition(" ")[0]):
                self.mails.pop(uid, None)
        elif verb == "LOGOUT":
            await self.say("* BYE", f"{tag} OK")
            raise asyncio.IncompleteReadError(b"", None)
        await self.say(f"{tag} OK done")

    async def _show(self, uid: int, items: str) -> None:
        raw = self.mails[uid]
        if "RFC822.SIZE" in items:
            at = f"{self.dates.get(uid, CAME):%d-%b-%Y %H:%M:%S +0000}"
            await self.say(f'* {uid} FETCH (UID {uid} RFC822.SIZE {len(raw)} INTERNALDATE "{at}")')
            return
        part = raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if "HEADER" in items else raw
        self.writer.write(
            f"* {uid} FETCH (BODY[] {{{len(part)}}}\r\n".encode() + part + f" UID {uid})\r\n".encode()
        )

    def _chosen(self, text: str) -> list[int]:
        """RFC 3501 §9: `*` is the highest there is, and `n:*` always holds it."""
        top = max(self.mails, default=0)
        found: set[int] = set()
        for part in text.split(","):
            first, _, last = part.partition(":")
            ends = [top if end == "*" else int(end) for end in (first, last or first)]
            found |= {uid for uid in self.mails if min(ends) <= uid <= max(ends)}
        return sorted(found)


@dataclass
class Cuttable:
    """A way to another port that can be cut: after so many octets from the server (`after`), or `stopped` so that nothing passes any more.

    `hold`: a pattern of what the client says; from there on nothing passes to the server, and `held` is set.
    """

    port: int
    after: int | None = None
    cuts: int = 1
    stopped: bool = False
    hold: str = ""
    held: asyncio.Event = field(default_factory=asyncio.Event)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        async with _serving(self._pass) as port:
            yield port

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            tasks = [
                asyncio.ensure_future(self._up(reader, ours)),
                asyncio.ensure_future(self._down(theirs, writer)),
            ]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            ours.transport.abort()

    async def _up(self, reader: asyncio.StreamReader, ours: asyncio.StreamWriter) -> None:
        while block := await reader.read(65536):
            if self.hold and re.search(self.hold, block.decode("latin-1")):
                self.held.set()
                await asyncio.Event().wait()
            if not self.stopped:
                ours.write(block)

    async def _down(self, theirs: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passed = 0
        while block := await theirs.read(4096):
            if self.stopped:
                continue
            passed += len(block)
            if self.after is not None and self.cuts and passed > self.after:
                self.cuts -= 1
                writer.write(block[: max(0, len(block) - (passed - self.after))])
                await writer.drain()
                return
            writer.write(block)


@dataclass
class TokenServer:
    """Gives access tokens; `answers` are (status, what it says), the last one again and again. `asked`: the forms that were posted.

    `hold`: what it waits for before it answers."""

    answers: list[tuple[int, dict[str, object]]]
    asked: list[dict[str, str]] = field(default_factory=list)
    hold: Callable[[], Awaitable[object]] | None = None

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Its URL."""
        async with _serving(self._answer) as port:
            yield f"http://127.0.0.1:{port}/token"

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(re.search(r"content-length: (\d+)", head, re.IGNORECASE)[1])  # type: ignore[index]
        form = parse_qs((await reader.readexactly(length)).decode())
        self.asked.append({key: one[0] for key, one in form.items()})
        if self.hold is not None:
            await self.hold()
        status, said = self.answer(self.asked[-1])
        body = json.dumps(said).encode()
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)  # fmt: skip
        await writer.drain()

    def answer(self, _form: dict[str, str]) -> tuple[int, dict[str, object]]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@dataclass
class Rotating(TokenServer):
    """Takes each refresh token once: `current` alone is good."""

    answers: list[tuple[int, dict[str, object]]] = field(default_factory=list)
    current: str = "refresh-1"

    def answer(self, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        if form["refresh_token"] != self.current:
            return 400, {"error": "invalid_grant", "error_description": "That token was used before."}
        self.current = f"refresh-{len(self.asked) + 1}"
        return 200, {
            "access_token": f"access-{len(self.asked)}",
            "expires_in": 3600,
            "refresh_token": self.current,
        }


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def uncoded(text: str) -> str:
    return base64.b64decode(text).decode()
