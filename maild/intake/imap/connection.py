"""The commands that fetching needs, each with a time-out; after a `Lost` the connection is never used again."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from aioimaplib.aioimaplib import AUTH, LOGOUT, SELECTED, Command, FetchCommand, IdleCommand

from maild.intake.imap import answers, names
from maild.intake.imap.answers import Listed, Selected
from maild.intake.imap.login import Password, Proof, exchange
from maild.intake.imap.uids import Uids, parts
from maild.intake.imap.wire import CHATTER, Declined, LoginRefused, Lost, Protocol, explained, readable
from maild.settings import Imap

T = TypeVar("T")

MOST: Final = 200
"""UIDs in one command: the parser counts parentheses over again for each line of an answer."""

HEAD: Final = 256 << 10
"""Octets of the header that are fetched of a mail that is too big."""

KEYWORD: Final = "$maild"
LONGEST: Final = 15 * 60.0
"""Seconds after which a command is given up although octets still trickle in."""

_PROBE: Final = 2.0
_FAREWELL: Final = 2.0
_PASSING = frozenset(("UNAVAILABLE", "SERVERBUG", "INUSE", "LIMIT"))  # RFC 5530 §3


def context_of(imap: Imap) -> ssl.SSLContext:
    """TLS that checks certificate and name, against the system's authorities or `ca_file`. Raises Lost when that cannot be read."""
    try:
        return ssl.create_default_context(cafile=imap.ca_file)
    except (OSError, ssl.SSLError) as fault:
        raise Lost(f"{imap.ca_file} cannot be used as ca_file: {explained(fault)}") from fault


