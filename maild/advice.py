"""Commands that say what the desk would do, and do nothing: explain and replay."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from maild import promises, show_advice, show_promises, site
from maild.clock import utc_now
from maild.desk.facts import Envelope
from maild.explaining import differences, explained
from maild.flow import Considered
from maild.intake.archive import Archived, messages
from maild.message.envelope import written_sender
from maild.show import as_json as print_json
from maild.terminal import Desk, flow_of, json_option
from store import Store

_HEAD = 1 << 18


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--sender", metavar="ADDRESS", help="The envelope sender; default: Return-Path, else From.")
@click.option("--recipient", "recipients", multiple=True, metavar="ADDRESS", help="An envelope recipient; default: the desk.")  # fmt: skip
@click.option("--unauthenticated", is_flag=True, help="Drop every claim of identity that the message makes.")
@click.option("--rules", type=click.Path(exists=True, file_okay=False, path_type=Path), help="With the rules of this folder.")  # fmt: skip
@json_option
@click.pass_obj
def explain(
    desk: Desk, file: Path, sender: str | None, recipients: tuple[str, ...], unauthenticated: bool, rules: Path | None, as_json: bool
) -> None:  # fmt: skip
    """What the desk would do with this message and why. Nothing is stored or sent.

    Every rule in order with each condition, the ticket it belongs to with rejected candidates, what would be sent to whom, which
    promises would start. FILE is a message as it arrives; - is stdin.
    """
    loaded = site.load(desk.path, utc_now(), rules)
    raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    given = envelope(raw, loaded.settings.desk.address, sender, recipients, unauthenticated=unauthenticated)
    with desk.store() as store, flow_of(loaded, store) as flow:
        found = flow.consider(raw, given)
    told = explained(str(file), found)
    if as_json:
        print_json(told)
    else:
        show_advice.explained(told)


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--rules", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True, help="The folder of the other rules.")  # fmt: skip
@click.option("--last", type=click.IntRange(min=1), help="Also the mails that opened the last N tickets of this desk.")  # fmt: skip
@click.option("--sla", "promised", is_flag=True, help="Instead: which promises would have been broken over this desk's history.")  # fmt: skip
@json_option
@click.pass_obj
def replay(
    desk: Desk, paths: tuple[Path, ...], rules: Path, last: int | None, promised: bool, as_json: bool
) -> None:
    """What other rules would make of archived mail: each message that would be treated otherwise, and how.

    \b
    maild replay --rules new-rules old-mail.mbox Maildir/
    maild replay --rules new-rules --last 200
    maild replay --rules new-rules --sla
    """
    if promised:
        if paths or last is not None:
            raise click.UsageError(
                "--sla looks at every ticket of this desk: without files and without --last"
            )
        _other_promises(desk, rules, as_json=as_json)
        return
    if not paths and last is None:
        raise click.UsageError("name files or folders, or --last N")
    now = site.load(desk.path, utc_now())
    then = site.load(desk.path, utc_now(), rules)
    rows, count = [], 0
    with desk.store() as store, flow_of(now, store) as present, flow_of(then, store) as other:
        for one in _archived(store, paths, last):
            count += 1
            given = envelope(one.raw, now.settings.desk.address)
            before, after = present.consider(one.raw, given), other.consider(one.raw, given)
            found = differences(before, after)
            if found:
                rows.append(_row(one.name, before, found))
                if not as_json:
                    show_advice.difference(rows[-1])
    if as_json:
        print_json({"messages": count, "different": rows})
    else:
        show_advice.differences_of(count, len(rows))


def _other_promises(desk: Desk, rules: Path, *, as_json: bool) -> None:
    """Which promises would have been broken with the policies of these rules, where that differs from those in force."""
    at = utc_now()
    now, then = site.load(desk.path, at).rulebook, site.load(desk.path, at, rules).rulebook
    with desk.store() as store:
        rows = list(promises.would_break(store, now, then, at))
    if as_json:
        print_json({"different": rows})
    else:
        show_promises.would_break(rows)


def _row(name: str, found: Considered, differs: dict[str, list[object]]) -> dict[str, object]:
    mail = found.parsed.mail
    sender = mail.from_[0].address if mail.from_ else None
    return {"file": name, "subject": mail.subject, "from": sender, "differences": differs}


def _archived(store: Store, paths: Iterable[Path], last: int | None) -> Iterator[Archived]:
    yield from messages(tuple(paths))
    if last is None:
        return
    with store.read() as work:
        numbers = work.last_tickets(last)
        firsts = [next(iter(work.messages(number)), None) for number in numbers]
    for number, message in zip(numbers, firsts, strict=True):
        if message is not None and message.sha256 is not None:
            yield Archived(f"ticket {number}", store.content.get(message.sha256))


def envelope(
    raw: bytes,
    desk: str,
    sender: str | None = None,
    recipients: tuple[str, ...] = (),
    *,
    unauthenticated: bool = False,
) -> Envelope:
    """The envelope of a message that lies there: as by a pipe, with what is given or what the message tells of it."""
    given = sender.strip("<>") if sender is not None else written_sender(raw[:_HEAD])
    to = recipients or (desk,)
    return Envelope(given, to, "pipe", "pipe", utc_now(), trusted=True, unauthenticated=unauthenticated)
