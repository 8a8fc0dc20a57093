"""The newcomer's first minute: the daemon itself, over real sockets, with a desk in a temporary folder; a customer and an agent talk."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
import textwrap
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Any

import aiosmtplib
import click
from aiosmtpd.smtp import SMTP

from maild import site
from maild.clock import utc_now
from maild.daemon.node import Daemon
from maild.errors import MaildError
from maild.opening import open_store

WAIT = 30.0
CUSTOMER = "Carla Gómez <carla@globex.test>"
AGENT = "Ana Ruiz <ana@acme.test>"

MAILD_TOML = """\
[desk]
name = "Acme Support"
address = "support@acme.test"
tag = "Acme"

[[listen]]
protocol = "smtp"
address = "127.0.0.1:0"

[relay]
address = "127.0.0.1:{port}"
tls = "none"
"""

DESK_YAML = """\
teams:
  support: {name: First line}
agents:
  - {name: Ana Ruiz, address: ana@acme.test, team: support}
organisations:
  - {name: Globex, domains: [globex.test]}
calendars:
  always: {timezone: UTC, mon-sun: "00:00-24:00"}
sla:
  standard: {calendar: always, first_response: 10m, resolution: 24h}
"""


class DemoFailed(MaildError):
    """The conversation did not go as it must."""


class Outside:
    """The world beyond the desk: takes every mail that the desk sends and keeps it in the recipient's mailbox."""

    def __init__(self) -> None:
        self.boxes: dict[str, asyncio.Queue[EmailMessage]] = {}
        self.watching = False

    def box(self, address: str) -> asyncio.Queue[EmailMessage]:
        return self.boxes.setdefault(address.lower(), asyncio.Queue())

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """aiosmtpd calls this for each mail."""
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        for recipient in envelope.rcpt_tos:
            self.box(recipient).put_nowait(mail)
            if self.watching:
                tell_mail(f"{recipient} gets", mail)
        return "250 2.0.0 ok"

    async def get(self, address: str) -> EmailMessage:
        """The next mail for this address. Raises DemoFailed when none comes."""
        try:
            return await asyncio.wait_for(self.box(address).get(), WAIT)
        except TimeoutError:
            raise DemoFailed(f"no mail came for {address} within {WAIT:.0f} seconds") from None


def demo(*, once: bool) -> None:
    """Run it; with `once` end after the conversation, else serve until Ctrl-C. Leaves nothing behind. Raises DemoFailed."""
    with tempfile.TemporaryDirectory(prefix="maild-demo-") as folder:
        asyncio.run(_demo(Path(folder), once))


async def _demo(folder: Path, once: bool) -> None:
    outside = Outside()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(outside, loop=loop, hostname="outside.test"), "127.0.0.1", 0
    )
    try:
        path = _write_desk(folder, server.sockets[0].getsockname()[1])
        async with _running(path) as daemon:
            port = int(daemon.listening[0].rpartition(":")[2])
            await converse(outside, port)
            if not once:
                await _serve_on(outside, port, path)
    finally:
        server.close()
        await server.wait_closed()


def _write_desk(folder: Path, relay_port: int) -> Path:
    (folder / "rules").mkdir()
    (folder / "rules" / "10-desk.yaml").write_text(DESK_YAML, encoding="utf-8")
    path = folder / "maild.toml"
    path.write_text(MAILD_TOML.format(port=relay_port), encoding="utf-8")
    return path


@contextlib.asynccontextmanager
async def _running(path: Path) -> AsyncIterator[Daemon]:
    """The daemon of this desk, serving."""
    loaded = site.load(path, utc_now())
    store = open_store(loaded.settings)
    daemon = Daemon(path, loaded, store, name="demo")
    ready = asyncio.Event()
    task = asyncio.create_task(daemon.run(lambda _: ready.set()))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
    try:
        if task.done():
            waiting.cancel()
            task.result()
        yield daemon
    finally:
        daemon.stop()
        await asyncio.wait((task,))
        store.close()


