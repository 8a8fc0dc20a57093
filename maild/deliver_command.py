"""`maild deliver`: one message from the pipe transport of an MTA."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from typing import IO, BinaryIO, cast

import click

from maild import config, show
from maild.clock import utc_now
from maild.desk.facts import Envelope
from maild.errors import BadInput, MaildError, NotNow
from maild.identity import identity
from maild.keeping import Kept, keep
from maild.terminal import Desk, flow_of
from store import Store

EXIT_NO_USER = 67
BLOCK = 1 << 20
HEAD = 1 << 16


@click.command()
@click.option(
    "--sender", metavar="ADDRESS", help="The envelope sender, <> for none; default: Return-Path, else From."
)
@click.option(
    "--recipient",
    "recipients",
    multiple=True,
    metavar="ADDRESS",
    help="An envelope recipient; default: the desk.",
)
@click.option("--unauthenticated", is_flag=True, help="Drop every claim of identity that the message makes.")
@click.pass_obj
def deliver(desk: Desk, sender: str | None, recipients: tuple[str, ...], unauthenticated: bool) -> None:
    """Take one message on stdin (pipe transport of an MTA, procmail, a script). Exits with sysexits codes."""
    with _faults_pass(), tempfile.SpooledTemporaryFile(BLOCK) as spool:
        settings = config.load(desk.path)
        size, sha256 = _read_message(sys.stdin.buffer, spool, settings.limits.message_size)
        spool.seek(0)
        given = sender.strip("<>") if sender is not None else _written_sender(spool)
        to = tuple(recipients) or (settings.desk.address,)
        envelope = Envelope(
            given, to, "pipe", "pipe", utc_now(), trusted=True, unauthenticated=unauthenticated
        )
        with desk.store() as store:
            _deliver(desk, store, Kept(cast(BinaryIO, spool), size, sha256, envelope))


@contextlib.contextmanager
def _faults_pass() -> Iterator[None]:
    """What is wrong with this site or with maild is no reason to return the mail to its sender: exit 75, and the MTA keeps it."""
    try:
        yield
    except (BadInput, NotNow):
        raise
    except MaildError as error:
        raise NotNow(str(error)) from error
    except Exception as fault:
        traceback.print_exc()
        raise NotNow("a fault of maild, please report it; the mail was not taken") from fault


def _written_sender(spool: IO[bytes]) -> str:
    """Who sends, as the mail says it."""
    from maild.message.envelope import written_sender  # an MTA that says it needs no parser

    head = spool.read(HEAD)
    spool.seek(0)
    return written_sender(head)


def _deliver(desk: Desk, store: Store, mail: Kept) -> None:
    """Keep the mail; without a daemon on this store process it here, so that the ticket is there at once."""
    ours = identity(config.load(desk.path))
    for recipient in mail.envelope.recipients:
        if not ours.accepts(recipient):
            click.echo(f"maild: 5.1.1 <{recipient}> is no address of this desk", err=True)
            raise SystemExit(EXIT_NO_USER)
    [row] = keep(store, [mail])
    click.echo(f"maild: kept as {row}", err=True)
    with store.read() as work:
        running = any((utc_now() - node.seen_at).total_seconds() < show.ALIVE for node in work.nodes())
    if running:
        return
    try:
        loaded = desk.load()
        with flow_of(loaded, store, f"deliver-{os.getpid()}") as flow:
            while flow.work():
                pass
    except MaildError as error:  # the mail is kept and will be processed by the daemon
        click.echo(f"maild: kept, to be processed later: {error}", err=True)
    except Exception:  # noqa: BLE001  it was taken, and whoever gave it must not give it again
        traceback.print_exc()
        click.echo("maild: kept, to be processed later: a fault of maild, please report it", err=True)


def _read_message(stdin: BinaryIO, spool: IO[bytes], most: int) -> tuple[int, str]:
    """Copy stdin to the spool; (size, sha256). Raises BadInput when it is empty or larger than limits.message_size."""
    digest, size = hashlib.sha256(), 0
    while block := stdin.read(BLOCK):
        size += len(block)
        if size > most:
            raise BadInput(f"5.3.4 the message is larger than limits.message_size ({most} octets)")
        digest.update(block)
        spool.write(block)
    if not size:
        raise BadInput("no message on stdin")
    return size, digest.hexdigest()
