"""The command line: each command is a few lines that call the rooms and show what they say (CONTRACT §1)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import click

from maild import (
    __version__,
    admin,
    advice,
    backup,
    bringing,
    config,
    doctor,
    exporting,
    isolation,
    logs,
    persons,
    promises,
    queue_command,
    report_command,
    restoring,
    scaffold,
    show,
    site,
    tracing,
)
from maild.clock import utc_now
from maild.daemon import name_of, serve
from maild.demo import demo as run_demo
from maild.desk import rule_schema
from maild.desk.facts import Envelope
from maild.errors import EXIT_FAULT, BadInput, ConfigError, MaildError, NotNow
from maild.flow import Kept, keep
from maild.lock import only_one, own_name
from maild.manuals import man
from maild.message.envelope import written_sender
from maild.message.inspect import document
from maild.message.parse import parse
from maild.terminal import Desk, flow_of, json_option
from store import Store

EXIT_NO_USER = 67
BLOCK = 1 << 20
HEAD = 1 << 16


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--config",
    "option",
    metavar="FILE",
    help="maild.toml; else $MAILD_CONFIG, ./maild.toml, /etc/maild/maild.toml.",
)
@click.version_option(__version__, prog_name="maild")
@click.pass_context
def cli(context: click.Context, option: str | None) -> None:
    """maild turns a support address into a helpdesk: customers write mail, agents answer from their mail client.

    \b
    See it work, now:        maild demo
    A desk of your own:      maild init mydesk && cd mydesk && maild check && maild run
    What is in it:           maild tickets; maild ticket 1; maild status
    What went wrong:         maild queue list; maild quarantine list
    """
    logs.to_stderr()
    context.obj = Desk(option)


@cli.command()
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--service",
    is_flag=True,
    help="For the systemd unit: state in /var/lib/maild, mail by LMTP at /run/maild.",
)
def init(folder: Path, service: bool) -> None:
    """Write a complete, commented, working desk into a folder. Never overwrites a file."""
    made = scaffold.write(folder, service=service)
    for path in made.written:
        click.echo(f"wrote {path}")
    for path in made.left:
        click.echo(f"left  {path} as it was")
    where = "" if folder == Path(".") else f"cd {folder} && "
    click.echo(
        f"\nNow put your names into maild.toml and rules/10-desk.yaml, then:  {where}maild check && maild run"
    )


@cli.command()
@click.option("--once", is_flag=True, help="Exit after the conversation.")
def demo(once: bool) -> None:
    """A desk in a temporary folder with real SMTP on loopback: a customer and an agent talk, you watch."""
    logs.configure("text", "error")
    run_demo(once=once)


@cli.command()
@click.pass_obj
def run(desk: Desk) -> None:
    """The daemon, in the foreground. SIGTERM drains and stops, SIGHUP reloads rules and templates."""
    path = desk.path
    loaded = desk.load()
    settings = loaded.settings
    logs.configure(settings.log.format, settings.log.level)
    isolation.be_frugal()
    with contextlib.ExitStack() as held:
        name = name_of(path, settings.store.node)
        if not settings.store.node:
            name = held.enter_context(own_name(name))
        store = held.enter_context(desk.store(name))
        held.enter_context(only_one(store.lock_file))
        asyncio.run(serve(path, loaded, store, name))


@cli.command()
@click.option("--schema", is_flag=True, help="Print the JSON Schema of rule files instead, for editors.")
@json_option
@click.pass_obj
def check(desk: Desk, as_json: bool, schema: bool) -> None:
    """Check configuration, rules and templates: every problem as FILE:LINE:COLUMN, all of them."""
    if schema:
        show.as_json(rule_schema.schema())
        return
    problems: tuple[Any, ...] = ()
    warnings: tuple[str, ...] = ()
    try:
        warnings = tuple(site.load(desk.path, utc_now()).warnings)
    except ConfigError as error:
        problems = error.problems
    if as_json:
        fields = ("file", "line", "column", "message")
        rows = [{name: getattr(problem, name) for name in fields} for problem in problems]
        show.as_json({"problems": rows, "warnings": list(warnings)})
    else:
        for problem in problems:
            click.echo(str(problem))
        for warning in warnings:
            click.echo(f"note: {warning}")
        if not problems:
            click.echo(f"{desk.path}: all is well")
    if problems:
        raise SystemExit(ConfigError.exit_code)


@cli.command()
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
        given = sender.strip("<>") if sender is not None else written_sender(_head(spool))
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


def _head(spool: IO[bytes]) -> bytes:
    """The first octets of a mail, which hold its header."""
    head = spool.read(HEAD)
    spool.seek(0)
    return head


def _deliver(desk: Desk, store: Store, mail: Kept) -> None:
    """Keep the mail; without a daemon on this store process it here, so that the ticket is there at once."""
    identity = site.identity(config.load(desk.path))
    for recipient in mail.envelope.recipients:
        if not identity.accepts(recipient):
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


@cli.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, in the order of the files.")
def inspect(files: tuple[Path, ...], as_json: bool) -> None:
    """What maild understands of messages, without a desk and without storing anything."""
    for file in files:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        found = document(str(file), parse(raw).mail)
        if as_json:
            show.as_json(found, line=True)
        else:
            show.inspected(found)


for command in (
    advice.explain,
    advice.replay,
    admin.tickets,
    admin.ticket,
    queue_command.queue,
    admin.quarantine,
    admin.status,
    admin.person,
    promises.sla,
    report_command.report,
    exporting.export,
    tracing.trace,
    doctor.doctor,
    man,
    bringing.import_,
    backup.backup,
    restoring.restore_command,
):
    cli.add_command(command)
for part in (persons.export, persons.erase):
    admin.person.add_command(part)


def main() -> None:
    """Run the command line; faults become a sentence on stderr and an exit code (CONTRACT §1)."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("maild: stopped", err=True)
        raise SystemExit(130) from None
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except MaildError as error:
        click.echo(_sentence(error), err=True)
        raise SystemExit(error.exit_code) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except Exception:  # noqa: BLE001  the last door: a fault of ours is shown whole to the sysadmin, and nobody else
        click.echo("maild: a fault of maild, please report it:", err=True)
        traceback.print_exc()
        raise SystemExit(EXIT_FAULT) from None


def _sentence(error: MaildError) -> str:
    if isinstance(error, ConfigError):
        return "\n".join(str(problem) for problem in error.problems)
    return f"maild: {error}"
