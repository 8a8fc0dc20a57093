"""`maild person`: who is known to the desk; what is held of a person, given to him whole (`export`) or erased (`erase`)."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click

from maild import config, documents, show
from maild.clock import moment, utc_now
from maild.desk.belonging import customer_of, groups_of, language_of, organisation_of, reason
from maild.desk.people import Person, Suppression, Ticket
from maild.desk.rulebook import Rulebook
from maild.desk.snapshot import Wanted
from maild.errors import BadInput, ConfigError, NotNow
from maild.identity import identity
from maild.terminal import Desk, json_option
from store import Store, Work
from store.holdings import MailHeld, MailSent, Traces

KEYS: Final[Mapping[str, str]] = {
    "person": "the register's entry: `id`, `name`, `address`, `addresses`, `organisation`, `groups`, `language`, `zone`, `phone`, `suppressed` (since when and why nothing automatic goes there), `tickets`",
    "tickets": "every ticket that the person asked for, whole, as `maild ticket N --json` prints it: fields, messages, history",
    "messages": "what the person wrote in tickets of others, or what belongs to no ticket, each with its `ticket`",
    "takes_part_in": "numbers of the tickets of others",
    "ratings": "how satisfied the person said to be: `ticket`, `rating`",
    "mails": "mails as they came, with every way by which each came: `id`, `file`, `sha256`, `size`, `received_at`, `route`, `peer`, `helo`, `sender`, `recipients`, `state`, `outcome`, `message`",
    "outgoing": "mails to the person: `id`, `file`, `to`, `ticket`, `message`, `message_id`, `kind`, `state`, `attempts`, `created_at`, `sent_at`, `reason`",
    "history": "lines of the desk's own history that name the person, in the form of a ticket's events",
}
"""The keys of the document, with what stands there."""
_BLOCK: Final = 1 << 20
_ALL: Final = 2**31
_README: Final = """\
# What {desk} holds of {who}

Written by `maild person export` on {at}. `person.json` holds everything but octets; times are RFC 3339 in UTC. `mail/` holds the mails as they
came, `sent/` those of the desk as they went, `attachments/` the files of messages; each is named as the document says (`file`, `sha256`).

| key | what |
| --- | --- |
"""


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody of whom something is held. `known` None: only an address in mails, not in the register."""

    who: str
    known: Person | None
    traces: Traces

    @property
    def label(self) -> str:
        if self.known is None:
            return self.who
        return " ".join(
            filter(None, (self.known.name, f"<{self.known.address}>" if self.known.address else ""))
        )


def find(work: Work, who: str) -> Found:
    """Whom an address, a name or a telephone number means, and where he is. Raises BadInput for nobody, or several."""
    known = work.person_at(who)
    if known is None and "@" not in who:
        known = called(work, who)
    addresses = (who,) if "@" in who else ()
    return Found(who, known, work.traces((known.id,) if known else (), addresses))


def document(work: Work, found: Found, rulebook: Rulebook) -> dict[str, Any]:
    """Everything held of somebody (`KEYS`)."""
    traces, known = found.traces, found.known
    own = set(traces.own)
    tickets = [one for number in traces.own if (one := work.ticket(number)) is not None]
    messages = work.messages_of(traces.messages)
    entry: dict[str, object] = {}
    if known is not None:
        suppressed = work.suppression(known.address) if known.address else None
        entry = {"id": known.id} | register_entry(
            known, suppressed, tickets, work.addresses(known.id), rulebook
        )
    return {
        "person": entry or {"addresses": list(traces.addresses)},
        "tickets": [documents.of_ticket(work, one) for one in tickets],
        "messages": [
            {"ticket": one.ticket} | documents.message(one) for one in messages if one.ticket not in own
        ],
        "takes_part_in": list(traces.other),
        "ratings": [
            {"ticket": one.id, "rating": one.satisfaction} for one in tickets if one.satisfaction is not None
        ],
        "mails": [_came(one) for one in work.mails_of(traces.mails, traces.messages)],
        "outgoing": [_sent(one) for one in work.mails_to(traces.outgoing)],
        "history": [documents.event(line) for line in work.lines_of(traces.events)],
    }


