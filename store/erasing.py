"""Erasure of a person: his name, addresses, words, mails and files go; tickets, times, counts and promises stay as they were.

`store.holdings` has looked where he is; `erase` changes it all in one transaction and notes which contents nobody may need any more;
`Store.sweep` removes those that really nobody else has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from maild.desk.redacting import Redaction
from store import tables
from store.columns import bounded
from store.content import ContentWork
from store.history import HistoryWork
from store.holdings import Traces
from store.search import SearchWork
from store.transaction import chunks, insert_ignore

PLACEHOLDER: Final = b"Subject: erased\r\n\r\nThis mail was erased, because somebody in it was.\r\n"
"""What is kept in the place of a mail that was erased."""
GONE: Final = "[erased]"
_OPEN: Final = ("queued", "sending")


@dataclass(slots=True)
class Erased:
    """What was erased: numbers of rows. `mails`: as they came; `outgoing`: bytes of ours; `unsent`: of those, what was still to be sent."""

    person: int | None = None
    tickets: int = 0
    messages: int = 0
    quotes: int = 0
    mails: int = 0
    attachments: int = 0
    outgoing: int = 0
    unsent: int = 0
    history: int = 0
    contents: set[str] = field(default_factory=set)


class ErasureWork(HistoryWork, ContentWork, SearchWork):
    """Erasure as part of a transaction."""

    def erase(self, traces: Traces, kept_fields: Collection[str], now: datetime, by: str) -> Erased:
        """Erase what `traces` has found, and what has been added to his tickets since. `kept_fields`: names of the fields whose values are
        words of the desk's and not of people. Recorded in the history without the name. What it has freed waits for `Store.sweep`."""
        self._alone()
        erasing = _Erasing(self, traces, self._redaction(traces), now)
        done = erasing.all(kept_fields)
        done.person = traces.people[0] if traces.people else None
        self.reindex((*traces.own, *traces.other))
        discard = insert_ignore(self._connection, tables.discard)
        for part in chunks(sorted(done.contents)):
            self._connection.execute(discard, [{"sha256": sha256, "at": now} for sha256 in part])
        detail = {
            "person": traces.called,
            "tickets": done.tickets,
            "messages": done.messages,
            "mails": done.mails,
        }
        self.record(None, by, "erased", detail, (), now)
        for ticket in traces.own:
            self.record(ticket, by, "erased", {"requester": traces.called}, (), now)
        return done

    def _alone(self) -> None:
        """Until the end nobody adds to what is being erased; and what SQLite frees is overwritten."""
        if self._postgres:
            self._connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
            self._connection.exec_driver_sql(
                "LOCK TABLE ticket, message, content, intake IN SHARE ROW EXCLUSIVE MODE"
            )
        else:
            self._connection.exec_driver_sql("PRAGMA secure_delete = ON").close()

    def _redaction(self, traces: Traces) -> Redaction:
        from maild.message import quotes  # its expressions take as long to compile as a database to open

        said: list[str] = []
        for part in chunks(traces.messages):
            columns = (tables.message.c.subject, tables.message.c.reply, tables.message.c.text)
            for row in self._connection.execute(sa.select(*columns).where(tables.message.c.id.in_(part))):
                # What he quoted himself is others'.
                said += (row.subject, row.reply, quotes.split(row.text).signature)
        for part in chunks(traces.own):
            said += self._connection.scalars(
                sa.select(tables.ticket.c.subject).where(tables.ticket.c.id.in_(part))
            )
        return Redaction(traces.called, traces.names, traces.addresses, traces.phones, said)