async def converse(outside: Outside, port: int) -> None:
    """The conversation: a request, an acknowledgement, an answer, a reply, all in one ticket."""
    step("1", "A customer writes to support@acme.test, from any mail program.")
    request = compose(CUSTOMER, "support@acme.test", "The printer prints everything twice",
                      "Hello,\n\nsince this morning our printer prints every page twice.\nWhat can we do?\n\nKind regards\nCarla")  # fmt: skip
    await send(port, request)
    tell_mail("Carla sends", request)

    step("2", "maild opens a ticket and acknowledges it at once.")
    acknowledgement = await outside.get("carla@globex.test")
    tell_mail("Carla gets", acknowledgement)
    expect(acknowledgement["In-Reply-To"] == request["Message-ID"], "the acknowledgement threads")

    step("3", "The agent is told, in her own mail client. There is no web page to open.")
    notification = await outside.get("ana@acme.test")
    tell_mail("Ana gets", notification)

    step(
        "4", "The agent simply answers that mail. #solve on top is a command; the rest goes to the customer."
    )
    answer = reply_to(
        notification,
        AGENT,
        "#solve\nHi Carla,\n\nplease switch off “mirror mode” in the print dialogue.\n\nAna",
    )
    await send(port, answer)
    tell_mail("Ana sends", answer)

    step(
        "5",
        "The customer gets the answer from the desk: no trace of the agent's own address or of the notification.",
    )
    answered = await outside.get("carla@globex.test")
    tell_mail("Carla gets", answered)
    expect("ana@acme.test" not in answered.as_string(), "the agent's address stays inside")

    step("6", "She answers; the reply finds its ticket, which reopens, and the agent hears of it.")
    await send(
        port, reply_to(answered, CUSTOMER, "That helped, thank you! Could you tell my colleagues too?")
    )
    again = await outside.get("ana@acme.test")
    tell_mail("Ana gets", again)
    expect("[Acme #1]" in again["Subject"], "the reply belongs to ticket 1")
    click.secho("\nOne ticket, four mails, nobody opened a browser.", bold=True)


async def _serve_on(outside: Outside, port: int, path: Path) -> None:
    """Keep serving until Ctrl-C; what the desk sends from now on is shown."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    outside.watching = True
    click.echo(
        textwrap.dedent(
            f"""
            The desk goes on until Ctrl-C. In another terminal:
              maild --config {path} tickets
              maild --config {path} ticket 1
              printf 'From: you@example.test\\nSubject: Hello\\n\\nIs this on?\\n' | maild --config {path} deliver --sender you@example.test
            or write to support@acme.test by SMTP on 127.0.0.1 port {port}; what the desk sends is shown here."""
        )
    )
    await stopping.wait()
    click.echo("\nstopped; the desk and its folder are gone")


def compose(sender: str, to: str, subject: str, text: str) -> EmailMessage:
    """A mail as a mail program writes it."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    mail["Date"], mail["Message-ID"] = (
        format_datetime(utc_now()),
        make_msgid(domain=sender.rpartition("@")[2].rstrip(">")),
    )
    mail.set_content(text)
    return mail


def reply_to(mail: EmailMessage, sender: str, text: str) -> EmailMessage:
    """An answer as a mail program writes it: to Reply-To, with References and the quoted text."""
    quoted = "\n".join(f"> {line}" for line in text_of(mail).splitlines())
    subject = mail["Subject"] if mail["Subject"].lower().startswith("re:") else f"Re: {mail['Subject']}"
    answer = compose(
        sender,
        str(mail["Reply-To"]),
        subject,
        f"{text}\n\nOn {mail['Date']}, {mail['From']} wrote:\n{quoted}\n",
    )
    answer["In-Reply-To"] = mail["Message-ID"]
    answer["References"] = " ".join(filter(None, (mail["References"], mail["Message-ID"])))
    return answer


async def send(port: int, mail: EmailMessage) -> None:
    """Hand a mail to the desk by SMTP."""
    await aiosmtplib.send(mail, hostname="127.0.0.1", port=port, start_tls=False)


def text_of(mail: EmailMessage) -> str:
    """The plain text of a mail."""
    body = mail.get_body(("plain",))
    return str(body.get_content()) if body is not None else ""


def step(number: str, text: str) -> None:
    """Say what happens next."""
    click.secho(f"\n{number}. {text}", bold=True)


def tell_mail(what: str, mail: EmailMessage) -> None:
    """Show a mail as one would skim it."""
    click.secho(f"   {what}:", fg="cyan")
    for name in ("From", "To", "Reply-To", "Subject"):
        if mail[name]:
            click.secho(f"   │ {name}: {mail[name]}", dim=True)
    lines = text_of(mail).strip().splitlines()
    for line in lines[:24]:
        click.echo(f"   │ {line[:110]}".rstrip())
    if len(lines) > 24:
        click.secho(f"   │ … {len(lines) - 24} more lines", dim=True)


def expect(holds: bool, what: str) -> None:
    """Raises DemoFailed when the desk did not do what it must."""
    if not holds:
        raise DemoFailed(f"this should hold and does not: {what}")
    click.secho(f"   ✓ {what}", fg="green")