def _came(one: MailHeld) -> dict[str, object]:
    return {
        "id": one.id, "file": f"mail/{one.sha256}.eml", "sha256": one.sha256, "size": one.size, "received_at": moment(one.received_at),
        "route": one.route, "peer": one.peer, "helo": one.helo, "sender": one.sender, "recipients": list(one.recipients), "state": one.state,
        "outcome": one.outcome, "message": one.message,
    }  # fmt: skip


def _sent(one: MailSent) -> dict[str, object]:
    return {
        "id": one.id, "file": f"sent/{one.id}.eml", "to": one.recipient, "ticket": one.ticket, "message": one.message,
        "message_id": one.message_id, "kind": one.kind, "state": one.state, "attempts": one.attempts,
        "created_at": moment(one.created_at), "sent_at": moment(one.sent_at), "reason": one.reason or None,
    }  # fmt: skip


def write(store: Store, work: Work, held: Mapping[str, Any], folder: Path, readme: str) -> dict[str, int]:
    """The document, mails, and files in a new folder, which is whole or not there; how many of each. Raises BadInput, NotNow."""
    folder = folder.absolute()
    partial = folder.with_name(folder.name + ".partial")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(f"{folder} is not empty: this needs a folder of its own")
    if partial.exists():
        raise BadInput(
            f"{partial} is there: another export is being written, or one was cut off (then remove it)"
        )
    try:
        partial.mkdir(parents=True, mode=0o700)
        try:
            counts = _fill(store, work, held, partial)
            (partial / "README.md").write_text(readme, encoding="utf-8")
            os.replace(partial, folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    except OSError as error:
        raise NotNow(f"{error.filename or folder} cannot be written: {error.strerror}") from error
    return counts


def _fill(store: Store, work: Work, held: Mapping[str, Any], folder: Path) -> dict[str, int]:
    for name in ("mail", "sent", "attachments"):
        (folder / name).mkdir(mode=0o700)
    text = json.dumps(held, ensure_ascii=False, indent=2, default=str)
    (folder / "person.json").write_text(text + "\n", encoding="utf-8")
    missing = 0
    written = [message for ticket in held["tickets"] for message in ticket["messages"]] + held["messages"]
    hashes = {
        part["sha256"]: folder / "attachments" / part["sha256"]
        for one in written
        for part in one["attachments"]
    }
    hashes |= {one["sha256"]: folder / one["file"] for one in held["mails"]}
    for sha256, target in hashes.items():
        missing += not _copy(store, sha256, target)
    for one in held["outgoing"]:
        (folder / one["file"]).write_bytes(work.sent_bytes(one["id"]))
    return {"mails": len(held["mails"]), "outgoing": len(held["outgoing"]), "files": len(hashes) - missing, "missing": missing}  # fmt: skip


def _copy(store: Store, sha256: str, target: Path) -> bool:
    """Whether the octets were there to be copied."""
    try:
        source = store.content.open(sha256)
    except KeyError:
        return False
    with source, target.open("xb") as file:
        shutil.copyfileobj(source, file, _BLOCK)
    return True


def register_entry(
    one: Person,
    suppressed: Suppression | None,
    tickets: list[Ticket],
    addresses: Sequence[str],
    rulebook: Rulebook,
) -> dict[str, object]:
    """Somebody of the register at one address: what is known, why nothing automatic goes there (None: it may), the tickets as requester.
    `addresses`: all of them. The `rulebook` tells to whom the person belongs."""
    customer = customer_of(one, rulebook)
    return {
        "name": one.name,
        "address": one.address,
        "addresses": list(addresses),
        "organisation": organisation_of(one, rulebook),
        "organisation_from": reason(one, rulebook) or None,
        "groups": list(groups_of(one, rulebook)),
        "language": language_of(one, rulebook),
        "zone": one.zone or (customer.zone if customer else None),
        "phone": one.phone,
        "suppressed": {"at": moment(suppressed.at), "why": suppressed.why} if suppressed else None,
        "tickets": [ticket.id for ticket in tickets],
    }


@click.group()
def person() -> None:
    """Who is known to the desk."""


@person.command("show")
@click.argument("who")
@json_option
@click.pass_obj
def person_show(desk: Desk, who: str, as_json: bool) -> None:
    """What is known of somebody (WHO: an address, a name or a telephone number): names, addresses, to whom he belongs and why, tickets,
    and whether automatic mail goes to this address."""
    with desk.store() as store:
        try:
            rulebook = desk.load().rulebook
        except ConfigError as error:
            click.echo(
                f"maild: only what is stored is shown, for the rule files are wrong: {error}", err=True
            )
            rulebook = Rulebook(identity(config.load(desk.path)))
        else:
            with store.work() as work:
                work.take_contacts(rulebook.contacts)
        with store.read() as work:
            found = _known(work, who, rulebook)
    if as_json:
        show.as_json(found)
    else:
        show.person(found)


def _known(work: Work, who: str, rulebook: Rulebook) -> dict[str, object]:
    known = work.person_at(who)
    if known is None:
        known = called(work, who)
    elif known.key != who.lower():
        known = replace(known, address=who.lower())
    suppressed = work.suppression(known.address) if known.address else None
    tickets = sorted(work.earlier(known.id, None, _ALL), key=lambda ticket: ticket.id)
    return register_entry(known, suppressed, tickets, work.addresses(known.id), rulebook)


def called(work: Work, who: str) -> Person:
    """The one whom a name or a telephone number means. BadInput: nobody, or several."""
    found = work.snapshot(Wanted(callers=(who,)), utc_now()).callers.get(who, ())
    if len(found) > 1:
        people = "; ".join(_whole_name(one) for one in found)
        raise BadInput(f"{who!r} could be {people}: say the address, or name and number together")
    if not found:
        raise BadInput(f"nobody is known as {who}")
    return found[0]


def _whole_name(person: Person) -> str:
    """Somebody among others of his name or number."""
    address = f"<{person.address}>" if person.address and person.name else person.address
    number = f", {person.phone}" if person.phone else ""
    return f"{person.name} {address}".strip() + number


@person.command("allow")
@click.argument("address")
@click.pass_obj
def person_allow(desk: Desk, address: str) -> None:
    """Let automatic mail go to an address again where it was suppressed, because mail failed there or somebody complained."""
    with desk.store() as store, store.work() as work:
        if work.person_at(address) is None:
            raise BadInput(f"nobody is known by the address {address}")
        allowed = work.allow(address)
        if allowed:
            detail = {"subject": address.lower(), "why": "by the admin on this host"}
            work.record(None, "admin", "allowed", detail, (), utc_now())
    click.echo(f"{address}: {'allowed again' if allowed else 'was not suppressed'}")


@person.command()
@click.argument("who")
@click.argument("folder", default="-", type=click.Path(allow_dash=True, path_type=Path))
@json_option
@click.pass_obj
def export(desk: Desk, who: str, folder: Path, as_json: bool) -> None:
    """Everything held of somebody (WHO: an address, a name or a telephone number), as one JSON document on stdout.

    With FOLDER into a new folder: person.json, README.md with its keys, the mails as they came and went, and the attached files.
    """
    loaded = desk.load()
    with desk.store() as store, store.read() as work:
        found = find(work, who)
        if not found.traces.any:
            raise BadInput(f"nothing is held of {who}")
        held = document(work, found, loaded.rulebook)
        if str(folder) == "-":
            show.as_json(held)
            return
        head = _README.format(desk=loaded.settings.desk.name, who=found.label, at=moment(utc_now()))
        readme = head + "".join(f"| `{key}` | {what} |\n" for key, what in KEYS.items())
        counts = write(store, work, held, folder, readme)
    if as_json:
        show.as_json({"folder": str(folder.absolute()), **counts})
    else:
        click.echo(
            f"{folder}: {len(held['tickets'])} tickets, {counts['mails']} mails received, {counts['outgoing']} sent, {counts['files']} files"
        )
    if counts["missing"]:
        click.echo(f"maild: the store lacks the octets of {counts['missing']} of them", err=True)
        raise SystemExit(1)


@person.command()
@click.argument("who")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--now", is_flag=True, help="Also while mails to others that may name him are still to be sent."
)
@json_option
@click.pass_obj
def erase(desk: Desk, who: str, yes: bool, now: bool, as_json: bool) -> None:
    """Erase somebody (WHO: an address, a name or a telephone number) for good.

    Names, addresses, the words, mails and files he sent, and ours to him are gone, and what others quote of him; what others wrote
    themselves stays. His tickets stay with their numbers, states, times and promises, as those of "erased person N". Files that
    somebody else sent too stay with them. Backups and exports made before are not touched. His next mail is a new person's.
    """
    rulebook = desk.load().rulebook
    with desk.store() as store:
        left = _swept(store)  # what an erasure that was cut off has left
        with store.read() as work:
            found = find(work, who)
        _refuse(found.traces, who, rulebook)
        if not found.traces.any:
            if left:
                _compacted(store)
            _told(as_json, {"erased": False, "who": who}, f"nothing is held of {who}")
            return
        if found.traces.pending and not now:
            raise NotNow(
                f"{found.traces.pending} mails to others that may name him are still to be sent (maild queue list): "
                "erase when they are gone, or with --now, which leaves those as they are"
            )
        _ask(found, yes)
        kept = [name for name, field in rulebook.fields.items() if field.values]
        with store.work() as work:
            done = work.erase(find(work, who).traces, kept, utc_now(), "admin")
        removed = _swept(store)
        whole = _compacted(store)
    counts = {
        name: getattr(done, name)
        for name in ("tickets", "messages", "quotes", "mails", "attachments", "outgoing", "unsent", "history")
    }
    says = (
        f"erased: {done.messages} messages, {done.mails} mails as they came, {done.attachments} files, {done.outgoing} mails of ours "
        f"({done.unsent} of them not sent any more), quotes in {done.quotes} messages of others; {removed} contents removed; "
        f"{done.tickets} tickets stay as those of {found.traces.called}"
    )
    _told(as_json, {"erased": True, "person": done.person, "called": found.traces.called, **counts, "contents": removed, "compacted": whole}, says)  # fmt: skip


