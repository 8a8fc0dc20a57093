"""The command line: the group of all commands, and what becomes of their faults (CONTRACT §1). Each command is a few lines in a module of
its own kind, that call the rooms and show what they say; it is imported when it is called.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import click

from maild import __version__
from maild.commands import LazyGroup, Place
from maild.errors import EXIT_FAULT, ConfigError, MaildError
from maild.terminal import Desk

PLACES: Final[Mapping[str, Place]] = MappingProxyType(
    {
        "backup": Place(
            "maild.backup",
            "backup",
            "Write everything into one FILE, whether the daemon runs or not: tickets, mails, keys, configuration, rules, templates.",
        ),
        "check": Place(
            "maild.check_command",
            "check",
            "Check configuration, rules and templates: every problem as FILE:LINE:COLUMN, all of them.",
        ),
        "deliver": Place(
            "maild.deliver_command",
            "deliver",
            "Take one message on stdin (pipe transport of an MTA, procmail, a script).",
        ),
        "demo": Place(
            "maild.demo_command",
            "demo",
            "A desk in a temporary folder with real SMTP on loopback: a customer and an agent talk, you watch.",
        ),
        "doctor": Place(
            "maild.doctor", "doctor", "Try the site: files, database, DNS, relays, mailboxes, listeners."
        ),
        "explain": Place("maild.advice", "explain", "What the desk would do with this message and why."),
        "export": Place(
            "maild.exporting",
            "export",
            "Write everything into a new FOLDER: tickets, people, history as JSON lines, mails and attachments as they came.",
        ),
        "import": Place(
            "maild.bringing",
            "import_",
            "Bring archived mail in: mbox files, Maildirs, .eml files, folders of all of them, in order of date.",
        ),
        "init": Place(
            "maild.init_command", "init", "Write a complete, commented, working desk into a folder."
        ),
        "inspect": Place(
            "maild.inspect_command",
            "inspect",
            "What maild understands of messages, without a desk and without storing anything.",
        ),
        "man": Place(
            "maild.manuals",
            "man",
            "The manual: maild (the commands; the default), maild.toml, maild-rules or maild-templates.",
        ),
        "person": Place("maild.persons", "person", "Who is known to the desk."),
        "quarantine": Place(
            "maild.admin", "quarantine", "Mail that could not be processed, whole, with the reason."
        ),
        "queue": Place(
            "maild.queue_command",
            "queue",
            "Outgoing mail, and posts to webhooks (w7), that are not delivered yet, with the reason.",
        ),
        "replay": Place(
            "maild.advice",
            "replay",
            "What other rules would make of archived mail: each message that would be treated otherwise, and how.",
        ),
        "report": Place(
            "maild.report_command",
            "report",
            "Metrics of a period beside the period before it; without options of the last seven days.",
        ),
        "restore": Place(
            "maild.restoring",
            "restore_command",
            "Bring a desk back from the FILE of maild backup: all of it, or nothing.",
        ),
        "run": Place("maild.run_command", "run", "The daemon, in the foreground."),
        "sla": Place(
            "maild.promises",
            "sla",
            "The clocks of a ticket: each promise, when it is due, and the sum that explains it.",
        ),
        "status": Place(
            "maild.admin",
            "status",
            "Health of the running daemon: listeners, queues, the oldest unprocessed message.",
        ),
        "ticket": Place(
            "maild.ticket_command",
            "ticket",
            "One ticket whole; with COMMANDS the same commands agents use by mail, as the admin on this host.",
        ),
        "tickets": Place("maild.admin", "tickets", "Every ticket in every state, in order of number."),
        "trace": Place(
            "maild.tracing",
            "trace",
            "One message's whole way: routes, verdicts, decisions with their reasons, what was sent because of it and how that ended.",
        ),
    }
)


@click.group(
    cls=LazyGroup,
    places=PLACES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
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
    from maild import logs  # not for --help and --version

    logs.to_stderr()
    context.obj = Desk(option)


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
