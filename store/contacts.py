"""The people of the admin's files taken into the register: what the files say goes before what was stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from maild.desk.callers import Caller, meant, name_key, phone_key, same_number
from maild.desk.facts import Address
from maild.desk.people import Person
from store import tables
from store.people import PERSON_COLUMNS, PeopleWork, person_of
from store.transaction import insert_ignore

if TYPE_CHECKING:
    from maild.desk.rulebook import Contact

_FINGERPRINT: Final = "people"
_TAKEN: Final = "people taken"
_LOCK: Final = 0x70656F70  # any number nobody else uses: "peop"
_CALLERS = sa.select(*PERSON_COLUMNS).where(
    tables.person.c.address == "",
    sa.or_(
        tables.person.c.name_key == sa.bindparam("name", type_=tables.person.c.name_key.type),
        tables.person.c.phone_key == sa.bindparam("phone", type_=tables.person.c.phone_key.type),
    ),
)


class ContactWork(PeopleWork):
    """Contacts of the files as part of a transaction."""

    def take_contacts(self, contacts: Sequence[Contact]) -> bool:
        """Let the register know these people as the files describe them, and take back the organisation and groups of those who have left
        the files; False when it knew (one statement). People whom a contact's addresses join become one, with all their tickets."""
        fingerprint = (
            hashlib.sha256(repr(list(contacts)).encode(errors="replace")).hexdigest() if contacts else ""
        )
        if self._memo(_FINGERPRINT) == fingerprint:
            return False
        if self._postgres:
            self._connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            if self._memo(_FINGERPRINT) == fingerprint:
                return False
        before: dict[str, str | None] = json.loads(self._memo(_TAKEN) or "{}")
        self._look_up(key for contact in contacts for key in contact.addresses)
        taken: dict[str, str | None] = {}
        for contact in contacts:
            person = self._take(contact, before)
            taken[str(person.id)] = contact.organisation
        for number in before.keys() - taken.keys():
            self._left(int(number), before[number])
        self._put(tables.memo, {"name": _FINGERPRINT, "value": fingerprint}, "name")
        self._put(tables.memo, {"name": _TAKEN, "value": json.dumps(taken)}, "name")
        self._register.clear()
        return True

    def _memo(self, name: str) -> str:
        return self._connection.scalar(sa.select(tables.memo.c.value).where(tables.memo.c.name == name)) or ""

    def _take(self, contact: Contact, before: Mapping[str, str | None]) -> Person:
        """One contact: whoever has one of the addresses, or called with that name or number, else somebody new."""
        known = list({one.id: one for one in self._look_up(contact.addresses).values()}.values())
        known += [one for one in self._callers(contact) if one.id not in {had.id for had in known}]
        if known:
            person = known[0]
        elif contact.addresses:
            person = self.person(Address(contact.name, contact.addresses[0]))
        else:
            person = self.caller(contact.name, contact.phone)
        person = self._as_said(person, contact, before)
        for key in contact.addresses:
            entry = insert_ignore(self._connection, tables.address)
            self._connection.execute(entry, {"key": key, "person": person.id})
        for other in known[1:]:
            self._join(person, other)
        self._register |= dict.fromkeys(contact.addresses, person)
        return person

    def _callers(self, contact: Contact) -> list[Person]:
        """Those without an address who are this contact: of the name and the number, or of the one while the other is not known."""
        keys = {"name": name_key(contact.name), "phone": phone_key(contact.phone)}
        found = [person_of(row) for row in self._connection.execute(_CALLERS, keys)]
        if contact.phone is None:
            return [] if contact.addresses else found[:1]
        if contact.addresses:
            phone = contact.phone
            found = [one for one in found if one.phone and same_number(one.phone, phone)]
        return list(meant(Caller(contact.name, phone=contact.phone), found))

    def _as_said(self, person: Person, contact: Contact, before: Mapping[str, str | None]) -> Person:
        """The files win; what they leave open stays, but for an organisation that they themselves gave before."""
        gave = before.get(str(person.id))
        organisation = None if gave is not None and gave == person.organisation else person.organisation
        said: dict[str, Any] = {
            "name": contact.name,
            "address": person.address
            if person.key == (contact.addresses or ("",))[0]
            else (contact.addresses or (person.address,))[0],
            "phone": contact.phone or person.phone,
            "organisation": contact.organisation or organisation,
            "language": contact.language or person.language,
            "zone": contact.zone or person.zone,
            "groups": contact.groups,
        }
        other = {name: value for name, value in said.items() if getattr(person, name) != value}
        return self._fill(person, other) if other else person

    def _left(self, id: int, organisation: str | None) -> None:
        """Somebody is in the files no more: groups, and the organisation that they gave, end with that."""
        known = self.person_by_id(id)
        if known is None:
            return
        ended: dict[str, Any] = {"groups": ()} if known.groups else {}
        if organisation is not None and known.organisation == organisation:
            ended["organisation"] = None
        if ended:
            self._fill(known, ended)

    def _join(self, person: Person, other: Person) -> None:
        """Two of the register are one: addresses, tickets, places in tickets and seen mails go to `person`. The other's entry stays, because
        the history and the tokens of old mails name it."""
        to, out = {"person": person.id}, other.id
        ticket, participant, reference = tables.ticket, tables.participant, tables.reference
        execute = self._connection.execute
        execute(sa.update(tables.address).where(tables.address.c.person == out).values(**to))
        unreached = sa.update(ticket).where(ticket.c.requester == out, ticket.c.requester_address == "")
        execute(unreached.values(requester_address=person.address))
        execute(sa.update(ticket).where(ticket.c.requester == out).values(requester=person.id))
        there = participant.alias()
        twice = sa.exists().where(there.c.ticket == participant.c.ticket, there.c.person == person.id)
        execute(sa.delete(participant).where(participant.c.person == out, twice))
        execute(sa.update(participant).where(participant.c.person == out).values(**to))
        mine = sa.select(ticket.c.id).where(ticket.c.requester == person.id)
        execute(
            sa.delete(participant).where(participant.c.person == person.id, participant.c.ticket.in_(mine))
        )
        seen = reference.alias()
        known = sa.exists().where(
            seen.c.ticket == reference.c.ticket, seen.c.person == person.id, seen.c.mid == reference.c.mid
        )
        execute(sa.update(reference).where(reference.c.person == out, sa.not_(known)).values(**to))
        execute(
            sa.update(tables.person).where(tables.person.c.id == out).values(name_key=None, phone_key=None)
        )