def _told(as_json: bool, found: Mapping[str, object], sentence: str) -> None:
    if as_json:
        show.as_json(found)
    else:
        click.echo(sentence)


def _refuse(traces: Traces, who: str, rulebook: Rulebook) -> None:
    """Raises BadInput for whom the admin's files name: they would bring him back."""
    for address in dict.fromkeys((who.lower(), *traces.addresses)):
        if rulebook.agent(address) is not None:
            raise BadInput(f"{address} is an agent of this desk: take him out of the rule files first")
        if rulebook.identity.is_own(address):
            raise BadInput(f"{address} is an address of the desk itself")
        if address in rulebook.people:
            raise BadInput(
                f"{address} stands in the rule files (people), which would bring him back: take him out there first"
            )
    numbers = {contact.phone for contact in rulebook.callers if contact.phone}
    named = {contact.name.casefold() for contact in rulebook.callers}
    if not traces.addresses and (
        numbers & set(traces.phones) or named & {name.casefold() for name in traces.names}
    ):
        raise BadInput(
            f"{who} stands in the rule files (people), which would bring him back: take him out there first"
        )


def _ask(found: Found, yes: bool) -> None:
    """Raises BadInput without somebody to ask, Abort at a no."""
    traces = found.traces
    what = f"{show.clean(found.label)}: {len(traces.messages)} messages in {len(traces.own) + len(traces.other)} tickets, {len(traces.outgoing)} mails of ours"
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadInput(f"{what}: nothing was erased; say --yes where nobody can be asked")
    click.echo(what, err=True)
    click.confirm("Erase for good?", abort=True, err=True)


def _swept(store: Store) -> int:
    """How many contents that erasures have freed were removed now."""
    try:
        return store.sweep()
    except NotNow as fault:
        click.echo(
            f"maild: contents that are erased go within minutes of a running daemon: {fault}", err=True
        )
        return 0


def _compacted(store: Store) -> bool:
    """Whether the database's file holds nothing deleted any more."""
    try:
        return store.compact()
    except NotNow as fault:
        click.echo(f"maild: all is erased; the file of the database was not made anew: {fault}", err=True)
        return False