@dataclass(slots=True)
class Connection:
    """A session with a server. Made by `opened`."""

    imap: Imap
    protocol: Protocol
    capabilities: frozenset[str] = frozenset()
    selected: Selected | None = None
    _seconds: float = field(init=False)
    _marked: set[int] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self._seconds = self.imap.timeout.total_seconds()

    # -- to and from the server

    async def open(self) -> None:
        """Connect, with TLS as the settings say, and hear the greeting and what the server can. Raises Lost."""
        imap, loop = self.imap, asyncio.get_running_loop()
        context = None if imap.tls == "none" else context_of(imap)
        first = context if imap.tls == "implicit" else None
        try:
            async with asyncio.timeout(self._seconds):
                transport, _ = await loop.create_connection(
                    lambda: self.protocol, imap.host, imap.connect_port, ssl=first, happy_eyeballs_delay=0.25
                )
        except TimeoutError as fault:
            raise Lost(f"no connection to {imap.place} within {self._seconds:.0f} seconds") from fault
        except OSError as fault:
            raise Lost(f"no connection to {imap.place}: {explained(fault)}{self._hint(fault)}") from fault
        _keep_alive(transport.get_extra_info("socket"))
        await self._greeting(plain=first is None)
        await self.ask_capabilities()
        if imap.tls == "starttls" and context is not None:
            await self._start_tls(context)

    async def _greeting(self, *, plain: bool) -> None:
        """Wait for it. A port that speaks TLS from the start says nothing to somebody who does not: that is found out soon."""
        first = min(_PROBE, self._seconds)
        for seconds in (first, self._seconds - first) if plain else (self._seconds,):
            with contextlib.suppress(TimeoutError):
                await self._race(self.protocol.greeted.wait(), "", seconds)
                return
            if plain and seconds == first and await self._speaks_tls():
                raise Lost(f'{self.imap.place} speaks TLS from the start: tls = "implicit" is right there')
        raise Lost(f"{self.imap.place} does not greet us within {self._seconds:.0f} seconds")

    async def _speaks_tls(self) -> bool:
        """Whether another connection to the same port comes to terms by TLS. Nothing is said over it, so no certificate is checked."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            async with asyncio.timeout(self._seconds):
                _, writer = await asyncio.open_connection(self.imap.host, self.imap.connect_port, ssl=context)
        except (OSError, TimeoutError):
            return False
        writer.transport.abort()
        return True

    async def _start_tls(self, context: ssl.SSLContext) -> None:
        if "STARTTLS" not in self.capabilities:
            raise Lost(f"{self.imap.place} does not offer STARTTLS")
        await self._ok(Command("STARTTLS", self._tag()), "STARTTLS")
        loop, plain = asyncio.get_running_loop(), self.protocol.transport
        try:
            async with asyncio.timeout(self._seconds):
                transport = await loop.start_tls(
                    plain, self.protocol, context, server_hostname=self.imap.host
                )
        except (OSError, TimeoutError) as fault:
            raise Lost(f"no TLS with {self.imap.place}: {explained(fault)}") from fault
        if transport is None:
            raise Lost(f"no TLS with {self.imap.place}: {self.protocol.reason}")
        self.protocol.start_tls_on(transport)
        await self.ask_capabilities()  # RFC 3501 §6.2.1: what was said before TLS is forgotten

    def _hint(self, fault: OSError) -> str:
        wrong = isinstance(fault, ssl.SSLError) and fault.reason in (
            "WRONG_VERSION_NUMBER",
            "RECORD_LAYER_FAILURE",
        )
        return ' (that port does not speak TLS from the start: tls = "starttls"?)' if wrong else ""

    async def ask_capabilities(self) -> None:
        """What the server can in this state of the session."""
        lines = await self._ok(Command("CAPABILITY", self._tag()), "CAPABILITY")
        words = b" ".join(lines[:-1]).decode("ascii", "replace").upper().split()
        self.capabilities = frozenset(words)

    async def log_in(self, proof: Proof) -> None:
        """Raises LoginRefused, or Declined when that passes."""
        imap = self.imap
        sasl = exchange(proof, imap.user, imap.host, imap.connect_port, self.capabilities)
        if sasl is None:
            assert isinstance(proof, Password)
            if "LOGINDISABLED" in self.capabilities:  # RFC 3501 §7.2.1
                raise LoginRefused(f"{imap.place} takes no password over this connection (LOGINDISABLED)")
            try:
                arguments = (names.quoted(imap.user), names.quoted(proof.text))
            except ValueError as fault:
                raise LoginRefused(f"user or password of {imap.user}: {fault}") from fault
            command = Command("LOGIN", self._tag(), *arguments)
        elif "SASL-IR" in self.capabilities:  # RFC 4959
            self.protocol.authenticating([sasl.end])
            command = Command("AUTHENTICATE", self._tag(), sasl.mechanism, sasl.first)
        else:
            self.protocol.authenticating([sasl.first, sasl.end])
            command = Command("AUTHENTICATE", self._tag(), sasl.mechanism)
        try:
            await self._ok(command, f"the log-in of {imap.user}")
        except Declined as fault:
            if fault.code in _PASSING:
                raise
            said = f" ({self.protocol.challenge})" if self.protocol.challenge else ""
            raise LoginRefused(f"{fault}{said}") from fault
        self.protocol.state = AUTH
        await self.ask_capabilities()  # those of the greeting are often fewer

    async def select(self) -> Selected:
        """Open the mailbox of the settings. Raises Declined when there is none of that name."""
        mailbox = self.imap.mailbox
        lines = await self._ok(
            Command("SELECT", self._tag(), names.mailbox(mailbox)), f"the mailbox '{mailbox}'"
        )
        self.protocol.state = SELECTED
        self.selected = answers.selected(lines)
        return self.selected

    async def close(self) -> None:
        """Say good-bye if that is still possible, and let go. Never raises."""
        protocol = self.protocol
        if (
            not protocol.lost.is_set()
            and protocol.state in (AUTH, SELECTED)
            and not protocol.has_pending_idle_command()
        ):
            with contextlib.suppress(Lost, Declined):
                await self._run(Command("LOGOUT", self._tag()), "LOGOUT", seconds=_FAREWELL)
        protocol.state = LOGOUT
        protocol.end("closed by us")

    # -- looking

    async def uids(self, wanted: str) -> list[int]:
        """The UIDs of this sequence set that are in the mailbox, ascending."""
        command = Command(
            "SEARCH", self._tag(), "UID", wanted, prefix="UID"
        )  # without CHARSET: Exchange refuses it
        lines = await self._ok(command, "SEARCH")
        return sorted({int(word) for line in lines[:-1] for word in bytes(line).split() if word.isdigit()})

    async def noop(self) -> None:
        """Some servers tell of new mail only in answer to this."""
        await self._ok(Command("NOOP", self._tag()), "NOOP")

    async def listed(self, uids: Sequence[int]) -> dict[int, Listed]:
        """Size and date of these; those that are gone are left out."""
        found: dict[int, Listed] = {}
        for part in parts(uids, MOST):
            found |= answers.listed(await self._fetched(part, "(UID RFC822.SIZE INTERNALDATE)", 0))
        return found

    async def mails(self, sizes: Mapping[int, int]) -> dict[int, bytes]:
        """These mails whole, unseen as they were; left out is what the server does not give. `sizes`: octets by UID."""
        return await self._bodies(sizes, "(UID BODY.PEEK[])", sum(sizes.values()) * 5 // 4)

    async def head(self, uid: int) -> bytes | None:
        """The header of this mail, or as much of it as `HEAD`."""
        return (await self._bodies((uid,), f"(UID BODY.PEEK[HEADER]<0.{HEAD}>)", HEAD)).get(uid)

    async def _bodies(self, uids: Iterable[int], items: str, octets: int) -> dict[int, bytes]:
        wanted = sorted(uids)
        return answers.bodies(await self._fetched(wanted, items, octets), wanted)

    async def _fetched(self, uids: Sequence[int], items: str, octets: int) -> list[bytes]:
        command = FetchCommand(self._tag(), str(Uids.of(uids)), items, prefix="UID")
        return await self._ok(command, "FETCH", octets)

    # -- what becomes of a mail that was kept

    async def dispose(self, uids: Sequence[int]) -> None:
        """Move, delete or flag these as the settings say. Raises Declined when the server cannot; then they are still there."""
        action, _, folder = self.imap.then.partition(":")
        for part in parts(uids, MOST):
            chosen = str(Uids.of(part))
            if action == "flag":
                assert self.selected is not None
                flags = rf"(\Seen {KEYWORD})" if self.selected.keywords else r"(\Seen)"
                await self._store(chosen, flags)
            elif action == "move" and "MOVE" in self.capabilities:
                await self._to_folder("MOVE", chosen, folder)
            else:
                if action == "move":
                    await self._to_folder("COPY", chosen, folder)
                await self._store(chosen, r"(\Deleted)")
                await self._expunge(part, chosen)

    async def _store(self, chosen: str, flags: str) -> None:
        command = Command(
            "STORE", self._tag(), chosen, "+FLAGS.SILENT", flags, prefix="UID", untagged_resp_name="FETCH"
        )
        await self._ok(command, "STORE")

    async def _to_folder(self, verb: str, chosen: str, folder: str) -> None:
        """RFC 6851 or COPY; the folder is made when it is missing (RFC 3501 §7.1, TRYCREATE)."""
        what, argument = f"{verb} to '{folder}'", names.mailbox(folder)
        try:
            await self._ok(Command(verb, self._tag(), chosen, argument, prefix="UID"), what)
        except Declined as fault:
            if fault.code not in ("TRYCREATE", "NONEXISTENT"):
                raise
            await self._ok(Command("CREATE", self._tag(), argument), f"CREATE '{folder}'")
            await self._ok(Command(verb, self._tag(), chosen, argument, prefix="UID"), what)

    async def _expunge(self, uids: Sequence[int], chosen: str) -> None:
        """Only ours: without UIDPLUS (RFC 4315) they stay marked when others have marked mails too."""
        if "UIDPLUS" in self.capabilities:
            await self._ok(Command("EXPUNGE", self._tag(), chosen, prefix="UID"), "EXPUNGE")
            return
        lines = await self._ok(Command("SEARCH", self._tag(), "DELETED", prefix="UID"), "SEARCH")
        marked = {int(word) for line in lines[:-1] for word in bytes(line).split() if word.isdigit()}
        self._marked |= set(uids)
        if marked <= self._marked:
            await self._ok(Command("EXPUNGE", self._tag()), "EXPUNGE")

    # -- waiting

    async def idle(self, seconds: float, stopping: asyncio.Event) -> None:
        """Wait until the server announces mail, the seconds are over, or we stop (RFC 2177). Lost when it does not answer at the end."""
        protocol = self.protocol
        if protocol.news.is_set():
            return
        protocol.idle_queue = asyncio.Queue()  # what is announced is seen by `news`; nobody reads the queue
        protocol._idle_event.clear()
        protocol.allowed = CHATTER
        command = asyncio.ensure_future(protocol.execute(IdleCommand(self._tag(), protocol.idle_queue)))
        try:
            await self._race(_first(command, protocol._idle_event.wait()), "begin IDLE", self._seconds)
            if not command.done():
                with contextlib.suppress(TimeoutError):
                    await self._race(_first(protocol.news.wait(), stopping.wait()), "", seconds)
                protocol.idle_done()
            answer = await self._race(asyncio.shield(command), "end IDLE", self._seconds)
            if answer.result != "OK":
                raise Declined("IDLE", readable(bytes(answer.lines[-1])))
        except TimeoutError as fault:
            raise Lost(f"the server does not {fault} within {self._seconds:.0f} seconds") from fault
        finally:
            await _ended(command)

    async def rest(self, seconds: float, stopping: asyncio.Event) -> None:
        """Wait for so long, or until we stop. Lost when the connection ends meanwhile."""
        with contextlib.suppress(TimeoutError):
            await self._race(stopping.wait(), "", seconds)

    # -- one command

    def _tag(self) -> str:
        return str(self.protocol.new_tag())

    async def _ok(self, command: Any, what: str, octets: int = 0) -> list[bytes]:
        """The lines of the answer; the last one is that of the tagged OK. Raises Declined for NO and BAD, Lost."""
        answer = await self._run(command, what, octets)
        lines: list[bytes] = answer.lines
        if answer.result != "OK":
            raise Declined(what, readable(bytes(lines[-1]) if lines else b""))
        return lines

    async def _run(self, command: Any, what: str, octets: int = 0, seconds: float | None = None) -> Any:
        self.protocol.allowed = CHATTER + octets
        silence = seconds or self._seconds
        try:
            return await self._race(self.protocol.execute(command), what, silence, LONGEST)
        except TimeoutError as fault:
            reason = f"no answer to {what} within {silence:.0f} seconds"
            self.protocol.end(reason)
            raise Lost(reason) from fault

    async def _race(
        self, waiting: Awaitable[T], what: str, silence: float, longest: float | None = None
    ) -> T:
        """What it gives. Lost when the connection ends first; TimeoutError(what) after so many seconds: of silence, with `longest`."""
        loop, protocol = asyncio.get_running_loop(), self.protocol
        task, lost = asyncio.ensure_future(waiting), asyncio.ensure_future(protocol.lost.wait())
        began = loop.time()
        try:
            while not task.done():
                heard = max(began, protocol.heard_at) if longest else began
                until = min(heard + silence, began + (longest or silence))
                if lost.done():
                    raise Lost(protocol.reason or "the connection is lost")
                if loop.time() >= until:
                    raise TimeoutError(what)
                await asyncio.wait(
                    (task, lost), timeout=until - loop.time(), return_when=asyncio.FIRST_COMPLETED
                )
            return task.result()
        finally:
            await _ended(task)
            await _ended(lost)


async def opened(imap: Imap, proof: Proof) -> Connection:
    """A connection that is logged in. Raises Lost, Declined or LoginRefused."""
    connection = Connection(imap, Protocol(asyncio.get_running_loop()))
    try:
        await connection.open()
        await connection.log_in(proof)
    except BaseException:
        connection.protocol.end("closed by us")
        raise
    return connection


async def _first(*waiting: Awaitable[Any]) -> None:
    """Until one of them is done; the others are called off, but for a task that somebody else waits for."""
    own = [one for one in waiting if not isinstance(one, asyncio.Future)]
    tasks = [asyncio.ensure_future(one) for one in own]
    try:
        every = (*tasks, *(one for one in waiting if isinstance(one, asyncio.Future)))
        await asyncio.wait(every, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            await _ended(task)


async def _ended(task: asyncio.Future[Any]) -> None:
    """Call it off if it still runs, and wait for its end; what became of it is nobody's concern any more."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _keep_alive(sock: socket.socket) -> None:
    """The kernel notices a peer that is gone after two minutes, also while nothing is said."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