class _Erasing:
    """One erasure inside its transaction."""

    def __init__(self, work: ErasureWork, traces: Traces, redaction: Redaction, now: datetime) -> None:
        self.work, self.traces, self.redaction, self.now = work, traces, redaction, now
        self.connection = work._connection
        self.done = Erased(tickets=len(traces.own))
        self.placeholder = work.put_content(PLACEHOLDER)
        self.mails: set[int] = set(traces.mails)

    def all(self, kept_fields: Collection[str]) -> Erased:
        self._messages()
        self._others_messages()
        self._tickets(kept_fields)
        self._mails()
        self._outgoing()
        self._beside()
        self._history()
        self._register()
        self.done.contents.discard(self.placeholder)
        return self.done

    def _rows(self, query: sa.Select[Any], column: sa.Column[Any], values: Iterable[Any]) -> Iterable[Any]:
        for part in chunks(values):
            yield from self.connection.execute(query.where(column.in_(part))).all()

    def _set(self, table: sa.Table, id: int, **values: object) -> None:
        self.connection.execute(sa.update(table).where(table.c.id == id).values(**values))

    def _messages(self) -> None:
        """His own: nothing of them stays but when they came, how long after what, and hashes by which the same mail is known again."""
        message, attachment = tables.message, tables.attachment
        columns = (message.c.id, message.c.intake, message.c.sha256, message.c.message_id)
        mids: list[str] = []
        for row in self._rows(sa.select(*columns), message.c.id, self.traces.messages):
            mids += [bounded(row.message_id)] if row.message_id else []
            self._free(row.sha256)
            self.mails |= {row.intake} if row.intake else set()
            self._set(
                message, row.id, from_name=self.traces.called, from_address="", to=[], cc=[], subject="", text="", reply="", html=None,
                message_id=None, sha256=None, defects=[],
            )  # fmt: skip
            self.done.messages += 1
        for row in self._rows(sa.select(attachment.c.sha256), attachment.c.message, self.traces.messages):
            self._free(row.sha256)
            self.done.attachments += 1
        for part in chunks(self.traces.messages):
            self.connection.execute(sa.delete(attachment).where(attachment.c.message.in_(part)))
        reference = tables.reference
        for known in chunks(mids):
            self.connection.execute(sa.delete(reference).where(reference.c.mid.in_(known)))
        for part in chunks(self.traces.people):
            self.connection.execute(sa.delete(reference).where(reference.c.person.in_(part)))

    def _others_messages(self) -> None:
        """What others wrote stays theirs, without what they quote of him; the mails as they came go with the quotes in them."""
        message, his = tables.message, set(self.traces.messages)
        query = sa.select(message)
        found = {
            row.id: row for row in self._rows(query, message.c.ticket, (*self.traces.own, *self.traces.other))
        }
        found |= {row.id: row for row in self._rows(query, message.c.id, self.traces.naming)}
        own = set(self.traces.own)
        for row in found.values():
            if row.id not in his:
                self._other_message(row, in_his_ticket=row.ticket in own)
        self._files_of_his_in(set(found) - his)

    def _other_message(self, row: Any, *, in_his_ticket: bool) -> None:
        redaction, whole = self.redaction, f"{row.subject}\n{row.text}\n{row.reply}"
        known = set(self.traces.addresses)
        values: dict[str, object] = {
            name: [one for one in getattr(row, name) if one.lower() not in known] for name in ("to", "cc")
        }
        if in_his_ticket or redaction.quoted(whole) or redaction.named(whole):
            made = in_his_ticket and row.kind != "person"  # acknowledgements and notices repeat what he wrote
            words = GONE if made else redaction.words(row.reply, quotes=in_his_ticket)
            values |= {"text": words, "reply": words, "html": None, "sha256": None}
            hidden = in_his_ticket and row.subject
            values["subject"] = GONE if hidden else redaction.value(row.subject)
            self._free(row.sha256)
            self.mails |= {row.intake} if row.intake else set()
            self.done.quotes += 1
        elif values["to"] == list(row.to) and values["cc"] == list(row.cc):
            return
        elif row.intake:
            self.mails.add(row.intake)
            values["sha256"] = None
            self._free(row.sha256)
        self._set(tables.message, row.id, **values)

    def _files_of_his_in(self, messages: Collection[int]) -> None:
        """Files of his that somebody sent back or passed on in the same tickets."""
        attachment, freed = tables.attachment, self.done.contents
        for row in self._rows(sa.select(attachment), attachment.c.message, messages):
            if row.sha256 in freed:
                mine = (attachment.c.message == row.message, attachment.c.position == row.position)
                self.connection.execute(sa.delete(attachment).where(*mine))
                self.done.attachments += 1

    def _tickets(self, kept_fields: Collection[str]) -> None:
        ticket, participant, redaction = tables.ticket, tables.participant, self.redaction
        for row in self._rows(sa.select(ticket), ticket.c.id, self.traces.own):
            fields = {name: value for name, value in row.fields.items() if name in kept_fields}
            texts = {name: redaction.value(getattr(row, name)) for name in ("cause", "solution")}
            self._set(ticket, row.id, subject=GONE, requester_address="", fields=fields, urls=[], **texts)
        for row in self._rows(sa.select(ticket), ticket.c.id, self.traces.other):
            texts = {
                name: redaction.value(getattr(row, name))
                for name in ("subject", "fields", "cause", "solution")
            }
            self._set(ticket, row.id, **texts)
        for part in chunks(self.traces.people):
            self.connection.execute(sa.delete(participant).where(participant.c.person.in_(part)))
        for addresses in chunks(self.traces.addresses):
            watcher = tables.watcher
            self.connection.execute(sa.delete(watcher).where(watcher.c.address.in_(addresses)))

    def _mails(self) -> None:
        """As they came, with their envelopes: also those that became no message, and those by which a message came again."""
        route, intake = tables.route, tables.intake
        messages = {*self.traces.messages}
        for row in self._rows(sa.select(route.c.intake), route.c.message, messages):
            self.mails.add(row.intake)
        outcomes = [f"ticket {number}" for number in self.traces.own]
        for row in self._rows(sa.select(intake.c.id), intake.c.outcome, outcomes):
            self.mails.add(row.id)
        waiting = ("waiting", "working")
        known = set(self.traces.addresses)
        for row in self._rows(sa.select(intake), intake.c.id, self.mails):
            if row.state in waiting:
                continue  # it is somebody's next mail
            self._free(row.sha256)
            values: dict[str, object] = {"sha256": self.placeholder}
            if row.sender.lower() in known or row.message in messages:
                values |= {"sender": "", "recipients": [], "message_id": None, "helo": "", "peer": ""}
            if row.state == "quarantined":
                values |= {"state": "done", "outcome": "erased"}
            self._set(intake, row.id, **values, error=None)
            self.done.mails += 1
        ways = {row.id for row in self._rows(sa.select(route.c.id), route.c.message, messages)}
        ways |= {row.id for row in self._rows(sa.select(route.c.id), route.c.intake, self.traces.mails)}
        for way in ways:
            self._set(route, way, sender="", recipients=[], peer="")

    def _outgoing(self) -> None:
        """Bytes of ours to him and about his tickets; what was still to be sent of them is not sent. His other tickets' mails to others go out."""
        outbox = tables.outbox
        columns = [column for column in outbox.c if column.name != "raw"]
        his = set(self.traces.outgoing)
        rows = {row.id: row for row in self._rows(sa.select(*columns), outbox.c.id, his)}
        tickets = (*self.traces.own, *self.traces.other)
        rows |= {row.id: row for row in self._rows(sa.select(*columns), outbox.c.ticket, tickets)}
        own = set(self.traces.own)
        for row in rows.values():
            mine = row.id in his or row.ticket in own
            if row.state in _OPEN and not mine and row.message not in self.traces.messages:
                continue
            values: dict[str, object] = {
                "raw": b"",
                "sha256": None,
                "reason": self.redaction.identity(row.reason),
            }
            self._free(row.sha256)
            if row.id in his:
                values |= {
                    "recipient": "",
                    "recipient_key": f"erased {row.id}",
                    "recipient_domain": "",
                    "reason": "",
                }
            if row.state in _OPEN:
                values |= {"state": "dropped", "finished_at": self.now, "node": None, "lease_until": None}
                self.done.unsent += 1
            self._set(outbox, row.id, **values)
            self.done.outgoing += 1

    def _beside(self) -> None:
        """Posts to webhooks and lines of digests."""
        post, digest, own = tables.post, tables.digest, set(self.traces.own)
        tickets = (*self.traces.own, *self.traces.other)
        for row in self._rows(sa.select(post), post.c.ticket, tickets):
            body = "{}" if row.ticket in own else self.redaction.identity(row.body)
            values: dict[str, object] = {"body": body, "reason": self.redaction.identity(row.reason)}
            if row.ticket in own and row.state in _OPEN:
                values |= {"state": "dropped", "finished_at": self.now, "node": None, "lease_until": None}
            self._set(post, row.id, **values)
        for row in self._rows(sa.select(digest), digest.c.ticket, tickets):
            mine = row.ticket in own
            happenings = [] if mine else self.redaction.value(row.happenings)
            subject = "" if mine else self.redaction.identity(row.subject)
            finished = row.finished_at or (self.now if mine else None)
            self._set(digest, row.id, happenings=happenings, subject=subject, finished_at=finished)

    def _history(self) -> None:
        """What happened, when and by which rule stays; of whom and what was said does not."""
        event, redaction, own = tables.event, self.redaction, set(self.traces.own)
        rows = {row.id: row for row in self._rows(sa.select(event), event.c.id, self.traces.events)}
        tickets = (*self.traces.own, *self.traces.other)
        rows |= {row.id: row for row in self._rows(sa.select(event), event.c.ticket, tickets)}
        for row in rows.values():
            values: Mapping[str, object] = {
                "actor": redaction.identity(row.actor),
                "subject": redaction.identity(row.subject) if row.subject else row.subject,
                "detail": self._detail(row.detail, his=row.ticket in own),
                "reasons": [[step, *map(redaction.evidence, said)] for step, *said in row.reasons],
            }
            changed = {name: value for name, value in values.items() if value != getattr(row, name)}
            if changed:
                self._set(event, row.id, **changed)
                self.done.history += 1

    def _detail(self, detail: Mapping[str, object], *, his: bool) -> object:
        """In his tickets titles and values of fields are his words too, however short; and peers are his hosts."""
        told = {
            name: GONE if his and (name in ("subject", "peer") or name.startswith("field")) else value
            for name, value in detail.items()
        }
        return self.redaction.value(told)

    def _register(self) -> None:
        person, address = tables.person, tables.address
        for addresses in chunks(self.traces.addresses):
            self.connection.execute(sa.delete(address).where(address.c.key.in_(addresses)))
        for number in self.traces.people:
            self._set(
                person, number, name=self.traces.called, address="", organisation=None, language=None, zone=None, phone=None, groups=[],
                name_key=None, phone_key=None,
            )  # fmt: skip

    def _free(self, sha256: str | None) -> None:
        if sha256:
            self.done.contents.add(sha256)
